"""Cuts rows and columns of zeros off the border of a kernel: fewer products, same sums."""

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.shared.convolution import Convolution
from firmware_export.standalone.ops.slice import Slice


def run(graph: ir.Graph) -> ir.Graph:
    """Cuts kernels; one that no longer covers the border of its input reads a slice of it."""
    ops: list[ir.Op] = []
    for op in graph.ops:
        if isinstance(op, Convolution):
            ops.extend(_cut(op))
        ops.append(op)
    graph.ops = ops
    return graph


def _cut(op: Convolution) -> list[ir.Op]:
    """Trims an op in place; returns the Slice that must come before it, if any."""
    weights = op.inputs[1]
    cuts = [_zeros(op.weights, axis) for axis in (1, 2)]
    x = op.inputs[0]
    begin, padding = [0, 0], list(op.padding)
    for axis in range(2):
        # Something of the input must be left, even if all windows lie outside of it.
        most = (padding[axis] + x.shape[1 + axis] - 1) // op.dilation[axis]
        cuts[axis] = (min(cuts[axis][0], most), cuts[axis][1])
        lost = cuts[axis][0] * op.dilation[axis]
        if lost > padding[axis]:
            if x.shape[0] > 1:  # A slice of each image could not be a view.
                cuts[axis] = (padding[axis] // op.dilation[axis], cuts[axis][1])
                lost = cuts[axis][0] * op.dilation[axis]
            else:
                begin[axis] = lost - padding[axis]
                lost = padding[axis]
        padding[axis] -= lost
    if not any(map(any, cuts)):
        return []
    height, width = weights.shape[1:3]
    kept = op.weights[:, cuts[0][0] : height - cuts[0][1], cuts[1][0] : width - cuts[1][1]]
    op.inputs[1] = ir.Tensor(
        f"{weights.name}/trimmed",
        kept.shape,
        scales=weights.scales,
        zero_points=weights.zero_points,
        channel_axis=weights.channel_axis,
        data=np.ascontiguousarray(kept),
    )
    op.padding = (padding[0], padding[1])
    return _sliced(op, x, begin)


def _zeros(weights: np.ndarray, axis: int) -> tuple[int, int]:
    """Number of leading and trailing items along an axis that are all zeros; one item stays."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    used = np.flatnonzero(np.any(weights != 0, axis=others))
    if len(used) == 0:
        return 0, weights.shape[axis] - 1
    return int(used[0]), int(weights.shape[axis] - 1 - used[-1])


def _sliced(op: Convolution, x: ir.Tensor, begin: list[int]) -> list[ir.Op]:
    if not any(begin):
        return []
    starts = (0, begin[0], begin[1], 0)
    shape = tuple(size - start for size, start in zip(x.shape, starts, strict=True))
    part = ir.Tensor(f"{op.output.name}/input", shape, x.dtype, x.scales, x.zero_points)
    op.inputs[0] = part
    return [Slice([x], part, op.source, begin=starts, step=(1, 1, 1, 1))]
