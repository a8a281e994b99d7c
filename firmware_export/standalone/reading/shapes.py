"""Ops that move values without changing them, and MEAN."""

import numpy as np

from firmware_export.standalone import ir
from firmware_export.standalone.reading.context import Op

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1


def reshape(op: Op) -> ir.Op:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: TFLite Micro takes the output's shape from the file too."""
    op.check_counts(1, 2)
    x, output = op.activation(0), op.output()
    op.require(x.size == output.size, f"makes {output.shape} of {x.shape}")
    return ir.Reshape([x], output, op.source)


def pad(op: Op) -> ir.Op:
    with_value = op.info.name == "PADV2"
    op.check_counts(3 if with_value else 2, 3 if with_value else 2)
    x, output = op.activation(0), op.output()
    amounts = op.numbers(1, 2 * len(x.shape))
    before, after = tuple(amounts[::2]), tuple(amounts[1::2])
    op.require(min(amounts, default=0) >= 0, f"pads by {amounts}")
    padded = tuple(n + a + b for n, a, b in zip(x.shape, before, after, strict=True))
    op.require(padded == output.shape, f"makes {output.shape} of {x.shape} by padding {amounts}")
    fill = output.zero_point
    if with_value:
        tensor = op.value(2)
        op.require(tensor.data is not None and tensor.size == 1, "has no constant padding value")
        op.same_quantization(tensor, output)
        assert tensor.data is not None
        fill = int(tensor.data.reshape(-1)[0])
    return ir.Pad([x], output, op.source, before=before, after=after, value=fill)


def concatenation(op: Op) -> ir.Op:
    op.require(op.input_count >= 1, "has no input")
    op.check_counts(op.input_count, op.input_count)
    output = op.output()
    if op.option("fused_activation_function"):
        op.fail("has a fused activation", "put the activation into an op of its own")
    rank = len(output.shape)
    axis = op.option("axis")
    op.require(-rank <= axis < rank, f"joins along axis {axis} of {rank}")
    axis %= rank
    tensors = [op.value(position) for position in range(op.input_count)]
    total = 0
    for tensor in tensors:
        op.same_quantization(tensor, output)
        op.require(
            len(tensor.shape) == rank
            and tensor.shape[:axis] == output.shape[:axis]
            and tensor.shape[axis + 1 :] == output.shape[axis + 1 :],
            f"joins '{tensor.name}' of shape {tensor.shape} to {output.shape}",
        )
        total += tensor.shape[axis]
    op.require(total == output.shape[axis], f"joins {total} items to {output.shape}")
    return ir.Concat(tensors, output, op.source, axis=axis)


def slice_(op: Op) -> ir.Op:
    op.check_counts(3, 3)
    x, output = op.activation(0), op.output()
    rank = len(x.shape)
    begin, sizes = op.numbers(1, rank), op.numbers(2, rank)
    shape = [n - b if s == -1 else s for n, b, s in zip(x.shape, begin, sizes, strict=True)]
    op.require(
        all(b >= 0 and s > 0 and b + s <= n for b, s, n in zip(begin, shape, x.shape, strict=True))
        and tuple(shape) == output.shape,
        f"takes {shape} from {begin} on of {x.shape}, to {output.shape}",
    )
    return ir.Slice([x], output, op.source, begin=tuple(begin), step=(1,) * rank)


def strided_slice(op: Op) -> list[ir.Op]:
    """Begin, end and step of each axis, where masks may stand for "from its start" and so on."""
    op.check_counts(4, 4)
    x, output = op.activation(0), op.output()
    rank = len(x.shape)
    begin, end, step = (op.numbers(position, rank) for position in (1, 2, 3))
    if op.option("ellipsis_mask") or op.option("new_axis_mask") or op.option("offset", False):
        op.fail(
            "has an ellipsis, a new axis or relative ends",
            "convert it to begin, end and step of every axis",
        )
    starts, shape = [], []
    for axis in range(rank):
        op.require(step[axis] != 0, "has a step of 0")
        bit = 1 << axis
        start = _start(begin[axis], step[axis], x.shape[axis], op.option("begin_mask") & bit)
        stop = _stop(end[axis], step[axis], x.shape[axis], op.option("end_mask") & bit)
        starts.append(start)
        if op.option("shrink_axis_mask") & bit:
            op.require(0 <= start < x.shape[axis], f"takes item {start} of {x.shape}")
            continue
        count = -(-(stop - start) // step[axis])
        op.require(count > 0, f"takes nothing along axis {axis} of {x.shape}")
        shape.append(count)
    op.require(tuple(shape) == output.shape, f"takes {shape} of {x.shape}, to {output.shape}")
    return _sliced(op, x, output, starts, step)


def _sliced(
    op: Op, x: ir.Tensor, output: ir.Tensor, starts: list[int], step: list[int]
) -> list[ir.Op]:
    """A slice along the input's axes, and a reshape where the output lacks some of them."""
    shrunk = op.option("shrink_axis_mask")
    rank = len(x.shape)
    kept = [axis for axis in range(rank) if not shrunk >> axis & 1]
    if len(kept) == rank:
        return [ir.Slice([x], output, op.source, begin=tuple(starts), step=tuple(step))]
    shape = [1] * rank
    for axis, size in zip(kept, output.shape, strict=True):
        shape[axis] = size
    name = f"{output.name}/slice"
    whole = ir.Tensor(name, tuple(shape), scales=output.scales, zero_points=output.zero_points)
    return [
        ir.Slice([x], whole, op.source, begin=tuple(starts), step=tuple(step)),
        ir.Reshape([whole], output, op.source),
    ]


def _start(begin: int, step: int, size: int, masked: int) -> int:
    if masked:
        begin = _INT32_MIN if step > 0 else _INT32_MAX
    if begin < 0:
        begin += size
    return min(max(begin, 0), size) if step > 0 else min(max(begin, -1), size - 1)


def _stop(end: int, step: int, size: int, masked: int) -> int:
    if masked:
        end = _INT32_MAX if step > 0 else _INT32_MIN
    if end < 0:
        end += size
    return min(max(end, 0), size) if step > 0 else min(max(end, -1), size - 1)


def transpose(op: Op) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    order = op.numbers(1, len(x.shape))
    op.require(sorted(order) == list(range(len(x.shape))), f"orders axes as {order}")
    op.require(
        tuple(x.shape[axis] for axis in order) == output.shape,
        f"makes {output.shape} of {x.shape} by the order {order}",
    )
    return ir.Transpose([x], output, op.source, order=tuple(order))


def resize_nearest(op: Op) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    op.require(len(x.shape) == 4 and len(output.shape) == 4, f"reads a shape of {x.shape}")
    size = op.numbers(1, 2)
    op.require(
        (x.shape[0], *size, x.shape[3]) == output.shape,
        f"makes {output.shape} of {x.shape} with size {size}",
    )
    corners = bool(op.option("align_corners", False))
    centers = bool(op.option("half_pixel_centers", False))
    rows = _nearest(x.shape[1], size[0], corners, centers)
    columns = _nearest(x.shape[2], size[1], corners, centers)
    return ir.Resize([x], output, op.source, rows=rows, columns=columns)


def _nearest(size: int, count: int, corners: bool, centers: bool) -> tuple[int, ...]:
    """Which of `size` items each of `count` takes, in float32 as TFLite Micro computes it."""
    if corners and count > 1:
        scale = np.float32(size - 1) / np.float32(count - 1)
    else:
        scale = np.float32(size) / np.float32(count)
    offset = np.float32(0.5 if centers else 0.0)
    place = (np.arange(count, dtype=np.float32) + offset) * scale
    taken = np.floor(place.astype(np.float64) + (0.5 if corners else 0.0))
    return tuple(int(index) for index in np.clip(taken, 0, size - 1))


def mean(op: Op) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    rank = len(x.shape)
    given = op.numbers(1)
    op.require(given and all(-rank <= axis < rank for axis in given), f"has the axes {given}")
    axes = tuple(sorted({axis % rank for axis in given}))
    keep = bool(op.option("keep_dims", False))
    shape = tuple(
        1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes
    )
    op.require(shape == output.shape, f"makes {output.shape} of {x.shape} along {axes}")
    return ir.Mean([x], output, op.source, axes=axes)
