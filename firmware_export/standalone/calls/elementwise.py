"""Calls of ops on single values, of means and of softmax."""

import math
from collections.abc import Sequence

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone import arithmetic, ir
from firmware_export.standalone.calls.call import (
    Argument,
    Array,
    Call,
    Field,
    Lowered,
    Place,
    check,
)

_REMEDY = "calibrate on data that is not all alike"


def binary(op: ir.Binary, target: str) -> Lowered:
    order = (0, 1)
    fields: dict[str, Field]
    if op.kind == "mul":
        name, fields = "mul", _product_fields(op)
    else:
        name, (order, fields) = "add", _sum_fields(op)
    inputs = [op.inputs[index] for index in order]
    arguments = (_operand(inputs[0]), _operand(inputs[1]), Place(op.output))
    in_place = tuple(
        index
        for index, tensor in enumerate(op.inputs)
        if not tensor.is_constant and tensor.size == op.output.size
    )
    if inputs[0].size == inputs[1].size == op.output.size:
        call = Call(name, f"edge_{name}_t", (name,), fields, arguments, op)
        return Lowered((call,), in_place)
    call = Call(
        f"{name}_broadcast",
        f"edge_{name}_broadcast_t",
        (f"{name}_broadcast",),
        {name: fields, "shape": _broadcast(op, inputs)},
        arguments,
        op,
    )
    return Lowered((call,), in_place)


def _sum_fields(op: ir.Binary) -> tuple[tuple[int, int], dict[str, Field]]:
    """(which input is a and which b of edge_add_t, its members)."""
    scales = (op.inputs[0].scale, op.inputs[1].scale)
    try:
        parameters = arithmetic.sum_parameters(op.kind, scales, op.output.scale)
    except ValueError as error:
        raise ExportError(f"{op.source}: '{op.output.name}': {error}") from None
    first, second = (0, 1) if scales[0] >= scales[1] else (1, 0)
    # The kernels shift to the right by 1 at least. A sum that is shifted less has outputs that
    # are a hundred thousand times finer than its inputs.
    check(
        op,
        parameters.shift < 0,
        op.output,
        f"has a scale of {op.output.scale:g}, too small beside the inputs'",
        _REMEDY,
    )
    assert (parameters.multipliers[first], parameters.shifts[first]) == (1 << 30, 0)
    multiplier, shift = parameters.multipliers[second], -parameters.shifts[second]
    if shift == 0:
        # 2^30 with no shift, or 0: the same as this, see edge_requantize.h.
        multiplier, shift = (1 << 31) - 1 if multiplier else 0, 1
    signs = (1, -1 if op.kind == "sub" else 1)
    return (first, second), {
        "b_multiplier": multiplier,
        "multiplier": parameters.multiplier,
        "size": op.output.size,
        "b_shift": shift,
        "shift": -parameters.shift,
        "a_sign": signs[first],
        "b_sign": signs[second],
        "a_zero_point": op.inputs[first].zero_point,
        "b_zero_point": op.inputs[second].zero_point,
        "zero_point": op.output.zero_point,
        "low": op.low,
        "high": op.high,
    }


def _product_fields(op: ir.Binary) -> dict[str, Field]:
    a, b = op.inputs
    multiplier, shift = arithmetic.product_multiplier((a.scale, b.scale), op.output.scale)
    # Products have 16 bits and a sign; beyond this the reference overflows.
    check(op, shift <= 14, op.output, f"has a scale of {op.output.scale:g}, too small", _REMEDY)
    return {
        "multiplier": multiplier,
        "size": op.output.size,
        "shift": -shift,
        "a_zero_point": a.zero_point,
        "b_zero_point": b.zero_point,
        "zero_point": op.output.zero_point,
        "low": op.low,
        "high": op.high,
    }


def _operand(tensor: ir.Tensor) -> Argument:
    if tensor.data is None:
        return Place(tensor)
    return Array("constant", tensor.data.astype(np.int8).reshape(-1))


def _broadcast(op: ir.Binary, inputs: Sequence[ir.Tensor]) -> dict[str, Field]:
    """Members of edge_broadcast_t; adjacent axes that repeat alike are joined."""
    shape = op.output.shape
    padded = [(1,) * (len(shape) - len(t.shape)) + t.shape for t in inputs]
    axes: list[tuple[int, bool, bool]] = []
    for size, a, b in zip(shape, *padded, strict=True):
        axis = (size, a != size, b != size)
        if size == 1:
            continue
        if axes and axes[-1][1:] == axis[1:] and axes[-1][0] * size <= 0xFFFF:
            axis = (axes.pop()[0] * size, *axis[1:])
        axes.append(axis)
    check(
        op,
        len(axes) <= 4,
        op.output,
        f"is made of shapes {padded[0]} and {padded[1]}, which repeat along too many axes",
        "reshape so that repeated axes are adjacent",
    )
    axes = [(1, False, False)] * (4 - len(axes)) + axes
    return {
        "extent": [size for size, _, _ in axes],
        "a_repeats": sum(repeats << axis for axis, (_, repeats, _) in enumerate(axes)),
        "b_repeats": sum(repeats << axis for axis, (_, _, repeats) in enumerate(axes)),
    }


def table(op: ir.Table, target: str) -> Lowered:
    fields: dict[str, Field] = {
        "table": Array("table", op.table.astype(np.int8)),
        "size": op.output.size,
    }
    places = (Place(op.inputs[0]), Place(op.output))
    return Lowered((Call("table", "edge_table_t", ("table",), fields, places, op),), (0,))


def softmax(op: ir.Softmax, target: str) -> Lowered:
    x = op.inputs[0]
    depth = x.shape[-1]
    try:
        exps = arithmetic.softmax_exps(x.scale, op.beta)
    except ValueError as error:
        raise ExportError(f"{op.source}: '{x.name}': {error}") from None
    # 4096 equal inputs make the reference's sum overflow.
    check(op, depth < 4096, x, f"has {depth} items in its last axis", "4095 are the most")
    fields: dict[str, Field] = {
        "exps": Array("exps", exps),
        "rows": x.size // depth,
        "depth": depth,
        "exps_size": len(exps),
    }
    places = (Place(x), Place(op.output))
    return Lowered((Call("softmax", "edge_softmax_t", ("softmax",), fields, places, op),), (0,))


def mean(op: ir.Mean, target: str) -> Lowered:
    x, output = op.inputs[0], op.output
    count = math.prod(x.shape[axis] for axis in op.axes)
    multiplier, shift = arithmetic.mean_multiplier(x.scale, output.scale, count)
    check(
        op,
        255 * count << max(shift, 0) < 1 << 30,
        output,
        f"has a scale of {output.scale:g}, too small beside the input's {x.scale:g}",
        _REMEDY,
    )
    kept, reduced = _mean_axes(op)
    fields: dict[str, Field] = {
        "offset": -x.zero_point * count,
        "multiplier": multiplier,
        "kept": kept,
        "reduced": reduced,
        "shift": -shift,
        "zero_point": output.zero_point,
    }
    return Lowered((Call("mean", "edge_mean_t", ("mean",), fields, (Place(x), Place(output)), op),))


def _mean_axes(op: ir.Mean) -> tuple[list[int], list[int]]:
    """Sizes in the order kept, reduced, kept, reduced, kept; adjacent axes of a kind are joined."""
    sizes = [1]
    for axis, size in enumerate(op.inputs[0].shape):
        if size == 1:
            continue
        if len(sizes) % 2 == (axis in op.axes):
            sizes.append(1)
        sizes[-1] *= size
    check(
        op,
        len(sizes) <= 5 and max(sizes) <= 0xFFFF,
        op.inputs[0],
        f"has shape {op.inputs[0].shape} and is averaged along {op.axes}",
        "transpose so that averaged axes are adjacent",
    )
    if len(sizes) <= 3:
        # What is averaged belongs into the kernel's inner loop.
        sizes = [1, 1, *sizes]
    sizes += [1] * (5 - len(sizes))
    return sizes[::2], sizes[1::2]
