"""Random models of every op in every form: more than converters write, all legal.

random_models.py has the usual forms; these have other ranks, batches, groups, missing biases,
broadcasts in both directions, steps and masks of slices, several inputs and outputs.
"""

from typing import Any

import numpy as np

from tests.firmware_export.standalone import random_models
from tests.firmware_export.standalone.model_builder import (
    NONE,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
)
from tests.firmware_export.standalone.random_models import MAX_ITEMS, Maker

_ACTIVATIONS = (NONE, NONE, RELU, RELU6, RELU_N1_TO_1)


def make(seed: int, ops: int) -> bytes:
    """A .tflite file of one or two inputs and one or two outputs.

    Args:
      seed: of everything.
      ops: how many to try; fewer of them give the beginning of the same model.
    """
    maker = Maker(seed)
    batch = maker.pick(1, 1, 1, 2)
    given = []
    for _ in range(maker.pick(1, 1, 1, 2)):
        shape = (batch, maker.integer(1, 9), maker.integer(1, 9), maker.pick(1, 2, 3, 4, 8))
        given.append(maker.activation(shape))
    usual = random_models.KINDS if batch == 1 else ()
    kinds = (*_KINDS, *usual[::2])
    for _ in range(ops):
        maker.pick(*kinds)(maker)
    while len(maker.tensors) == len(given):
        _relu(maker)
    made = [number for number, _, _ in maker.tensors[len(given) :]]
    outputs = made[-2:] if len(made) > 1 and seed % 4 == 0 else made[-1:]
    return maker.builder.finish(given, outputs)


def _window(maker: Maker) -> None:
    """Convolutions with groups, multipliers, without bias, with one scale; of any batch."""
    number, shape, _ = maker.any_tensor()
    if len(shape) != 4:
        return
    depthwise = maker.pick(False, True)
    kernel = (maker.integer(1, 5), maker.integer(1, 5))
    stride = (maker.integer(1, 3), maker.integer(1, 3))
    dilation = (maker.integer(1, 3), maker.integer(1, 3)) if maker.pick(0, 1) else (1, 1)
    padding = maker.pick(SAME, VALID)
    sizes = []
    for axis in range(2):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        size = shape[1 + axis] if padding == SAME else shape[1 + axis] - extent + 1
        sizes.append(-(-size // stride[axis]))
    options: dict[str, Any] = {
        "padding": padding,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "dilation_h_factor": dilation[0],
        "dilation_w_factor": dilation[1],
        "fused_activation_function": maker.pick(*_ACTIVATIONS),
    }
    if depthwise:
        options["depth_multiplier"] = maker.pick(1, 2, 3)
        channels = shape[3] * options["depth_multiplier"]
        weights_shape, axis = (1, *kernel, channels), 3
    else:
        groups = maker.pick(1, 1, *(n for n in (2, 4) if shape[3] % n == 0))
        channels = groups * maker.integer(1, 5)
        weights_shape, axis = (channels, *kernel, shape[3] // groups), 0
    if min(sizes) < 1 or shape[0] * sizes[0] * sizes[1] * channels > MAX_ITEMS:
        return
    inputs = [number, _weights(maker, weights_shape, axis)]
    if maker.pick(False, True, True):
        inputs.append(maker.bias(channels))
    output = maker.activation((shape[0], *sizes, channels))
    maker.builder.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", inputs, output, **options)


def _weights(maker: Maker, shape: tuple[int, ...], axis: int) -> int:
    """Random weights with one scale, or one per channel; some channels are zero."""
    values = maker.rng.integers(-127, 128, shape).astype(np.int8)
    if maker.pick(False, False, True):
        values *= maker.rng.integers(0, 2, shape).astype(np.int8)
    count = maker.pick(1, shape[axis])
    scales = (10 ** maker.rng.uniform(-4, -1.5, count)).tolist()
    return maker.builder.constant(values, scales, axis=axis)


def _dense(maker: Maker) -> None:
    number, shape, _ = maker.any_tensor()
    units, rows = maker.integer(1, 9), int(np.prod(shape[:-1]))
    if rows * units > MAX_ITEMS:
        return
    inputs = [number, _weights(maker, (units, shape[-1]), 0)]
    inputs.append(maker.bias(units) if maker.pick(False, True, True) else -1)
    output = maker.activation((rows, units))
    activation = maker.pick(*_ACTIVATIONS)
    maker.builder.op("FULLY_CONNECTED", inputs, output, fused_activation_function=activation)


def _softmax(maker: Maker) -> None:
    number, shape, _ = maker.any_tensor()
    beta = maker.pick(1.0, 1.0, 0.5, 2.0)
    output = maker.activation(shape, (1 / 256, -128))
    maker.builder.op("SOFTMAX", [number], output, beta=beta)


def _relu(maker: Maker) -> None:
    number, shape, _ = maker.any_tensor()
    maker.builder.op(maker.pick("RELU", "RELU6"), [number], maker.activation(shape))


def _rsqrt(maker: Maker) -> None:
    """Of what cannot be negative."""
    found = [one for one in maker.tensors if one[2] == -128]
    if found:
        number = maker.pick(*found)[0]
        shape = maker.builder.shapes[number]
        maker.builder.op("RSQRT", [number], maker.activation(shape))


def _binary(maker: Maker) -> None:
    """Either input may be repeated along any axes."""
    number, shape, _ = maker.any_tensor()
    kept = [size if maker.pick(False, True) else 1 for size in shape][maker.integer(0, 1) :]
    fitting = [
        other
        for other, _, _ in maker.tensors
        if len(maker.builder.shapes[other]) == len(shape)
        and all(
            1 in (m, n) or m == n for m, n in zip(maker.builder.shapes[other], shape, strict=True)
        )
    ]
    if maker.pick(False, True):
        values = maker.rng.integers(-128, 128, kept).astype(np.int8)
        scale = float(maker.rng.uniform(0.01, 0.3))
        other = maker.builder.constant(values, [scale], [maker.integer(-128, 127)])
    else:
        other = maker.pick(*fitting)
    whole = np.broadcast_shapes(shape, maker.builder.shapes[other])
    if np.prod(whole) > MAX_ITEMS:
        return
    scale = float(np.float32(maker.rng.uniform(0.02, 0.5)))
    output = maker.activation(whole, (scale, maker.integer(-128, 127)))
    inputs = [number, other] if maker.pick(True, False) else [other, number]
    activation = maker.pick(*_ACTIVATIONS)
    name = maker.pick("ADD", "SUB", "MUL")
    maker.builder.op(name, inputs, output, fused_activation_function=activation)


def _fits(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes can be broadcast; only of equal rank."""
    return len(a) == len(b) and all(1 in (m, n) or m == n for m, n in zip(a, b, strict=True))


def _mean(maker: Maker) -> None:
    number, shape, _ = maker.any_tensor()
    axes = [axis for axis in range(len(shape)) if maker.pick(False, True)] or [len(shape) - 1]
    keep = maker.pick(False, True)
    if len(axes) == len(shape) and not keep:
        return
    whole = tuple(
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    )
    given = [axis - len(shape) if maker.pick(False, True) else axis for axis in axes]
    inputs = [number, maker.builder.numbers(*given)]
    maker.builder.op("MEAN", inputs, maker.activation(whole), keep_dims=keep)


def _reshape(maker: Maker) -> None:
    number, shape, like = maker.any_tensor()
    size = int(np.prod(shape))
    whole = []
    for _ in range(maker.integer(1, 3)):
        factors = [n for n in range(1, 10) if size % n == 0]
        whole.append(maker.pick(*factors))
        size //= whole[-1]
    whole.append(size)
    output = maker.activation(tuple(whole), like)
    maker.builder.op("RESHAPE", [number, maker.builder.numbers(*whole)], output)


def _slice(maker: Maker) -> None:
    number, shape, like = maker.any_tensor()
    if len(shape) > 4:
        return
    begin, end, step, whole = [], [], [], []
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    for axis, size in enumerate(shape):
        step.append(maker.pick(1, 1, 1, 2, 3, -1, -2))
        first, last = sorted(maker.integer(0, size - 1) for _ in range(2))
        taken = -(-(last - first + 1) // abs(step[-1]))
        if step[-1] > 0:
            begin.append(first)
            end.append(last + 1)
        else:
            begin.append(last)
            end.append(first - 1 if first else -size - 1)
        if maker.pick(False, False, False, True):
            masks["begin_mask"] |= 1 << axis
            items = last + 1 if step[-1] > 0 else size - first
            taken = -(-items // abs(step[-1]))
        elif step[-1] == 1 and maker.pick(False, False, False, False, True):
            masks["shrink_axis_mask"] |= 1 << axis
            continue
        whole.append(taken)
    if not whole:
        return
    places = [maker.builder.numbers(*values) for values in (begin, end, step)]
    output = maker.activation(tuple(whole), like)
    maker.builder.op("STRIDED_SLICE", [number, *places], output, **masks)


def _pad(maker: Maker) -> None:
    number, shape, (scale, zero_point) = maker.any_tensor()
    if len(shape) > 4:
        return
    amounts = [[maker.pick(0, 0, 1, 2), maker.pick(0, 0, 1, 2)] for _ in shape]
    whole = tuple(n + a + b for n, (a, b) in zip(shape, amounts, strict=True))
    if np.prod(whole) > MAX_ITEMS:
        return
    inputs = [number, maker.builder.numbers(*amounts)]
    name = maker.pick("PAD", "PADV2")
    if name == "PADV2":
        value = np.array([maker.integer(-128, 127)], np.int8)
        inputs.append(maker.builder.constant(value, [scale], [zero_point]))
    maker.builder.op(name, inputs, maker.activation(whole, (scale, zero_point)))


def _resize(maker: Maker) -> None:
    number, shape, like = maker.any_tensor()
    size = (maker.integer(1, 9), maker.integer(1, 9))
    if len(shape) != 4 or shape[0] * np.prod(size) * shape[3] > MAX_ITEMS:
        return
    kind = maker.pick({}, {"align_corners": True}, {"half_pixel_centers": True})
    output = maker.activation((shape[0], *size, shape[3]), like)
    inputs = [number, maker.builder.numbers(*size)]
    maker.builder.op("RESIZE_NEAREST_NEIGHBOR", inputs, output, **kind)


def _concatenation(maker: Maker) -> None:
    """Also of constants, along any axis."""
    number, shape, (scale, zero_point) = maker.any_tensor()
    axis = maker.integer(0, len(shape) - 1)
    parts = [number]
    for _ in range(maker.integer(1, 2)):
        if maker.pick(False, True):
            size = maker.integer(1, 3)
            values = maker.rng.integers(-128, 128, (*shape[:axis], size, *shape[axis + 1 :]))
            parts.append(maker.builder.constant(values.astype(np.int8), [scale], [zero_point]))
        else:
            parts.append(number)
    order = [parts[int(index)] for index in maker.rng.permutation(len(parts))]
    total = sum(maker.builder.shapes[part][axis] for part in parts)
    whole = (*shape[:axis], total, *shape[axis + 1 :])
    if np.prod(whole) <= MAX_ITEMS:
        given = maker.pick(axis, axis - len(shape))
        output = maker.activation(whole, (scale, zero_point))
        maker.builder.op("CONCATENATION", order, output, axis=given)


def _transpose(maker: Maker) -> None:
    number, shape, like = maker.any_tensor()
    order = [int(axis) for axis in maker.rng.permutation(len(shape))]
    output = maker.activation(tuple(shape[axis] for axis in order), like)
    maker.builder.op("TRANSPOSE", [number, maker.builder.numbers(*order)], output)


_KINDS = (
    *(_window, _window, _window, _dense, _softmax, _relu, _rsqrt, _binary, _binary, _mean),
    *(_reshape, _slice, _pad, _resize, _concatenation, _transpose),
)
