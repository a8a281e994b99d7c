"""Calls of edge_pointwise: for pointwise convolutions and fully connected layers."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place, Scratch, Step
from firmware_export.standalone.ops.shared import dense_order
from firmware_export.standalone.ops.shared.scaling import Scaling, Weighted
from firmware_export.standalone.target import KernelSet

# Pixels that the kernel reads before it writes, at most (edge_kernels.h).
GROUP = 8
# Pixels that the kernels for DSP process together, and fewer for less scratch.
WIDE_GROUP, _SMALL_GROUP = 6, 4
# A single pixel with as many is not worth the flash of another kernel, 1 KB.
_FEW_INPUTS, _FEW_OUTPUTS = 64, 16
# Inputs whose weights for four outputs are stored together.


@dataclasses.dataclass(frozen=True)
class Row:
    """Pixels of a pointwise convolution; pitches as in a tensor."""

    rows: int
    width: int
    in_pitch: int | None = None
    out_pitch: int | None = None


@dataclasses.dataclass(frozen=True)
class _Pixels:
    """Progress of the kernel: one group of pixels at a time."""

    rows: int
    width: int
    in_row: int
    out_row: int
    in_channels: int
    out_channels: int

    def steps(self) -> Iterator[Step]:
        for row in range(self.rows):
            for pixel in range(0, self.width, GROUP):
                end = min(pixel + GROUP, self.width)
                first = row * self.in_row + pixel * self.in_channels
                yield Step({0: first}, row * self.out_row + end * self.out_channels)


def pointwise(
    op: Weighted, row: Row, weights: np.ndarray, scaling: Scaling, kernels: KernelSet
) -> Lowered:
    """weights: [output channels, input channels]."""
    channels, depth = weights.shape
    rows, width = row.rows, row.width
    dense = _dense(op, weights, scaling) if rows * width == 1 else None
    if dense is not None and (depth > _FEW_INPUTS or channels > _FEW_OUTPUTS):
        return dense
    has_gaps = row.in_pitch is not None or row.out_pitch is not None
    if not has_gaps and rows * width <= 0xFFFF:
        rows, width = 1, rows * width
    op.check(max(rows, width) <= 0xFFFF, op.inputs[0], f"has {rows * width} pixels")
    in_row = width * depth if row.in_pitch is None else row.in_pitch
    out_row = width * channels if row.out_pitch is None else row.out_pitch
    fields: dict[str, Field] = {
        **scaling.fields(weights, op.table),
        "in_row": in_row,
        "out_row": out_row,
        "rows": rows,
        "width": width,
        "in_channels": depth,
        "out_channels": channels,
        "zero_point": op.scaled.zero_point,
        "low": op.low,
        "high": op.high,
    }
    places = (Place(op.inputs[0]), Place(op.output), Scratch())
    progress = _Pixels(rows, width, in_row, out_row, op.inputs[0].shape[-1], op.output.shape[-1])
    # edge_dense, which may be called instead, is never in place.
    in_place = () if has_gaps or channels > depth or dense is not None else (0,)

    is_positive = int(scaling.is_positive(op.scaled.zero_point))

    def lowered(group: int, smaller: Lowered | None = None) -> Lowered:
        size = scratch(depth, kernels, group)
        members = {**fields, "group": group, "is_positive": is_positive}
        call = op.call("pointwise", members, *places, scratch=size)
        return Lowered((call,), in_place, progress, smaller, dense)

    return lowered(WIDE_GROUP, lowered(_SMALL_GROUP))


def _dense(op: Weighted, weights: np.ndarray, scaling: Scaling) -> Lowered:
    """A single pixel, whose weights are used once."""
    channels, depth = weights.shape
    fields = scaling.fields(weights, op.table)
    given = fields["weights"]
    assert isinstance(given, Array)
    fields["weights"] = dataclasses.replace(
        given, values=dense_order.by_runs(given.values.reshape(given.shape))
    )
    fields |= {
        "in_channels": depth,
        "out_channels": channels,
        "zero_point": op.scaled.zero_point,
        "low": op.low,
        "high": op.high,
    }
    return Lowered((op.call("dense", fields, Place(op.inputs[0]), Place(op.output)),))


def scratch(depth: int, kernels: KernelSet, group: int = WIDE_GROUP) -> int:
    """Memory for some pixels; see edge_kernels.h."""
    if kernels == "dsp":
        return 2 * group * (depth + 3 & ~3)
    return (4 if kernels == "mve" else 8) * depth
