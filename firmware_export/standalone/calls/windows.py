"""Calls of convolutions, fully connected layers and pools."""

import copy
import dataclasses

import numpy as np

from firmware_export.standalone import arithmetic, ir
from firmware_export.standalone.calls.call import (
    Array,
    Call,
    Field,
    Lowered,
    Place,
    Places,
    Scratch,
    check,
)

# edge_convolution gathers this many windows at a time.
_WINDOWS = 4
# Or it keeps so many bytes for where each value of a window lies.
_OFFSET = 2
# edge_pointwise sets aside this many bytes for each pixel's channel: widens the pixels to 16 bits,
# or keeps them as they are where outputs may lie over them.
_WIDE = 2
# The largest shift that the fast kernels take.
_MAX_SHIFT = 22
# Bytes of a pointer, on the host the most.
_POINTER = 8


@dataclasses.dataclass(frozen=True, eq=False)
class _Scaling:
    """What turns accumulators into outputs, for each output channel.

    Attributes:
      bias: as in the model, int64.
      folded: with the input's zero point folded in.
      multiplier, shift: the shift to the right.
      is_plain: whether accumulators and shifts are as the fast kernels need them.
    """

    bias: np.ndarray
    folded: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    is_plain: bool

    def fields(self, weights: np.ndarray, table: np.ndarray | None) -> dict[str, Field]:
        return {
            "weights": Array("weights", np.ascontiguousarray(weights, np.int8).reshape(-1)),
            "bias": Array("bias", (self.folded if self.is_plain else self.bias).astype(np.int32)),
            "multiplier": Array("multiplier", self.multiplier.astype(np.int32)),
            "shift": Array("shift", self.shift.astype(np.int8)),
            "table": None if table is None else Array("table", table.astype(np.int8)),
        }


def convolution(op: ir.Convolution, target: str) -> Lowered:
    weights = _constant(op.inputs[1])
    groups = op.inputs[0].shape[3] // weights.shape[3]
    if groups > 1 and weights.shape[3] == 1:
        return _depthwise(op, np.moveaxis(weights[..., 0], 0, -1), target)
    scaling = _scaling(op, weights.reshape(weights.shape[0], -1))
    if scaling.is_plain and groups == 1 and _is_pointwise(op, weights):
        x, output = op.inputs[0], op.output
        row = _Row(x.shape[0] * x.shape[1], x.shape[2], x.pitch, output.pitch)
        return _pointwise(op, row, weights.reshape(weights.shape[0], -1), scaling)
    depth = weights[0].size
    if not scaling.is_plain or depth > 0xFFFF:
        return _any_convolution(op, weights, groups, scaling)
    scratch = -(-(_WINDOWS + _OFFSET) * depth // 8) * 8 + _pointwise_scratch(
        depth, op.output.shape[2]
    )
    call = Call(
        "convolution",
        "edge_convolution_t",
        ("convolution", "pointwise"),
        {**scaling.fields(weights, op.table), **_geometry(op, weights.shape[1:3], groups)},
        (Place(op.inputs[0]), Place(op.output), Scratch()),
        op,
        scratch,
    )
    return Lowered((call,))


def depthwise(op: ir.Depthwise, target: str) -> Lowered:
    return _depthwise(op, _constant(op.inputs[1])[0], target)


def fully_connected(op: ir.FullyConnected, target: str) -> Lowered:
    x, weights = op.inputs[0], _constant(op.inputs[1])
    channels, depth = weights.shape
    rows = x.size // depth
    check(op, max(channels, depth) <= 0xFFFF, x, f"has {depth} inputs and {channels} outputs")
    scaling = _scaling(op, weights)
    if scaling.is_plain:
        return _pointwise(op, _Row(1, rows), weights, scaling)
    check(op, rows <= 0xFFFF, x, f"has {rows} rows")
    image = ir.Convolution(
        [dataclasses.replace(x, shape=(1, 1, rows, depth)), *op.inputs[1:]],
        dataclasses.replace(op.output, shape=(1, 1, rows, channels)),
        op.source,
        low=op.low,
        high=op.high,
        table=op.table,
        before_table=op.before_table,
    )
    lowered = _any_convolution(image, weights[:, np.newaxis, np.newaxis], 1, scaling)
    places = (Place(x), Place(op.output))
    return Lowered((dataclasses.replace(lowered.calls[0], arguments=places, op=op),))


def pool(op: ir.Pool, target: str) -> Lowered:
    x, output = op.inputs[0], op.output
    check(op, max(op.window + op.stride) <= 0xFFFF, x, f"has a window of {op.window}")
    for axis in range(2):
        last = (output.shape[1 + axis] - 1) * op.stride[axis] - op.padding[axis]
        check(
            op,
            op.padding[axis] < op.window[axis] and last < x.shape[1 + axis],
            x,
            "has windows that lie in the padding",
        )
    kernel = "average_pool" if op.kind == "average" else "max_pool"
    fields: dict[str, Field] = {
        "batches": x.shape[0],
        "in_height": x.shape[1],
        "in_width": x.shape[2],
        "out_height": output.shape[1],
        "out_width": output.shape[2],
        "channels": x.shape[3],
        "kernel_height": op.window[0],
        "kernel_width": op.window[1],
        "stride_y": op.stride[0],
        "stride_x": op.stride[1],
        "pad_top": op.padding[0],
        "pad_left": op.padding[1],
        "low": op.low,
        "high": op.high,
    }
    return Lowered((Call(kernel, "edge_pool_t", (kernel,), fields, (Place(x), Place(output)), op),))


def is_plain(op: ir.Depthwise) -> bool:
    """Whether the fast kernels can do a depthwise convolution."""
    weights = _constant(op.inputs[1])
    return _scaling(op, weights.reshape(-1, weights.shape[3]).T).is_plain


def row_sums(op: ir.RowSums, target: str) -> Lowered:
    """A call for each row of the output."""
    convolution = op.convolution
    assert convolution is not None
    kernel = _constant(convolution.inputs[1])
    scaling = _scaling(convolution, kernel.reshape(-1, kernel.shape[3]).T)
    _, _, width, channels = op.output.shape
    row_bytes = width * channels
    zero_point = convolution.inputs[0].zero_point
    calls = []
    for y, row in enumerate(op.rows):
        folded = scaling.bias - zero_point * row.weights.astype(np.int64).sum(axis=0)
        fields: dict[str, Field] = {
            **dataclasses.replace(scaling, folded=folded).fields(row.weights, convolution.table),
            "taps": len(row.taps),
            "width": width,
            "channels": channels,
            "zero_point": _scaled(convolution).zero_point,
            "low": convolution.low,
            "high": convolution.high,
        }
        places = tuple(Place(op.inputs[i], at * row_bytes) for i, at in row.taps)
        arguments = (Places(places), Place(op.output, y * row_bytes))
        calls.append(
            Call("row_sum", "edge_row_sum_t", _sources("row_sum", target), fields, arguments, op)
        )
    return Lowered(tuple(calls))


@dataclasses.dataclass(frozen=True)
class _Row:
    """Pixels of a pointwise convolution; pitches as in ir.Tensor."""

    rows: int
    width: int
    in_pitch: int | None = None
    out_pitch: int | None = None


def _pointwise(
    op: ir.Convolution | ir.FullyConnected,
    row: _Row,
    weights: np.ndarray,
    scaling: _Scaling,
) -> Lowered:
    channels, depth = weights.shape
    rows, width = row.rows, row.width
    has_gaps = row.in_pitch is not None or row.out_pitch is not None
    if not has_gaps and rows * width <= 0xFFFF:
        rows, width = 1, rows * width
    check(op, max(rows, width) <= 0xFFFF, op.inputs[0], f"has {rows * width} pixels")
    fields: dict[str, Field] = {
        **scaling.fields(weights, op.table),
        "in_row": width * depth if row.in_pitch is None else row.in_pitch,
        "out_row": width * channels if row.out_pitch is None else row.out_pitch,
        "rows": rows,
        "width": width,
        "in_channels": depth,
        "out_channels": channels,
        "zero_point": _scaled(op).zero_point,
        "low": op.low,
        "high": op.high,
    }
    call = Call(
        "pointwise",
        "edge_pointwise_t",
        ("pointwise",),
        fields,
        (Place(op.inputs[0]), Place(op.output), Scratch()),
        op,
        _pointwise_scratch(depth, width),
    )
    return Lowered((call,), in_place=() if has_gaps or channels > depth else (0,))


def _pointwise_scratch(depth: int, width: int) -> int:
    """Memory for 16 pixels, or fewer if they are large; see edge_kernels.h."""
    pixels = 16 if depth <= 32 else 8 if depth <= 64 else 4
    return _WIDE * min(pixels, width + 3 & ~3) * (depth + 3 & ~3)


def _sources(kernel: str, target: str) -> tuple[str, ...]:
    """Files of row_sum and depthwise: except for the portable ones they share their loops."""
    return (kernel,) if target == "portable" else (kernel, "window_sum")


def _depthwise(op: ir.Convolution, weights: np.ndarray, target: str) -> Lowered:
    """weights: [kernel height, kernel width, output channels]."""
    op, weights = _without_zeros(op, weights)
    channels, in_channels = op.output.shape[3], op.inputs[0].shape[3]
    scaling = _scaling(op, weights.reshape(-1, channels).T)
    if not scaling.is_plain:
        rearranged = np.moveaxis(weights, -1, 0)[..., np.newaxis]
        return _any_convolution(op, rearranged, in_channels, scaling)
    if _is_mean(op, weights):
        return _uniform(op, weights[0, 0], scaling)
    window = weights.shape[:2]
    call = Call(
        "depthwise",
        "edge_convolution_t",
        _sources("depthwise", target),
        {**scaling.fields(weights, op.table), **_geometry(op, window, in_channels)},
        (Place(op.inputs[0]), Place(op.output), Scratch()),
        op,
        _POINTER * window[0] * window[1] + in_channels,
    )
    return Lowered((call,))


def _is_mean(op: ir.Convolution, weights: np.ndarray) -> bool:
    """Whether one window with one weight a channel covers the whole input."""
    x = op.inputs[0]
    return (
        x.shape[0] == 1
        and weights.shape[:2] == x.shape[1:3]
        and op.output.shape[1:] == (1, 1, x.shape[3])
        and op.padding == (0, 0)
        and x.pitch is None
        and bool((weights == weights[0, 0]).all())
        and x.shape[1] * x.shape[2] <= 0xFFFF
    )


def _uniform(op: ir.Convolution, weights: np.ndarray, scaling: _Scaling) -> Lowered:
    x = op.inputs[0]
    fields: dict[str, Field] = {
        **scaling.fields(weights, op.table),
        "pixels": x.shape[1] * x.shape[2],
        "channels": x.shape[3],
        "zero_point": _scaled(op).zero_point,
        "low": op.low,
        "high": op.high,
    }
    call = Call("uniform", "edge_uniform_t", ("uniform",), fields, (Place(x), Place(op.output)), op)
    return Lowered((call,))


def sliding_mean(op: ir.SlidingMean, target: str) -> Lowered:
    mean, ring, counts = op.mean, op.ring, op.counts
    assert mean is not None and ring is not None and counts is not None
    weights = _constant(mean.inputs[1])[0, 0]
    scaling = _scaling(mean, weights.T)
    check(op, scaling.is_plain, op.output, "has sums that are too large for a mean of a stream")
    _, frames, _, channels = ring.shape
    check(op, max(frames, channels) <= 0xFFFF, op.output, f"is over {frames} frames")
    fields: dict[str, Field] = {
        **dataclasses.replace(scaling, folded=scaling.bias).fields(weights[0], mean.table),
        "frames": frames,
        "channels": channels,
        "zero_point": _scaled(mean).zero_point,
        "low": mean.low,
        "high": mean.high,
    }
    places = (Place(op.inputs[0]), Place(op.output), Place(ring), Place(counts))
    name = "sliding_mean"
    return Lowered((Call(name, f"edge_{name}_t", (name,), fields, places, op),))


def _without_zeros(op: ir.Convolution, weights: np.ndarray) -> tuple[ir.Convolution, np.ndarray]:
    """Gives a dilation back to a kernel whose dilation is written out as taps of zeros."""
    dilation = list(op.dilation)
    for axis in range(2):
        used = (weights != 0).any(axis=(1 - axis, 2))
        for step in range(len(used) - 1, 1, -1):
            if (len(used) - 1) % step == 0 and not used[np.arange(len(used)) % step > 0].any():
                weights = weights[::step] if axis == 0 else weights[:, ::step]
                dilation[axis] *= step
                break
    if tuple(dilation) != op.dilation:
        op = copy.copy(op)
        op.dilation = (dilation[0], dilation[1])
    return op, weights


def _any_convolution(
    op: ir.Convolution, weights: np.ndarray, groups: int, scaling: _Scaling
) -> Lowered:
    """weights: [output channels, kernel height, kernel width, channels of a group]."""
    call = Call(
        "convolution_any",
        "edge_convolution_t",
        ("convolution_any",),
        {**scaling.fields(weights, op.table), **_geometry(op, weights.shape[1:3], groups)},
        (Place(op.inputs[0]), Place(op.output)),
        op,
    )
    return Lowered((call,))


def _geometry(op: ir.Convolution, window: tuple[int, ...], groups: int) -> dict[str, Field]:
    x, output = op.inputs[0], op.output
    check(
        op,
        max(*window, *op.stride) <= 0xFF and max(*op.dilation, *op.padding) <= 0xFFFF,
        op.inputs[1],
        f"has a window of {window} and strides of {op.stride}, where 255 are the most",
    )
    return {
        "in_row": x.shape[2] * x.shape[3] if x.pitch is None else x.pitch,
        "out_row": output.shape[2] * output.shape[3] if output.pitch is None else output.pitch,
        "batches": x.shape[0],
        "in_height": x.shape[1],
        "in_width": x.shape[2],
        "in_channels": x.shape[3],
        "out_height": output.shape[1],
        "out_width": output.shape[2],
        "out_channels": output.shape[3],
        "dilation_y": op.dilation[0],
        "dilation_x": op.dilation[1],
        "pad_top": op.padding[0],
        "pad_left": op.padding[1],
        "groups": groups,
        "kernel_height": window[0],
        "kernel_width": window[1],
        "stride_y": op.stride[0],
        "stride_x": op.stride[1],
        "in_zero_point": x.zero_point,
        "zero_point": _scaled(op).zero_point,
        "low": op.low,
        "high": op.high,
    }


def _is_pointwise(op: ir.Convolution, weights: np.ndarray) -> bool:
    return (
        weights.shape[1:3] == (1, 1)
        and op.stride == (1, 1)
        and op.padding == (0, 0)
        and op.inputs[0].shape[:3] == op.output.shape[:3]
        and max(weights.shape) <= 0xFFFF
    )


def _scaled(op: ir.Convolution | ir.FullyConnected) -> ir.Tensor:
    """Whose scale and zero point accumulators get."""
    return op.output if op.before_table is None else op.before_table


def _constant(tensor: ir.Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data


def _scaling(op: ir.Convolution | ir.FullyConnected, weights: np.ndarray) -> _Scaling:
    """weights: [output channels, all that one output sums up]."""
    x, output = op.inputs[0], _scaled(op)
    channels = len(weights)
    derive = (
        arithmetic.fully_connected_multipliers
        if isinstance(op, ir.FullyConnected)
        else arithmetic.convolution_multipliers
    )
    scales = op.inputs[1].scales
    multipliers, lefts = derive(x.scale, scales, output.scale, channels)
    multiplier, shift = np.array(multipliers, np.int64), -np.array(lefts, np.int64)
    check(
        op,
        shift.min() >= -31,
        output,
        f"has a scale of {output.scale:g}, too small beside the input's {x.scale:g}",
    )
    shift[multiplier == 0] = 1
    bias = np.zeros(channels, np.int64)
    if len(op.inputs) > 2:
        bias = _constant(op.inputs[2]).astype(np.int64)
    wide = weights.astype(np.int64)
    # Any sum on the way, of inputs as they are or with the zero point taken off, stays below this.
    most = np.abs(bias) + 256 * np.abs(wide).sum(axis=1)
    for o in np.flatnonzero(~wide.any(axis=1) & ((shift < 1) | (most >= 1 << 30))):
        bias[o], multiplier[o], shift[o] = _constant_sum(op, bias[o], multiplier[o], shift[o])
        most[o] = abs(bias[o])
    folded = bias - x.zero_point * wide.sum(axis=1)
    ends = np.stack([-128 * wide, 127 * wide])
    least, largest = folded + ends.min(axis=0).sum(axis=1), folded + ends.max(axis=0).sum(axis=1)
    for o in np.flatnonzero(shift > _MAX_SHIFT):
        multiplier[o], shift[o] = _shorter(multiplier[o], shift[o], (least[o], largest[o]))
    plain_shifts = shift.min() >= 1 and shift.max() <= _MAX_SHIFT
    is_plain = bool((most < 1 << 30).all() and plain_shifts)
    return _Scaling(bias, folded, multiplier, shift, is_plain)


def _constant_sum(
    op: ir.Convolution | ir.FullyConnected, bias: int, multiplier: int, shift: int
) -> tuple[int, int, int]:
    """Numbers that the fast kernels take, for a channel without weights: its output is constant."""
    scaled = int(arithmetic.rescale(np.array(bias), int(multiplier), -int(shift)))
    zero_point = _scaled(op).zero_point
    output = min(max(scaled + zero_point, op.low), op.high)
    return 4 * (output - zero_point), 1 << 30, 1


def _shorter(multiplier: int, shift: int, ends: tuple[int, int]) -> tuple[int, int]:
    """A shift that the fast kernels take, where the output is the same for all sums.

    Such shifts belong to channels whose weights are all but 0.
    """
    other = int(multiplier) >> int(shift) - _MAX_SHIFT, _MAX_SHIFT
    outputs = {_scaled_sum(int(end), *by) for end in ends for by in ((multiplier, shift), other)}
    return other if len(outputs) == 1 else (multiplier, shift)


def _scaled_sum(total: int, multiplier: int, shift: int) -> int:
    high = (2 * total * int(multiplier) + (1 << 31)) >> 32
    return (high - (high < 0) + (1 << int(shift) - 1)) >> int(shift)
