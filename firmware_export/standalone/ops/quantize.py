"""QUANTIZE and DEQUANTIZE: another scale or type.

From int8 to int8 it is a table, which passes fuse. At the ends of a graph, from and to float and
uint8, it is an op of its own, which the caller may do instead (ends.py).
"""

import dataclasses

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared import wide
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.ops.table import Quantization
from firmware_export.standalone.target import KernelSet

# From which type to which; those of TFLite Micro.
_QUANTIZED = {
    "float32": ("int8", "int16"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}


@dataclasses.dataclass(eq=False)
class Recode(ir.Conversion):
    """inputs: x. From uint8 to int8 or back: by a table of bytes."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        fields: dict[str, Field] = {
            "table": Array("table", self._table()),
            "size": self.output.size,
        }
        call = self.call("table", fields, Place(self.inputs[0]), Place(self.output))
        return Lowered((call,), in_place=(0,))

    def _table(self) -> np.ndarray:
        """Indexed by the input's bytes as int8, from -128 on."""
        x, output = self.inputs[0], self.output
        bytes_ = np.arange(-128, 128, dtype=np.int8)
        ends = Quantization(x.scale, x.zero_point), Quantization(output.scale, output.zero_point)
        try:
            values = function(bytes_.view(x.dtype).astype(np.int64), *ends)
        except ValueError as error:
            raise ExportError(f"{self.source}: {error}") from None
        return np.clip(values, *output.limits).astype(output.dtype).view(np.int8)


@dataclasses.dataclass(eq=False)
class Quantize(ir.Conversion):
    """inputs: x, float32. To int8 or int16."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        return _conversion(self, "quantize", self.output)


@dataclasses.dataclass(eq=False)
class Dequantize(ir.Conversion):
    """inputs: x, int8, uint8 or int16. To float32; the product with the scale is rounded once."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        return _conversion(self, "dequantize", self.inputs[0])


@dataclasses.dataclass(eq=False)
class Requantize(ir.Op):
    """inputs: x. Between int8, int16 and int32, except from int8 to int8."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        multiplier, shift = quantize_multiplier(single(x.scale) / single(output.scale))
        self.check(
            shift <= 30,
            output,
            f"has a scale of {output.scale:g}, too small for 32 bits",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "multiplier": multiplier,
            "size": output.size,
            "in_zero_point": x.zero_point,
            "zero_point": output.zero_point,
            "low": output.limits[0],
            "high": output.limits[1],
            "shift": -shift,
            "in_bytes": x.item_bytes,
            "out_bytes": output.item_bytes,
        }
        return Lowered((wide.call(self, "resize_items", fields),))


def _conversion(op: ir.Op, kernel: str, quantized: ir.Tensor) -> Lowered:
    fields: dict[str, Field] = {
        "scale": single(quantized.scale),
        "size": quantized.size,
        "zero_point": quantized.zero_point,
    }
    kind = "u8" if quantized.dtype == "uint8" else 8 * quantized.item_bytes
    call = op.call(
        f"{kernel}_{kind}",
        fields,
        *(Place(op.inputs[0]), Place(op.output)),
        struct=f"edge_{kernel}_t",
        sources=(kernel,),
        header="edge_ends.h",
    )
    return Lowered((call,))


def function(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    return table.requantize(q, given, result, single(given.scale) / single(result.scale))


def _read_quantize(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x = op.activation(0, tuple(_QUANTIZED))
    output = op.output(types=_QUANTIZED[x.dtype])
    if x.dtype == output.dtype == "int8":
        return table.read(op, function)
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    if {x.dtype, output.dtype} & {"int16", "int32"} and x.dtype != "float32":
        op.require(len(x.scales) == len(output.scales) == 1, "has a tensor without one scale")
        return Requantize([x], output, op.source)
    kind = Quantize if x.dtype == "float32" else Recode
    return kind([x], output, op.source)


def _read_dequantize(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0, ("int8", "uint8", "int16")), op.output(types=("float32",))
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    return Dequantize([x], output, op.source)


OPS = (OpRule("QUANTIZE", 4, _read_quantize), OpRule("DEQUANTIZE", 6, _read_dequantize))
