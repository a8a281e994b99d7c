"""Single layers in report.html: sparsity and quantization errors."""

import math
from collections.abc import Sequence
from typing import Any

from edge_tf.evaluation.layers.layer_tables import LayerTables, SparsityTable
from edge_tf.evaluation.layers.quantization_error import LayerError, QuantizationError
from edge_tf.evaluation.report import hop_text
from tflite_model.sparsity import ParameterSize

# Rows shown at first; the others are one click away.
_FIRST = 15


def context(tables: LayerTables | None) -> dict[str, Any]:
    """Variables of layers.html.jinja: `sparsity`, `errors` and `no_errors`; each may be empty."""
    if tables is None:
        return {"sparsity": None, "errors": None, "no_errors": ""}
    return {
        "sparsity": _sparsity(tables.sparsity) if tables.sparsity else None,
        "errors": _errors(tables.errors) if tables.errors else None,
        "no_errors": tables.no_errors,
    }


def _percent(share: float | None, digits: int = 1) -> str:
    return hop_text.NOTHING if share is None else f"{100 * share:.{digits}f} %"


def _decibel(value: float | None) -> str:
    if value is None or math.isnan(value):
        return hop_text.NOTHING
    return "no error" if value == math.inf else f"{value:.1f}"


def _sparsity(table: SparsityTable) -> dict[str, Any]:
    counts = table.counts
    return {
        "facts": [
            ("File size", f"{counts.file_bytes:,} bytes"),
            ("File size, gzipped", f"{counts.gzip_bytes:,} bytes"),
            ("Constants", f"{counts.constant_bytes:,} bytes"),
            ("Non-zero constants", f"{counts.nonzero_bytes:,} bytes"),
            ("Non-zero parameters (DCASE's size rule)", _parameters(counts.parameters)),
            ("Zeros in CONV_2D", _percent(counts.share("CONV_2D"))),
            ("Zeros in DEPTHWISE_CONV_2D", _percent(counts.share("DEPTHWISE_CONV_2D"))),
            ("Zeros in both", _percent(counts.share("CONV_2D", "DEPTHWISE_CONV_2D"))),
        ],
        "layers": [
            (layer.layer or "all layers", *_zeros(layer.elements, layer.zeros))
            for layer in table.layers
        ],
        "weights": [
            (
                table.names.get(one.tensor) or f"tensor {one.tensor}",
                one.op,
                _shape(one.shape),
                *_zeros(one.elements, one.zeros),
                f"{one.nonzero_bytes:,}",
            )
            for one in counts.weights
        ],
        "rewritten": bool(table.names),
    }


def _parameters(size: ParameterSize) -> str:
    return (
        f"{size.nonzero:,} of {size.elements:,}, {size.nonzero_bytes:,} bytes: "
        f"{size.nonzero_kb:.1f} KiB, {size.nonzero_bytes / 1000:.1f} kB"
    )


def _zeros(elements: int, zeros: int) -> tuple[str, str, str]:
    return f"{elements:,}", f"{zeros:,}", _percent(zeros / elements if elements else None)


def _shape(shape: Sequence[int]) -> str:
    """A tensor's dimensions: 1 x 20 x 101 x 8."""
    return " x ".join(str(size) for size in shape)


def _errors(errors: QuantizationError) -> dict[str, Any]:
    rows = [_row(layer) for layer in errors.layers]
    return {
        "facts": [
            ("Clips", f"{errors.clips:,}"),
            ("Accuracy, float graph", _percent(errors.float_accuracy, 2)),
            ("Accuracy, int8 file", _percent(errors.int8_accuracy, 2)),
            ("Accuracy, float with all layers rounded", _percent(errors.simulated_accuracy, 2)),
            ("Logit SNR, int8 file", f"{_decibel(errors.logits_snr_db)} dB"),
        ],
        "worst": rows[:_FIRST],
        "all": rows if len(rows) > _FIRST else [],
    }


def _row(layer: LayerError) -> tuple[str, ...]:
    alone = layer.accuracy_alone
    return (
        layer.name or f"tensor {layer.tensor}",
        layer.op,
        _shape(layer.shape),
        _decibel(layer.snr_db),
        "copies" if alone is None else f"{100 * alone:.2f}",
        _decibel(layer.logits_snr_db_alone),
    )
