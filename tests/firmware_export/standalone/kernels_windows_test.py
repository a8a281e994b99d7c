"""Convolutions, fully connected layers and pools against TensorFlow Lite Micro, byte by byte."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware_export.standalone.kernels_glue import check, random_bytes, zero_points
from tests.firmware_export.standalone.model_builder import (
    NONE,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
    Builder,
)

bounded = settings(derandomize=True, deadline=None, max_examples=120)
activations = st.sampled_from([NONE, NONE, RELU, RELU6, RELU_N1_TO_1])
seeds = st.integers(0, 2**32 - 1)


def random_scales(
    rng: np.random.Generator, channels: int, depth: int, per_channel: bool, octaves: float
) -> np.ndarray:
    """Weight scales that make outputs fill the range, or `octaves` more or less."""
    typical = 1.0 / (70 * 70 * np.sqrt(depth))
    spread = rng.uniform(-octaves, octaves, channels if per_channel else 1)
    return (typical * 40 * 2.0**spread).astype(np.float32)


def weighted_model(
    name: str,
    rng: np.random.Generator,
    x_shape: tuple[int, ...],
    weights: np.ndarray,
    y_shape: tuple[int, ...],
    zero_points: tuple[int, int],
    axis: int,
    per_channel: bool,
    with_bias: bool,
    octaves: float,
    **options,
) -> bytes:
    channels = weights.shape[axis]
    scales = random_scales(rng, channels, weights.size // channels, per_channel, octaves)
    builder = Builder()
    x = builder.activation(x_shape, 0.05, zero_points[0])
    inputs = [x, builder.constant(weights, list(scales), axis=axis)]
    if with_bias:
        reach = 1 << int(rng.choice([4, 12, 16, 20]))
        bias = rng.integers(-reach, reach, channels, dtype=np.int32)
        inputs.append(builder.constant(bias, list(0.05 * scales), axis=0))
    y = builder.activation(y_shape, 0.05, zero_points[1])
    builder.op(name, inputs, y, **options)
    return builder.finish([x], [y])


def windows(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent) // stride + 1


@st.composite
def slides(draw):
    """(input height and width, kernel, stride, dilation, padding) that give some output."""
    padding = draw(st.sampled_from([SAME, VALID]))
    sizes, kernels, strides, dilations = [], [], [], []
    for _ in range(2):
        kernel = draw(st.integers(1, 5))
        dilation = draw(st.sampled_from([1, 1, 2, 3]))
        least = (kernel - 1) * dilation + 1 if padding == VALID else 1
        sizes.append(draw(st.integers(least, least + 7)))
        kernels.append(kernel)
        strides.append(draw(st.integers(1, 3)))
        dilations.append(dilation)
    return sizes, kernels, strides, dilations, padding


@bounded
@given(
    slides(),
    st.integers(1, 2),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.integers(1, 6),
    st.integers(1, 5),
    st.tuples(zero_points, zero_points),
    st.booleans(),
    st.booleans(),
    activations,
    st.sampled_from([0.5, 2, 8]),
    seeds,
)
def test_convolution(
    slide, batch, groups, depth, filters, points, per_channel, with_bias, activation, octaves, seed
):
    (height, width), kernel, stride, dilation, padding = slide
    rng = np.random.default_rng(seed)
    x_shape = (batch, height, width, depth * groups)
    weights = random_bytes(rng, (filters * groups, *kernel, depth))
    out = [
        windows(*args, padding)
        for args in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    model = weighted_model(
        "CONV_2D",
        rng,
        x_shape,
        weights,
        (batch, *out, filters * groups),
        points,
        0,
        per_channel,
        with_bias,
        octaves,
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
        fused_activation_function=activation,
    )
    check(model, random_bytes(rng, x_shape))


@bounded
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.tuples(zero_points, zero_points),
    st.booleans(),
    st.booleans(),
    activations,
    st.sampled_from([0.5, 2, 6]),
    seeds,
)
def test_pointwise(
    pixels, depth, filters, points, per_channel, with_bias, activation, octaves, seed
):
    rng = np.random.default_rng(seed)
    model = weighted_model(
        "CONV_2D",
        rng,
        (*pixels, depth),
        random_bytes(rng, (filters, 1, 1, depth)),
        (*pixels, filters),
        points,
        0,
        per_channel,
        with_bias,
        octaves,
        padding=VALID,
        stride_h=1,
        stride_w=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
        fused_activation_function=activation,
    )
    check(model, random_bytes(rng, (*pixels, depth)))


@bounded
@given(
    slides(),
    st.integers(1, 2),
    st.integers(1, 9),
    st.sampled_from([1, 1, 2, 3]),
    st.tuples(zero_points, zero_points),
    st.booleans(),
    st.booleans(),
    activations,
    st.sampled_from([0.5, 2, 8]),
    seeds,
)
def test_depthwise(
    slide,
    batch,
    channels,
    multiplier,
    points,
    per_channel,
    with_bias,
    activation,
    octaves,
    seed,
):
    (height, width), kernel, stride, dilation, padding = slide
    rng = np.random.default_rng(seed)
    x_shape = (batch, height, width, channels)
    out = [
        windows(*args, padding)
        for args in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    model = weighted_model(
        "DEPTHWISE_CONV_2D",
        rng,
        x_shape,
        random_bytes(rng, (1, *kernel, channels * multiplier)),
        (batch, *out, channels * multiplier),
        points,
        3,
        per_channel,
        with_bias,
        octaves,
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
        depth_multiplier=multiplier,
        fused_activation_function=activation,
    )
    check(model, random_bytes(rng, x_shape))


@bounded
@given(
    st.lists(st.integers(1, 4), min_size=0, max_size=2),
    st.integers(1, 70),
    st.integers(1, 20),
    st.tuples(zero_points, zero_points),
    st.booleans(),
    st.booleans(),
    activations,
    st.sampled_from([0.5, 2, 8]),
    seeds,
)
def test_fully_connected(
    rows, depth, units, points, per_channel, with_bias, activation, octaves, seed
):
    rng = np.random.default_rng(seed)
    rows = tuple(rows) or (1,)
    model = weighted_model(
        "FULLY_CONNECTED",
        rng,
        (*rows, depth),
        random_bytes(rng, (units, depth)),
        (*rows, units),
        points,
        0,
        per_channel,
        with_bias,
        octaves,
        keep_num_dims=len(rows) > 1,
        fused_activation_function=activation,
    )
    check(model, random_bytes(rng, (*rows, depth)))


@bounded
@given(
    st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]),
    slides(),
    st.integers(1, 2),
    st.integers(1, 5),
    zero_points,
    st.sampled_from([0.01, 0.04, 0.5]),
    activations,
    seeds,
)
def test_pool(name, slide, batch, channels, zero_point, scale, activation, seed):
    (height, width), kernel, stride, _, padding = slide
    rng = np.random.default_rng(seed)
    out = [
        windows(size, k, s, 1, padding)
        for size, k, s in zip((height, width), kernel, stride, strict=True)
    ]
    builder = Builder()
    x_shape = (batch, height, width, channels)
    x = builder.activation(x_shape, scale, zero_point)
    y = builder.activation((batch, *out, channels), scale, zero_point)
    builder.op(
        name,
        [x],
        y,
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        filter_height=kernel[0],
        filter_width=kernel[1],
        fused_activation_function=activation,
    )
    check(builder.finish([x], [y]), random_bytes(rng, x_shape))


@bounded
@given(
    st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]),
    st.integers(0, 31),
    st.floats(-45, 20),
    st.tuples(zero_points, zero_points),
    seeds,
)
def test_any_accumulator(name, bias_bits, octaves, points, seed):
    """Biases of any size, factors of any octave: what overflows does so as in the reference."""
    rng = np.random.default_rng(seed)
    depthwise, connected = name == "DEPTHWISE_CONV_2D", name == "FULLY_CONNECTED"
    shape = {"CONV_2D": (4, 1, 2, 4), "DEPTHWISE_CONV_2D": (1, 1, 2, 4)}.get(name, (4, 4))
    weights = random_bytes(rng, shape)
    scales = (2.0 ** (octaves + rng.uniform(-2, 2, 4))).astype(np.float32)
    bias = rng.integers(-(1 << bias_bits), 1 << bias_bits, 4).astype(np.int32)
    builder = Builder()
    x_shape = (6, 4) if connected else (1, 3, 3, 4)
    x = builder.activation(x_shape, 0.05, points[0])
    w = builder.constant(weights, list(scales), axis=3 if depthwise else 0)
    b = builder.constant(bias, list(0.05 * scales))
    y = builder.activation((6, 4) if connected else (1, 3, 2, 4), 0.05, points[1])
    options = {} if connected else {"padding": VALID, "stride_h": 1, "stride_w": 1}
    if depthwise:
        options["depth_multiplier"] = 1
    builder.op(name, [x, w, b], y, **options)
    check(builder.finish([x], [y]), random_bytes(rng, x_shape))


@bounded
@given(
    st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_weights_of_4_bits(name, channels, units, seed):
    """They are unpacked at export, so that all kernels can read them."""
    rng = np.random.default_rng(seed)
    shape = (1, 4, 5, channels) if name != "FULLY_CONNECTED" else (1, channels)
    units = channels if name == "DEPTHWISE_CONV_2D" else units
    weights_shape = {
        "CONV_2D": (units, 2, 3, channels),
        "DEPTHWISE_CONV_2D": (1, 2, 3, units),
        "FULLY_CONNECTED": (units, channels),
    }[name]
    axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
    count = 1 if name == "FULLY_CONNECTED" else units
    builder = Builder()
    x = builder.activation(shape, 0.1, 7)
    values = rng.integers(-8, 8, weights_shape).astype(np.int8)
    scales_ = rng.uniform(0.01, 0.1, count).astype(np.float32)
    weights = builder.constant(values, scales_.tolist(), axis=axis, dtype="int4")
    bias = rng.integers(-500, 500, units).astype(np.int32)
    bias_scales = (scales_ * np.float32(0.1)).tolist()
    inputs = [x, weights, builder.constant(bias, bias_scales)]
    out = (1, 3, 3, units) if name != "FULLY_CONNECTED" else (1, units)
    y = builder.activation(out, 0.2, -5)
    options = {} if name == "FULLY_CONNECTED" else {"padding": 1, "stride_h": 1, "stride_w": 1}
    if name == "DEPTHWISE_CONV_2D":
        options["depth_multiplier"] = 1
    builder.op(name, inputs, y, **options)
    check(builder.finish([x], [y]), random_bytes(rng, shape))
