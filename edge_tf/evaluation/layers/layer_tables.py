"""Zeros and quantization errors of each layer of a run's int8 file."""

import dataclasses
from collections.abc import Mapping

import numpy as np

import tflite_model
from edge_tf import run_dir
from edge_tf.conversion.rewriting import device_graph
from edge_tf.conversion.rewriting.device_graph import DeviceGraph
from edge_tf.data.run_data import spread_over_labels
from edge_tf.evaluation.layers import fake_quantization, quantization_error
from edge_tf.evaluation.layers.quantization_error import QuantizationError
from edge_tf.records import JsonObject
from edge_tf.run_records import ConvertRecord
from tflite_model import sparsity

_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclasses.dataclass(frozen=True)
class LayerSparsity:
    """Zeros of one Keras layer, or of one block of layers.

    Attributes:
      layer: its name; "" for all weights whose layer is unknown.
      elements: weights of the file that come from it.
      zeros: weights that are zero.
    """

    layer: str
    elements: int
    zeros: int


@dataclasses.dataclass(frozen=True)
class SparsityTable:
    """Zeros of a file by tensor and by layer.

    Attributes:
      counts: of the file.
      names: maps the index of a weight tensor to its layer and part.
      layers: most zeros first.
    """

    counts: sparsity.Sparsity
    names: Mapping[int, str]
    layers: tuple[LayerSparsity, ...]

    def to_dict(self) -> JsonObject:
        """For report.json."""
        counts = dataclasses.asdict(self.counts)
        weights = counts.pop("weights")
        return {
            **counts,
            "conv_2d": self.counts.share("CONV_2D"),
            "depthwise_conv_2d": self.counts.share("DEPTHWISE_CONV_2D"),
            "both": self.counts.share(*_KERNELS),
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
            "weights": [{"name": self.names.get(one["tensor"], ""), **one} for one in weights],
        }


@dataclasses.dataclass(frozen=True)
class LayerTables:
    """Both tables.

    Attributes:
      sparsity: of the file; None if not counted.
      errors: of quantization; None if not measured.
      no_errors: why not, a sentence for the user.
    """

    sparsity: SparsityTable | None = None
    errors: QuantizationError | None = None
    no_errors: str = ""

    def to_dict(self) -> JsonObject:
        """For report.json."""
        return {
            "sparsity": self.sparsity.to_dict() if self.sparsity else None,
            "quantization_error": dataclasses.asdict(self.errors) if self.errors else None,
            "no_quantization_error": self.no_errors,
        }


def of_run(
    run: run_dir.RunDirectory,
    model: bytes,
    features: np.ndarray,
    labels: np.ndarray,
    error_clips: int,
) -> LayerTables:
    """Both tables of a run.

    Args:
      run: a run whose conversion has finished.
      model: its .tflite file.
      features: (clips, rows, frames, 1) float32 of the test clips.
      labels: (clips,) their classes.
      error_clips: maximum number of clips for quantization errors, evenly over labels; 0: none.

    Raises:
      UserError: the graph that conversion saved is damaged.
    """
    device, missing = _graph(run, model)
    zeros = sparsity_table(model, device)
    if not error_clips:
        return LayerTables(zeros, None, "Not measured: --error_clips is 0.")
    if device is None:
        return LayerTables(zeros, None, missing)
    rows = spread_over_labels(labels, error_clips)
    errors = quantization_error.measure(model, device, features[rows], labels[rows])
    return LayerTables(zeros, errors)


def _graph(run: run_dir.RunDirectory, model: bytes) -> tuple[DeviceGraph | None, str]:
    """The float graph of the file, or the reason why there is none."""
    path = run / device_graph.FILE
    if run.stage(ConvertRecord).graph == "plain":
        return None, "Only the device graph has this table, not the plain one (--graph=plain)."
    if path.exists():
        device = device_graph.load(path)
        if device.is_of(model):
            return device, ""
    return None, f"{device_graph.FILE} of this model is missing; convert again to get this table."


def sparsity_table(model: bytes, device: DeviceGraph | None) -> SparsityTable:
    """Counts zeros in a .tflite file; layers have names only if its graph is known."""
    counts = sparsity.count(model, tflite_model.parse(model))
    names: dict[int, str] = {}
    totals: dict[str, tuple[int, int]] = {}
    for one in counts.weights:
        layer = ""
        if device is not None and one.output in device.tensors:
            node = device.tensors[one.output]
            source = fake_quantization.convolution_of(node, device) or node
            layer, names[one.tensor] = source.layer, source.name
        elements, zeros = totals.get(layer, (0, 0))
        totals[layer] = elements + one.elements, zeros + one.zeros
    layers = [LayerSparsity(layer, *total) for layer, total in totals.items()]
    return SparsityTable(counts, names, tuple(sorted(layers, key=lambda layer: -layer.zeros)))
