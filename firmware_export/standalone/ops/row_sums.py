"""A depthwise convolution over rows that may be anywhere in memory."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Call, Field, Lowered, Place, Places, Step
from firmware_export.standalone.ops.depthwise_conv_2d import Depthwise
from firmware_export.standalone.ops.shared.depthwise import window_sources
from firmware_export.standalone.ops.shared.file_op import OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class RowSum:
    """One row of the output of RowSums.

    Attributes:
      taps: which rows are summed: (position in the op's inputs, row of that input).
      weights: int8 [taps, channels].
    """

    taps: tuple[tuple[int, int], ...]
    weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Progress: one row of the output at a time."""

    rows: tuple[RowSum, ...]
    row_bytes: int

    def steps(self) -> Iterator[Step]:
        for y, row in enumerate(self.rows):
            reads: dict[int, int] = {}
            for position, at in row.taps:
                first = at * self.row_bytes
                reads[position] = min(reads.get(position, first), first)
            yield Step(reads, (y + 1) * self.row_bytes)


@dataclasses.dataclass(eq=False)
class RowSums(ir.Op):
    """A depthwise convolution over rows (axis 1) only, which may be anywhere in memory.

    inputs: activations [1, rows, w, c] with the same quantization; output [1, rows, w, c]. Rows
    without weights, and rows of zero points, are not read at all.

    Attributes:
      convolution: the op it replaces; its constants say how sums become outputs.
      rows: of the output, in order.
    """

    convolution: Depthwise
    rows: list[RowSum]

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        """One call per row of the output."""
        scaling = self.convolution.scaling()
        calls = tuple(self._row(y, row, scaling, kernels) for y, row in enumerate(self.rows))
        return Lowered(calls, progress=_Rows(tuple(self.rows), self._row_bytes))

    def multiply_adds(self) -> int:
        return self._row_bytes * sum(len(row.taps) for row in self.rows)

    @property
    def _row_bytes(self) -> int:
        return self.output.shape[2] * self.output.shape[3]

    def _row(self, y: int, row: RowSum, scaling: Scaling, kernels: KernelSet) -> Call:
        convolution = self.convolution
        zero_point = convolution.inputs[0].zero_point
        weights = scaling.without_constant(row.weights, axis=-1)
        folded = scaling.bias - zero_point * weights.astype(np.int64).sum(axis=0)
        scaling = dataclasses.replace(scaling, folded=folded)
        fields: dict[str, Field] = {
            **scaling.fields(weights, convolution.table, axis=-1),
            "taps": len(row.taps),
            "width": self.output.shape[2],
            "channels": self.output.shape[3],
            "zero_point": convolution.scaled.zero_point,
            "low": convolution.low,
            "high": convolution.high,
        }
        taps = Places(tuple(Place(self.inputs[i], at * self._row_bytes) for i, at in row.taps))
        output = Place(self.output, y * self._row_bytes)
        sources = window_sources("row_sum", kernels)
        return self.call("row_sum", fields, taps, output, sources=sources)
