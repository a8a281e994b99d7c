"""Sums, products, tables, means and softmax against TensorFlow Lite Micro, byte by byte."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.add import Add
from firmware_export.standalone.ops.mul import Mul
from firmware_export.standalone.ops.softmax import Softmax
from tests.firmware_export.standalone.kernels_glue import check, random_bytes, zero_points
from tests.firmware_export.standalone.model_builder import (
    NONE,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    Builder,
)

bounded = settings(derandomize=True, deadline=None, max_examples=120)
activations = st.sampled_from([NONE, NONE, RELU, RELU6, RELU_N1_TO_1])
seeds = st.integers(0, 2**32 - 1)


def scales(low: float, high: float) -> st.SearchStrategy[float]:
    logs = st.floats(math.log2(low), math.log2(high))
    return logs.map(lambda log: float(np.float32(2.0**log)))


@st.composite
def broadcast_shapes(draw):
    """(shape, shape): equal, or either repeated along some axes, or of lower rank."""
    full = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    if draw(st.booleans()):
        return full, full
    shapes = []
    for _ in range(2):
        shape = [1 if draw(st.integers(0, 2)) == 0 else size for size in full]
        if draw(st.integers(0, 3)) == 0:
            shape = shape[draw(st.integers(0, len(shape) - 1)) :]
        shapes.append(shape)
    return shapes[0], shapes[1]


@bounded
@given(
    st.sampled_from(["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE", "PRELU"]),
    broadcast_shapes(),
    st.tuples(scales(1e-3, 1), scales(1e-3, 1), scales(1e-2, 10)),
    st.tuples(zero_points, zero_points, zero_points),
    st.sampled_from(["", "", "first", "second"]),
    activations,
    seeds,
)
def test_binary(name, shapes, scale, points, constant, activation, seed):
    rng = np.random.default_rng(seed)
    shape = np.broadcast_shapes(*shapes)
    values = [random_bytes(rng, s) for s in shapes]
    scale = list(scale)
    if rng.integers(4) == 0:
        scale[1] = scale[0]
    # Sums and products fill the output's range more or less.
    most = max(scale[:2])
    scale[2] *= {
        "MUL": scale[0] * scale[1] * 100,
        "SQUARED_DIFFERENCE": most * most * 100,
        "PRELU": scale[0] * max(1, scale[1] * 100),
    }.get(name, most * 2)
    builder = Builder()
    inputs, given_inputs, given_values = [], [], []
    for position, what in enumerate(["first", "second"]):
        quantization = (scale[position], points[position])
        if what == constant:
            array = values[position]
            inputs.append(builder.constant(array, [quantization[0]], [quantization[1]]))
        else:
            inputs.append(builder.activation(shapes[position], *quantization))
            given_inputs.append(inputs[-1])
            given_values.append(values[position])
    y = builder.activation(shape, scale[2], points[2])
    fused = {"fused_activation_function": activation} if name in ("ADD", "SUB", "MUL") else {}
    builder.op(name, inputs, y, **fused)
    check(builder.finish(given_inputs, [y]), *given_values)


@bounded
@given(st.sampled_from(["ADD", "SUB", "MUL"]), scales(1e-2, 1), zero_points, zero_points, seeds)
def test_binary_of_one_input(name, scale, zero_point, output_zero_point, seed):
    """x + x, x - x, x * x."""
    values = random_bytes(np.random.default_rng(seed), (1, 50))
    builder = Builder()
    x = builder.activation((1, 50), scale, zero_point)
    y = builder.activation(
        (1, 50), scale * (1.7 if name != "MUL" else 90 * scale), output_zero_point
    )
    builder.op(name, [x, x], y, fused_activation_function=NONE)
    check(builder.finish([x], [y]), values)


@bounded
@given(
    st.sampled_from(["EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"]),
    broadcast_shapes(),
    st.tuples(scales(1e-3, 0.99), scales(1e-3, 0.99)),
    st.tuples(zero_points, zero_points),
    seeds,
)
def test_compare(name, shapes, scale, points, seed):
    rng = np.random.default_rng(seed)
    values = [random_bytes(rng, shape) for shape in shapes]
    scale = (scale[0], scale[0] if seed % 3 == 0 else scale[1])
    builder = Builder()
    inputs = [builder.activation(*given) for given in zip(shapes, scale, points, strict=True)]
    y = builder.activation(np.broadcast_shapes(*shapes), None, dtype="bool")
    builder.op(name, inputs, y)
    check(builder.finish(inputs, [y]), *values)


@bounded
@given(broadcast_shapes(), st.integers(0, 15), st.sampled_from(["int8", "int16", "float32"]), seeds)
def test_select(shapes, mask, dtype, seed):
    rng = np.random.default_rng(seed)
    whole = np.broadcast_shapes(*shapes)
    condition = [1 if mask >> axis & 1 else size for axis, size in enumerate(whole)]
    whole = np.broadcast_shapes(*shapes, condition)
    values = [rng.integers(0, 2, condition).astype(np.bool_)]
    values += [random_bytes(rng, shape).astype(dtype) for shape in shapes]
    scale = None if dtype == "float32" else 0.1
    builder = Builder()
    inputs = [builder.activation(condition, None, dtype="bool")]
    inputs += [builder.activation(shape, scale, dtype=dtype) for shape in shapes]
    y = builder.activation(whole, scale, dtype=dtype)
    builder.op("SELECT_V2", inputs, y)
    check(builder.finish(inputs, [y]), *values)


@bounded
@given(
    st.sampled_from(["ARG_MAX", "ARG_MIN"]),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(-4, 3),
    seeds,
)
def test_arg_max(name, shape, axis, seed):
    axis %= len(shape)
    builder = Builder()
    x = builder.activation(shape, 0.1, 3)
    y = builder.activation([*shape[:axis], *shape[axis + 1 :]], None, dtype="int32")
    given_axis = axis - len(shape) if seed % 2 else axis
    builder.op(name, [x, builder.constant(np.array(given_axis, np.int32))], y)
    values = np.random.default_rng(seed).integers(-5, 5, shape).astype(np.int8)
    check(builder.finish([x], [y]), values)


@bounded
@given(
    st.lists(st.integers(1, 4), min_size=0, max_size=2),
    st.integers(1, 300),
    zero_points,
    st.integers(0, 3),
    seeds,
)
def test_l2_normalization(rows, depth, zero_point, kind, seed):
    rng = np.random.default_rng(seed)
    shape = (*rows, depth)
    builder = Builder()
    x, y = builder.activation(shape, 0.1, zero_point), builder.activation(shape, 1 / 128)
    builder.op("L2_NORMALIZATION", [x], y)
    values = random_bytes(rng, shape)
    if kind == 0:  # All zeros, or nearly.
        values = np.full(shape, zero_point, np.int8)
        values.reshape(-1)[0] += 1 if zero_point < 127 else -1
        values = np.where(rng.integers(0, 2), values, zero_point).astype(np.int8)
    check(builder.finish([x], [y]), values)


def test_l2_normalization_of_the_longest_rows():
    builder = Builder()
    shape = (1, 32_767)
    x, y = builder.activation(shape, 0.1, -128), builder.activation(shape, 1 / 128)
    builder.op("L2_NORMALIZATION", [x], y)
    model = builder.finish([x], [y])
    check(model, np.full(shape, 127, np.int8))
    check(model, random_bytes(np.random.default_rng(1), shape))


@bounded
@given(
    st.lists(st.integers(1, 4), min_size=0, max_size=2),
    st.integers(1, 300),
    scales(1e-6, 30),
    zero_points,
    seeds,
)
def test_log_softmax(rows, depth, scale, zero_point, seed):
    rng = np.random.default_rng(seed)
    shape = (*rows, depth)
    builder = Builder()
    x, y = builder.activation(shape, scale, zero_point), builder.activation(shape, 1 / 16, 127)
    builder.op("LOG_SOFTMAX", [x], y)
    check(builder.finish([x], [y]), random_bytes(rng, shape))


@bounded
@given(
    st.sampled_from(["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"]),
    st.lists(st.integers(1, 6), min_size=1, max_size=6),
    st.integers(1, 63),
    st.booleans(),
    st.tuples(scales(1e-2, 1), scales(0.05, 20)),
    st.tuples(zero_points, zero_points),
    seeds,
)
def test_reductions(name, shape, chosen, keep, scale, points, seed):
    axes = [axis for axis in range(len(shape)) if chosen >> axis & 1]
    assume(axes)
    rng = np.random.default_rng(seed)
    out = [1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes]
    builder = Builder()
    x = builder.activation(shape, scale[0], points[0])
    if name in ("REDUCE_MAX", "REDUCE_MIN"):
        y = builder.activation(out, scale[0], points[0])
    else:
        y = builder.activation(out, scale[0] * scale[1], points[1])
    given_axes = [axis - len(shape) if rng.integers(2) else axis for axis in axes]
    builder.op(name, [x, builder.numbers(*given_axes)], y, keep_dims=keep)
    check(builder.finish([x], [y]), random_bytes(rng, shape))


@bounded
@given(
    st.lists(st.integers(1, 4), min_size=0, max_size=2),
    st.integers(1, 300),
    scales(1e-4, 30),
    zero_points,
    st.sampled_from([1.0, 1.0, 0.3, 4.0]),
    seeds,
)
def test_softmax(rows, depth, scale, zero_point, beta, seed):
    rng = np.random.default_rng(seed)
    shape = (*rows, depth)
    builder = Builder()
    x = builder.activation(shape, scale, zero_point)
    y = builder.activation(shape, 1 / 256, -128)
    builder.op("SOFTMAX", [x], y, beta=beta)
    check(builder.finish([x], [y]), random_bytes(rng, shape))


@pytest.mark.parametrize(
    "name",
    [
        "LOGISTIC",
        "TANH",
        "HARD_SWISH",
        "RELU",
        "RELU6",
        "QUANTIZE",
        "LEAKY_RELU",
        "RSQRT",
        "ABS",
        "ELU",
    ],
)
def test_table(name):
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 8, 8, 4)
    builder = Builder()
    x = builder.activation(values.shape, 0.07, -128 if name == "RSQRT" else 11)
    quantization = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}.get(name, (0.06, -20))
    y = builder.activation(values.shape, *quantization)
    builder.op(name, [x], y, **({"alpha": 0.2} if name == "LEAKY_RELU" else {}))
    assert check(builder.finish([x], [y]), values) == ["table"]


@pytest.mark.parametrize("table", [None, np.arange(127, -129, -1).astype(np.int8)])
def test_large_mean_and_pool_divide_exactly(table):
    """Windows on both sides of the largest that is divided by multiplication."""
    for height in (49, 51):
        rng = np.random.default_rng(height)
        for name in ("AVERAGE_POOL_2D", "MEAN"):
            builder = Builder()
            x = builder.activation((1, height, 101, 2), 0.1, 5)
            y = builder.activation((1, 1, 1, 2), 0.1, 5)
            if name == "MEAN":
                builder.op(name, [x, builder.numbers(1, 2)], y, keep_dims=True)
            else:
                size = {"filter_height": height, "filter_width": 101}
                builder.op(name, [x], y, padding=1, stride_h=1, stride_w=1, **size)
            values = random_bytes(rng, (1, height, 101, 2))
            if table is not None:
                values = np.full_like(values, -128)
            check(builder.finish([x], [y]), values)


def tensor(shape=(1, 4), scale=0.1, **more) -> ir.Tensor:
    return ir.Tensor("name", shape, scales=(scale,), zero_points=(0,), **more)


@pytest.mark.parametrize(
    ("op", "what"),
    [
        (Add([tensor(), tensor()], tensor(scale=1e-8), "op 3 ADD"), "op 3 ADD: 'name'"),
        (Mul([tensor(), tensor()], tensor(scale=1e-8), "op 3 MUL"), "too small"),
        (Softmax([tensor(scale=1e-9)], tensor(scale=1 / 256), "op 1 SOFTMAX"), "too small"),
        (Softmax([tensor((1, 5000))], tensor((1, 5000)), "op 1 SOFTMAX"), "5000 items"),
    ],
)
def test_refuses_what_no_kernel_does(op, what):
    with pytest.raises(ExportError, match=what):
        op.lower()
