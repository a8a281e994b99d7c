"""SVDF and LSTM over several steps against TensorFlow Lite Micro, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from tests.firmware_export.standalone import host
from tests.firmware_export.standalone.kernels_glue import (
    check_sequence,
    random_bytes,
    read,
    zero_points,
)
from tests.firmware_export.standalone.model_builder import Builder

bounded = settings(derandomize=True, deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
TANH = 4


def svdf(
    rng: np.random.Generator,
    sizes: tuple[int, int, int, int, int],
    time: str,
    points: tuple[int, int, int],
    with_bias: bool = True,
) -> tuple[bytes, tuple[int, int]]:
    """sizes: batches, inputs, units, rank, memory. Returns (model, shape of its input)."""
    batches, inputs, units, rank, memory = sizes
    filters = units * rank
    scale = [float(s) for s in rng.uniform(0.005, 0.05, 5).astype(np.float32)]
    builder = Builder()
    x = builder.activation((batches, inputs), scale[0], points[0])
    weights = builder.constant(random_bytes(rng, (filters, inputs)), [scale[1]])
    limits = np.iinfo(time)
    over_time = rng.integers(limits.min, limits.max + 1, (filters, memory)).astype(time)
    wide = time == "int16"
    time_scale = scale[2] / (256 if wide else 1)
    state_scale = float(np.float32(rng.choice([0.3, 0.02]) / (256 if wide else 1)))
    inputs_ = [x, weights, builder.constant(over_time, [time_scale])]
    bias = rng.integers(-(1 << 20), 1 << 20, units).astype(np.int32)
    bias_scale = float(np.float32(state_scale) * np.float32(time_scale))
    inputs_.append(builder.constant(bias, [bias_scale]) if with_bias else -1)
    inputs_.append(
        builder.activation(
            (batches, filters * memory),
            state_scale,
            0 if wide else points[1],
            is_variable=True,
            dtype=time,
        )
    )
    y = builder.activation((batches, units), float(np.float32(rng.choice([0.5, 0.05]))), points[2])
    builder.op("SVDF", inputs_, y, rank=rank, fused_activation_function=0)
    return builder.finish([x], [y]), (batches, inputs)


@bounded
@given(
    st.tuples(*[st.integers(1, n) for n in (2, 12, 4, 3, 5)]),
    st.sampled_from(["int8", "int16"]),
    st.tuples(zero_points, zero_points, zero_points),
    seeds,
)
def test_svdf(sizes, time, points, seed):
    rng = np.random.default_rng(seed)
    model, shape = svdf(rng, sizes, time, points)
    kernels = check_sequence(model, [random_bytes(rng, shape) for _ in range(7)])
    assert kernels == ["svdf_8" if time == "int8" else "svdf_16"]


def test_svdf_without_a_bias_is_refused():
    """TFLite Micro crashes."""
    model, _ = svdf(np.random.default_rng(0), (1, 2, 2, 1, 2), "int8", (0, 0, 0), False)
    with pytest.raises(ExportError, match="has no bias; TFLite Micro needs one"):
        read(model)


def lstm(
    rng: np.random.Generator,
    sizes: tuple[int, int, int, int],
    points: tuple[int, int],
    power: int,
    clip: float,
    major: bool,
    dtype: str = "int8",
    **options: int,
) -> tuple[bytes, tuple[int, int, int]]:
    """sizes: batches, steps, inputs, units; cells have the scale 2^power."""
    batches, steps, inputs, units = sizes
    builder = Builder()
    first = (steps, batches) if major else (batches, steps)
    wide = dtype == "int16"
    points = (0, 0) if wide else points
    fine = 256 if wide else 1
    scale = float(np.float32(rng.uniform(0.005, 0.05) / fine))
    x = builder.activation((*first, inputs), scale, points[0], dtype=dtype)

    def weights(size: int) -> list[int]:
        return [
            builder.constant(random_bytes(rng, (units, size)), [float(scale)])
            for scale in rng.uniform(0.002, 0.03, 4).astype(np.float32)
        ]

    biases = [
        builder.constant(
            rng.integers(-30_000 * fine, 30_000 * fine, units).astype("int64" if wide else "int32"),
            [0.0001],
        )
        for _ in range(4)
    ]
    hidden_scale = float(np.float32(rng.uniform(0.004, 0.01) / fine))
    states = [
        builder.activation(
            (batches, units), hidden_scale, points[1], is_variable=True, dtype=dtype
        ),
        builder.activation((batches, units), 2.0**power, 0, is_variable=True, dtype="int16"),
    ]
    given_inputs = [x, *weights(inputs), *weights(units), -1, -1, -1, *biases, -1, -1, *states]
    y = builder.activation((*first, units), hidden_scale, points[1], dtype=dtype)
    builder.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [*given_inputs, -1, -1, -1, -1],
        y,
        **{"fused_activation_function": TANH, "cell_clip": clip, "time_major": major, **options},
    )
    return builder.finish([x], [y]), (*first, inputs)


@bounded
@given(
    st.tuples(*[st.integers(1, n) for n in (3, 4, 9, 7)]),
    st.tuples(zero_points, zero_points),
    st.integers(-15, -7),
    st.sampled_from([0.0, 10.0, 0.5]),
    st.booleans(),
    st.sampled_from(["int8", "int16"]),
    seeds,
)
def test_lstm(sizes, points, power, clip, major, dtype, seed):
    rng = np.random.default_rng(seed)
    model, shape = lstm(rng, sizes, points, power, clip, major, dtype)
    inputs = [random_bytes(rng, shape) for _ in range(4)]
    if dtype == "int16":
        inputs = [values.astype(np.int16) * 257 for values in inputs]
    assert check_sequence(model, inputs) == ["wide_lstm" if dtype == "int16" else "lstm"]


def test_a_program_keeps_and_resets_states():
    """As emitted C: the same outputs again after model_reset()."""
    rng = np.random.default_rng(0)
    for model, shape in (
        svdf(rng, (1, 5, 3, 2, 4), "int16", (3, 0, -4)),
        lstm(rng, (1, 3, 4, 5), (3, -7), -11, 10.0, False),
    ):
        program = host.Host(compiler.compile(model))
        inputs = [random_bytes(rng, shape) for _ in range(3)]
        first = [program(values)[0] for values in inputs]
        program.library.model_reset()
        again = [program(values)[0] for values in inputs]
        np.testing.assert_array_equal(first, again)
        assert (np.array(first[0]) != np.array(program(inputs[0])[0])).any()


def test_what_lstms_of_tflite_micro_do_not_have():
    model, _ = lstm(np.random.default_rng(0), (1, 1, 2, 2), (0, 0), -12, 0, False)
    read(model)
    relu, _ = lstm(
        np.random.default_rng(0),
        (1, 1, 2, 2),
        (0, 0),
        -12,
        0,
        False,
        fused_activation_function=1,
    )
    with pytest.raises(ExportError, match="another activation than TANH"):
        read(relu)
