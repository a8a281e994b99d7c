"""Calls of edge_copy, which copies any part of a tensor to any part of another."""

import math
from collections.abc import Sequence

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Argument, Call, Field, Place


def strides(tensor: ir.Tensor) -> list[int]:
    """Bytes from one item of each axis to the next."""
    shape = tensor.shape
    return [math.prod(shape[axis + 1 :]) * tensor.item_bytes for axis in range(len(shape))]


def copy(
    op: ir.Op,
    source: Argument,
    to: Place,
    shape: Sequence[int],
    in_strides: Sequence[int],
    out_strides: Sequence[int],
) -> Call:
    """A call of edge_copy; axes that are contiguous in both tensors are joined.

    Args:
      op: its output has the type of the items.
      source, to: the first items.
      shape: number of items per axis.
      in_strides, out_strides: bytes from one item of each axis to the next.
    """
    axes: list[tuple[int, int, int]] = []
    item = (op.output.item_bytes, 1, 1)
    for size, i, o in [*zip(shape, in_strides, out_strides, strict=True), item]:
        if size == 1:
            continue
        if axes and axes[-1][1:] == (i * size, o * size):
            size *= axes.pop()[0]
        axes.append((size, i, o))
    run = axes.pop()[0] if axes and axes[-1][1:] == (1, 1) else 1
    # Extents have 16 bits; an axis with more items is cut into two.
    axes = [part for axis in axes for part in _cut(*axis)]
    op.check(
        len(axes) <= 4,
        op.output,
        f"has shape {op.output.shape} with axes that are moved in too many ways",
        "split the op into several",
    )
    axes = [(1, 0, 0)] * (4 - len(axes)) + axes
    fields: dict[str, Field] = {
        "in_stride": [i for _, i, _ in axes],
        "out_stride": [o for _, _, o in axes],
        "extent": [size for size, _, _ in axes],
        "run": run,
    }
    return op.call("copy", fields, source, to)


def _cut(size: int, i: int, o: int) -> list[tuple[int, int, int]]:
    if size <= 0xFFFF:
        return [(size, i, o)]
    part = max(n for n in range(1, 0x10000) if size % n == 0)
    return [(size // part, i * part, o * part), (part, i, o)]
