"""Calls of ops that move values without changing them."""

import math
from collections.abc import Sequence

import numpy as np

from firmware_export.standalone import ir
from firmware_export.standalone.calls.call import (
    Argument,
    Array,
    Call,
    Field,
    Lowered,
    Place,
    check,
)


def reshape(op: ir.Reshape, target: str) -> Lowered:
    size = op.output.size
    return Lowered((_copy(op, Place(op.inputs[0]), Place(op.output), (size,), (1,), (1,)),))


def concat(op: ir.Concat, target: str) -> Lowered:
    strides = _strides(op.output.shape)
    calls = []
    offset = 0
    for tensor in op.inputs:
        source: Argument = Place(tensor)
        if tensor.data is not None:
            source = Array("constant", tensor.data.astype(np.int8).reshape(-1))
        to = Place(op.output, offset)
        calls.append(_copy(op, source, to, tensor.shape, _strides(tensor.shape), strides))
        offset += tensor.shape[op.axis] * strides[op.axis]
    return Lowered(tuple(calls))


def slice_(op: ir.Slice, target: str) -> Lowered:
    strides = _strides(op.inputs[0].shape)
    offset = sum(begin * stride for begin, stride in zip(op.begin, strides, strict=True))
    stepped = [step * stride for step, stride in zip(op.step, strides, strict=True)]
    shape = op.output.shape
    call = _copy(op, Place(op.inputs[0], offset), Place(op.output), shape, stepped, _strides(shape))
    return Lowered((call,))


def push(op: ir.Push, target: str) -> Lowered:
    x, state = op.inputs[0], op.output
    fields: dict[str, Field] = {"kept": state.size - x.size, "pushed": x.size}
    return Lowered((Call("push", "edge_push_t", ("push",), fields, (Place(x), Place(state)), op),))


def transpose(op: ir.Transpose, target: str) -> Lowered:
    strides = _strides(op.inputs[0].shape)
    moved = [strides[axis] for axis in op.order]
    shape = op.output.shape
    call = _copy(op, Place(op.inputs[0]), Place(op.output), shape, moved, _strides(shape))
    return Lowered((call,))


def pad(op: ir.Pad, target: str) -> Lowered:
    x, output = op.inputs[0], op.output
    strides = _strides(output.shape)
    offset = sum(before * stride for before, stride in zip(op.before, strides, strict=True))
    fields: dict[str, Field] = {"size": output.size, "value": op.value}
    fill = Call("fill", "edge_fill_t", ("fill",), fields, (Place(output),), op)
    inside = _copy(op, Place(x), Place(output, offset), x.shape, _strides(x.shape), strides)
    return Lowered((fill, inside))


def resize(op: ir.Resize, target: str) -> Lowered:
    x, output = op.inputs[0], op.output
    fields: dict[str, Field] = {
        "rows": Array("rows", np.array(op.rows, np.uint16)),
        "columns": Array("columns", np.array(op.columns, np.uint16)),
        "batches": x.shape[0],
        "in_height": x.shape[1],
        "in_width": x.shape[2],
        "out_height": output.shape[1],
        "out_width": output.shape[2],
        "channels": x.shape[3],
    }
    call = Call("resize", "edge_resize_t", ("resize",), fields, (Place(x), Place(output)), op)
    return Lowered((call,))


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _copy(
    op: ir.Op,
    source: Argument,
    to: Place,
    shape: Sequence[int],
    in_strides: Sequence[int],
    out_strides: Sequence[int],
) -> Call:
    """A call of edge_copy; axes that follow each other in both tensors are joined."""
    axes: list[tuple[int, int, int]] = []
    for size, i, o in zip(shape, in_strides, out_strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1:] == (i * size, o * size):
            size *= axes.pop()[0]
        axes.append((size, i, o))
    run = axes.pop()[0] if axes and axes[-1][1:] == (1, 1) else 1
    # Extents have 16 bits; an axis with more items is cut into two.
    axes = [part for axis in axes for part in _cut(*axis)]
    check(
        op,
        len(axes) <= 4,
        op.output,
        f"has shape {op.output.shape}, whose axes are moved in too many ways",
        "split the op into several",
    )
    axes = [(1, 0, 0)] * (4 - len(axes)) + axes
    fields: dict[str, Field] = {
        "in_stride": [i for _, i, _ in axes],
        "out_stride": [o for _, _, o in axes],
        "extent": [size for size, _, _ in axes],
        "run": run,
    }
    return Call("copy", "edge_copy_t", ("copy",), fields, (source, to), op)


def _cut(size: int, i: int, o: int) -> list[tuple[int, int, int]]:
    if size <= 0xFFFF:
        return [(size, i, o)]
    part = max(n for n in range(1, 0x10000) if size % n == 0)
    return [(size // part, i * part, o * part), (part, i, o)]
