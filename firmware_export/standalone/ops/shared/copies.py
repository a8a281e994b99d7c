"""Calls of edge_copy, which copies any part of a tensor to any part of another, and edge_fill."""

import math
from collections.abc import Sequence

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Argument, Call, Field, Place

# Axes of the kernel, besides runs of bytes.
_AXES = 4


def steps(shape: Sequence[int]) -> list[int]:
    """Items from one item of each axis to the next."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def strides(tensor: ir.Tensor) -> list[int]:
    """Bytes from one item of each axis to the next."""
    return [step * tensor.item_bytes for step in steps(tensor.shape)]


def copy(
    op: ir.Op,
    source: Argument,
    to: Place,
    shape: Sequence[int],
    in_strides: Sequence[int],
    out_strides: Sequence[int],
) -> tuple[Call, ...]:
    """Calls of edge_copy; axes that are contiguous in both tensors are joined.

    Usually one. What moves along more axes than the kernel has is copied part by part.

    Args:
      op: its output has the type of the items.
      source, to: the first items.
      shape: number of items per axis.
      in_strides, out_strides: bytes from one item of each axis to the next.
    """
    axes: list[_Axis] = []
    item = (op.output.item_bytes, 1, 1)
    for size, i, o in [*zip(shape, in_strides, out_strides, strict=True), item]:
        if size == 1:
            continue
        if axes and axes[-1][1:] == (i * size, o * size):
            size *= axes.pop()[0]
        axes.append((size, i, o))
    run = axes.pop()[0] if axes and axes[-1][1:] == (1, 1) else 1
    return _calls(op, source, to, axes, run)


def fill(op: ir.Op, value: float) -> Call:
    """A call that sets the whole output to one value."""
    output = op.output
    pattern = np.array(value, output.dtype).tobytes()
    op.check(
        len(set(pattern)) == 1,
        output,
        f"is padded with {value}, whose bytes differ",
        "pad with 0",
    )
    fields: dict[str, Field] = {
        "size": output.byte_size,
        "value": int(np.frombuffer(pattern, np.int8)[0]),
    }
    return op.call("fill", fields, Place(output))


# Items, and bytes from one to the next in the input and in the output.
_Axis = tuple[int, int, int]


def _calls(op: ir.Op, source: Argument, to: Place, axes: list[_Axis], run: int) -> tuple[Call, ...]:
    if len(axes) > _AXES:
        at = axes.index(min(axes))
        (size, i, o), rest = axes[at], axes[:at] + axes[at + 1 :]
        parts = [(_moved(source, n * i), Place(to.tensor, to.offset + n * o)) for n in range(size)]
        return tuple(call for x, y in parts for call in _calls(op, x, y, rest, run))
    axes = [(1, 0, 0)] * (_AXES - len(axes)) + axes
    fields: dict[str, Field] = {
        "in_stride": [i for _, i, _ in axes],
        "out_stride": [o for _, _, o in axes],
        "extent": [size for size, _, _ in axes],
        "run": run,
    }
    return (op.call("copy", fields, source, to),)


def _moved(source: Argument, offset: int) -> Argument:
    assert isinstance(source, Place), "constants are copied along few axes"
    return Place(source.tensor, source.offset + offset)
