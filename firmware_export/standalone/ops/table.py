"""Any function of one int8 value, as a table of all its results."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()

_EVERY = np.arange(-128, 128, dtype=np.int64)


class Quantization(NamedTuple):
    """Quantization of a tensor with one scale."""

    scale: float
    zero_point: int


# Computes int64 results, to be clipped to int8, from int64 values. Raises ValueError, which says
# what is wrong and how to fix it, for scales with which TFLite Micro rejects the op or has an
# undefined result.
Function = Callable[[np.ndarray, Quantization, Quantization], np.ndarray]


@dataclasses.dataclass(eq=False)
class Table(ir.Op):
    """inputs: x. Maps values through 256 int8 values, index value + 128 (any unary int8 op)."""

    table: np.ndarray = dataclasses.field(default_factory=lambda: np.arange(-128, 128, dtype="i1"))

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        table = Array("table", self.table.astype(np.int8))
        fields: dict[str, Field] = {"table": table, "size": self.output.size}
        call = self.call("table", fields, Place(self.inputs[0]), Place(self.output))
        return Lowered((call,), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True


def rule(
    name: str,
    version: int,
    function: Function,
    read_wide: Callable[[FileOp], ir.Op] | None = None,
) -> OpRule:
    """The rule of an op without options; `read_wide` reads it if its input is int16."""

    def read_any(op: FileOp) -> ir.Op:
        if read_wide and op.input_type(0) == "INT16":
            return read_wide(op)
        return read(op, function)

    return OpRule(name, version, read_any)


def read(op: FileOp, function: Function) -> Table:
    """Reads a unary op that computes `function`."""
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    given = Quantization(x.scale, x.zero_point)
    result = Quantization(output.scale, output.zero_point)
    try:
        values = make(function, given, result)
    except ValueError as error:
        raise ExportError(f"op {op.info.index} ({op.info.name}): {error}") from None
    return Table([x], output, op.source, table=values)


def make(function: Function, given: Quantization, result: Quantization) -> np.ndarray:
    """256 int8 values: the results of a function for -128, -127, ... 127."""
    return np.clip(function(_EVERY, given, result), -128, 127).astype(np.int8)


def requantize(q: np.ndarray, given: Quantization, result: Quantization, real: float) -> np.ndarray:
    """Values with a different scale and zero point; `real` is the quotient of the scales."""
    return rescale(q - given.zero_point, *multiplier(real, given, result)) + result.zero_point


def multiplier(real: float, given: Quantization, result: Quantization) -> tuple[int, int]:
    """Multiplier and shift for differences of int8."""
    # Larger ones overflow 32 bits when they are shifted left.
    if not abs(real) < 1 << 22:
        raise ValueError(
            f"a scale of {given.scale:g} becomes one of {result.scale:g}, too small for 32 bits; "
            "calibrate on more varied data"
        )
    return quantize_multiplier(real)
