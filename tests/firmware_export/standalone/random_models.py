"""Random models of many ops that hang together at random, for comparing compilers."""

from typing import Any

import numpy as np

from tests.firmware_export.standalone.model_builder import (
    NONE,
    RELU,
    RELU6,
    SAME,
    VALID,
    Builder,
)

_MAX_ITEMS = 4_000


class _Maker:
    def __init__(self, seed: int, wide: bool = False) -> None:
        self.wide = wide
        self.rng = np.random.default_rng(seed)
        self.builder = Builder()
        self.tensors: list[tuple[int, float, int]] = []  # number, scale, zero point

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def integer(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def activation(self, shape: tuple[int, ...], like: Any = None) -> int:
        scale = float(np.float32(self.rng.uniform(0.02, 0.2)))
        quantization = (scale, self.integer(-100, 100)) if like is None else like
        if self.wide:  # The zero point is 0, and the range of real values the same.
            quantization = (quantization[0] / 256 if like is None else like[0], 0)
        dtype = "int16" if self.wide else "int8"
        scale, zero_point = quantization
        number = self.builder.activation(shape, scale, zero_point, dtype=dtype)
        self.tensors.append((number, *quantization))
        return number

    def any_tensor(self) -> tuple[int, tuple[int, ...], tuple[float, int]]:
        """Newer tensors are likelier, so that chains get long."""
        index = len(self.tensors) - 1 - min(int(self.rng.geometric(0.4)) - 1, len(self.tensors) - 1)
        number, scale, zero_point = self.tensors[index]
        return number, self.builder.shapes[number], (scale, zero_point)

    def weights(self, shape: tuple[int, ...], axis: int) -> int:
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        if self.pick(False, False, True):  # Zeros at the border, which are trimmed.
            values[:, : shape[1] // 2] = 0
        if self.pick(False, False, True):
            values[:, :, shape[2] - shape[2] // 2 :] = 0
        scales = self.rng.uniform(0.001, 0.01, shape[axis]).tolist()
        return self.builder.constant(values, scales, axis=axis)

    def bias(self, channels: int) -> int:
        dtype = np.int64 if self.wide else np.int32
        return self.builder.constant(self.rng.integers(-2000, 2000, channels).astype(dtype))


def make(seed: int, ops: int, wide: bool = False) -> tuple[bytes, tuple[int, ...]]:
    """A model of one input.

    Args:
      seed: of everything.
      ops: how many to try; those that do not fit the tensor they are to read are left out.
      wide: activations are int16.

    Returns:
      (the .tflite file, shape of the input).
    """
    maker = _Maker(seed, wide)
    shape = (1, maker.integer(3, 9), maker.integer(3, 9), maker.pick(1, 2, 4, 8))
    first = maker.activation(shape)
    kinds = [_window, _window, _window, _binary, _binary, _unary, _unary, _move, _move, _mean]
    kinds += [_move] if wide else [_rearrange, _rearrange, _choose]
    for _ in range(ops):
        maker.pick(*kinds)(maker)
    last = maker.tensors[-1][0]
    if last == first:
        _unary(maker)
        last = maker.tensors[-1][0]
    return maker.builder.finish([first], [last]), shape


def _window(maker: _Maker) -> None:
    number, shape, _ = maker.any_tensor()
    if len(shape) != 4:
        return
    kind = maker.pick("CONV_2D", "DEPTHWISE_CONV_2D", "pointwise", "pool")
    kernel = (1, 1) if kind == "pointwise" else (maker.integer(1, 4), maker.integer(1, 4))
    stride = (1, 1) if kind == "pointwise" else (maker.integer(1, 2), maker.integer(1, 2))
    dilation = (maker.integer(1, 2), maker.integer(1, 2)) if stride == (1, 1) else (1, 1)
    if kind == "pool":
        dilation = (1, 1)
    padding = maker.pick(SAME, VALID)
    sizes = []
    for axis in range(2):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        size = shape[1 + axis] if padding == SAME else shape[1 + axis] - extent + 1
        sizes.append(-(-size // stride[axis]))
    channels = shape[3] if kind in ("pool", "DEPTHWISE_CONV_2D") else maker.integer(1, 9)
    if min(sizes) < 1 or sizes[0] * sizes[1] * channels > _MAX_ITEMS:
        return
    common = {
        "padding": padding,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "fused_activation_function": maker.pick(NONE, RELU, RELU6),
    }
    whole = (1, *sizes, channels)
    if kind == "pool":
        _, _, like = next((n, 0, (s, z)) for n, s, z in maker.tensors if n == number)
        output = maker.activation(whole, like)
        name = maker.pick("AVERAGE_POOL_2D", "MAX_POOL_2D")
        window = {"filter_height": kernel[0], "filter_width": kernel[1]}
        maker.builder.op(name, [number], output, **common, **window)
        return
    common |= {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
    if kind == "DEPTHWISE_CONV_2D":
        weights = maker.weights((1, *kernel, channels), 3)
        common["depth_multiplier"] = 1
    else:
        weights, kind = maker.weights((channels, *kernel, shape[3]), 0), "CONV_2D"
    bias = maker.bias(channels)
    maker.builder.op(kind, [number, weights, bias], maker.activation(whole), **common)


def _binary(maker: _Maker) -> None:
    number, shape, _ = maker.any_tensor()
    fused = ("ADD", "SUB", "MUL")
    others: tuple[str, ...] = ("MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE", "PRELU")
    others = others[:2] if maker.wide else others
    name = maker.pick(*fused, *fused, *others)
    same = [t for t, _, _ in maker.tensors if maker.builder.shapes[t] == shape]
    if maker.pick(False, False, True) and not maker.wide:
        values = maker.rng.integers(-128, 128, (1,) * maker.pick(0, 1) + shape[-1:])
        other = maker.builder.constant(values.astype(np.int8), [0.05], [maker.integer(-9, 9)])
    else:
        other = maker.pick(*same)
    scale = float(np.float32(maker.rng.uniform(0.2, 0.5) / (256 if maker.wide else 1)))
    output = maker.activation(shape, (scale, maker.integer(-50, 50)))
    inputs = [number, other] if maker.pick(True, False) else [other, number]
    options = {"fused_activation_function": maker.pick(NONE, RELU)} if name in fused else {}
    maker.builder.op(name, inputs, output, **options)


def _unary(maker: _Maker) -> None:
    number, shape, (scale, zero_point) = maker.any_tensor()
    name = maker.pick("LOGISTIC", "TANH", "RELU", "RELU6", "QUANTIZE", "HARD_SWISH", "LEAKY_RELU")
    name = maker.pick(name, name, name, "ABS", "ELU", "L2_NORMALIZATION", "LOG_SOFTMAX")
    if maker.wide:
        name = maker.pick("LOGISTIC", "TANH", "RELU", "QUANTIZE", "LEAKY_RELU", "ABS")
    like = {
        "L2_NORMALIZATION": (1 / 128, 0),
        "LOG_SOFTMAX": (1 / 16, 127),
        "LOGISTIC": (1 / 256, -128),
        "TANH": (1 / 128, 0),
        "RELU6": (scale, zero_point),
        "HARD_SWISH": (scale, zero_point),
    }.get(name)
    if maker.wide:
        like = (2.0**-15, 0) if name in ("LOGISTIC", "TANH") else None
    options = {"alpha": 0.25} if name == "LEAKY_RELU" else {}
    maker.builder.op(name, [number], maker.activation(shape, like), **options)


def _move(maker: _Maker) -> None:
    number, shape, like = maker.any_tensor()
    builder = maker.builder
    rank = len(shape)
    whole: tuple[int, ...]
    kind = maker.pick("PAD", "RESHAPE", "CONCATENATION", "SLICE", "TRANSPOSE", "RESIZE", "SLICE")
    if kind == "PAD" and rank == 4:
        before, after = (maker.integer(0, 2), maker.integer(0, 2)), (maker.integer(0, 2), 1)
        whole = (1, shape[1] + before[0] + after[0], shape[2] + before[1] + after[1], shape[3])
        if np.prod(whole) <= _MAX_ITEMS:
            pads = builder.numbers([0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0])
            builder.op("PAD", [number, pads], maker.activation(whole, like))
    elif kind == "RESHAPE" and rank == 4:
        whole = (shape[0], shape[1], 1, shape[2] * shape[3])
        builder.op("RESHAPE", [number, builder.numbers(*whole)], maker.activation(whole, like))
    elif kind == "CONCATENATION" and rank == 4:
        axis = maker.integer(1, 3)
        parts = [number]
        for other, scale, zero_point in maker.tensors:
            there = builder.shapes[other]
            fits = len(there) == 4 and all(there[i] == shape[i] for i in range(4) if i != axis)
            if fits and (scale, zero_point) == like and other not in parts:
                parts.append(other)
        parts = parts[:3] if len(parts) > 1 else [number, number]
        total = sum(builder.shapes[part][axis] for part in parts)
        whole = (*shape[:axis], total, *shape[axis + 1 :])
        if np.prod(whole) <= _MAX_ITEMS:
            builder.op("CONCATENATION", parts, maker.activation(whole, like), axis=axis)
    elif kind == "SLICE":
        begin = [maker.integer(0, size - 1) if maker.pick(0, 1) else 0 for size in shape]
        sizes = [maker.integer(1, size - b) for size, b in zip(shape, begin, strict=True)]
        if maker.pick(False, True):  # Along one axis, as a view can be.
            axis = maker.integer(0, rank - 1)
            begin = [b if i == axis else 0 for i, b in enumerate(begin)]
            sizes = [s if i == axis else shape[i] for i, s in enumerate(sizes)]
        where = builder.numbers(*begin), builder.numbers(*sizes)
        builder.op("SLICE", [number, *where], maker.activation(tuple(sizes), like))
    elif kind == "TRANSPOSE":
        order = [int(axis) for axis in maker.rng.permutation(rank)]
        if rank == 4:
            order = maker.pick([0, 2, 1, 3], [0, 3, 1, 2], [0, 1, 3, 2])
        whole = tuple(shape[axis] for axis in order)
        builder.op("TRANSPOSE", [number, builder.numbers(*order)], maker.activation(whole, like))
    elif kind == "RESIZE" and rank == 4:
        size = (maker.integer(1, 9), maker.integer(1, 9))
        whole = (shape[0], *size, shape[3])
        if np.prod(whole) <= _MAX_ITEMS:
            output = maker.activation(whole, like)
            builder.op("RESIZE_NEAREST_NEIGHBOR", [number, builder.numbers(*size)], output)


def _rearrange(maker: _Maker) -> None:
    """Ops that take apart, join, repeat or interleave."""
    number, shape, like = maker.any_tensor()
    builder = maker.builder
    if len(shape) != 4:
        return
    kind = maker.pick("PACK", "UNPACK", "SPLIT", "DEPTH", "BROADCAST", "MIRROR", "GATHER", "LINES")
    axis = maker.integer(1, 3)
    if kind == "PACK":
        whole = (*shape[:axis], 2, *shape[axis:])
        output = maker.activation(whole, like)
        builder.op("PACK", [number, number], output, axis=axis, values_count=2)
        flat = maker.activation((*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]), like)
        builder.op("RESHAPE", [output], flat)
    elif kind in ("UNPACK", "SPLIT") and shape[axis] <= 6:
        left = [] if kind == "UNPACK" else [1]
        part = (*shape[:axis], *left, *shape[axis + 1 :])
        parts = [maker.activation(part, like) for _ in range(shape[axis])]
        if kind == "UNPACK":
            builder.op("UNPACK", [number], parts, axis=axis, num=len(parts))
        else:
            builder.op("SPLIT", [builder.numbers(axis), number], parts, num_splits=len(parts))
    elif kind == "DEPTH" and shape[3] % 4 == 0:
        output = maker.activation((1, 2 * shape[1], 2 * shape[2], shape[3] // 4), like)
        builder.op("DEPTH_TO_SPACE", [number], output, block_size=2)
    elif kind == "DEPTH" and shape[1] % 2 == 0 and shape[2] % 2 == 0:
        output = maker.activation((1, shape[1] // 2, shape[2] // 2, shape[3] * 4), like)
        builder.op("SPACE_TO_DEPTH", [number], output, block_size=2)
    elif kind == "BROADCAST" and 1 in shape[1:]:
        whole = (1, *(maker.integer(2, 4) if size == 1 else size for size in shape[1:]))
        if np.prod(whole) <= _MAX_ITEMS:
            output = maker.activation(whole, like)
            builder.op("BROADCAST_TO", [number, builder.numbers(*whole)], output)
    elif kind == "MIRROR" and min(shape[1:3]) > 1:
        output = maker.activation((1, shape[1] + 2, shape[2] + 1, shape[3]), like)
        pads = builder.numbers([0, 0], [1, 1], [0, 1], [0, 0])
        builder.op("MIRROR_PAD", [number, pads], output, mode=maker.pick(0, 1))
    elif kind == "GATHER":
        taken = maker.rng.integers(0, shape[axis], maker.integer(1, 5))
        output = maker.activation((*shape[:axis], len(taken), *shape[axis + 1 :]), like)
        builder.op("GATHER", [number, builder.numbers(*taken)], output, axis=axis)
    elif kind == "LINES":
        size = (maker.integer(1, 9), maker.integer(1, 9))
        output = maker.activation((1, *size, shape[3]), like)
        builder.op("RESIZE_BILINEAR", [number, builder.numbers(*size)], output)


def _mean(maker: _Maker) -> None:
    number, shape, like = maker.any_tensor()
    if len(shape) != 4:
        return
    if maker.wide:
        return
    name = maker.pick("MEAN", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
    axes = maker.pick([1], [2], [1, 2], [3], [1, 3])
    whole = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    inputs = [number, maker.builder.numbers(*axes)]
    output = maker.activation(whole, like if name.startswith("REDUCE") else None)
    maker.builder.op(name, inputs, output, keep_dims=True)


def _choose(maker: _Maker) -> None:
    """Where one tensor is larger than another, the one; elsewhere the other."""
    number, shape, like = maker.any_tensor()
    same = [t for t, _, _ in maker.tensors if maker.builder.shapes[t] == shape]
    other = maker.pick(*same)
    larger = maker.builder.activation(shape, None, dtype="bool")
    maker.builder.op(maker.pick("GREATER", "LESS_EQUAL"), [number, other], larger)
    maker.builder.op("SELECT_V2", [larger, number, other], maker.activation(shape, like))
