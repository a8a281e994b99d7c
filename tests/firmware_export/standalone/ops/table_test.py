"""Tables of ops on single values against TensorFlow Lite Micro."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.standalone import reader
from firmware_export.standalone.ops.table import Table
from tests.firmware_export.standalone import model_builder, tflm_oracle

EVERY_INT8 = np.arange(-128, 128, dtype=np.int8)

zero_points = st.one_of(st.sampled_from([-128, 0, 127]), st.integers(-128, 127))


def scales(low: float, high: float) -> st.SearchStrategy[float]:
    """float32 values spread evenly over octaves."""
    logs = st.floats(math.log2(low), math.log2(high))
    return logs.map(lambda log: float(np.float32(2.0**log)))


def model(kind: str, x: tuple[float, int], y: tuple[float, int], **options) -> bytes:
    """One op from scale and zero point to others."""
    builder = model_builder.Builder()
    given, result = builder.activation((1, 256), *x), builder.activation((1, 256), *y)
    builder.op(kind, [given], result, **options)
    return builder.finish([given], [result])


def interpreted(kind: str, x: tuple[float, int], y: tuple[float, int], **options) -> np.ndarray:
    (values,) = tflm_oracle.run(model(kind, x, y, **options), [EVERY_INT8[np.newaxis]])
    return values.reshape(-1)


def table(kind: str, x: tuple[float, int], y: tuple[float, int], **options) -> np.ndarray:
    (op,) = reader.read(tflite_model.parse(model(kind, x, y, **options))).ops
    assert isinstance(op, Table)
    return op.table


@settings(derandomize=True, deadline=None, max_examples=40)
@given(scales(1e-5, 30), zero_points)
def test_logistic(scale, zero_point):
    x, y = (scale, zero_point), (1 / 256, -128)
    np.testing.assert_array_equal(table("LOGISTIC", x, y), interpreted("LOGISTIC", x, y))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(scales(1e-5, 30), zero_points)
def test_tanh(scale, zero_point):
    x, y = (scale, zero_point), (1 / 128, 0)
    np.testing.assert_array_equal(table("TANH", x, y), interpreted("TANH", x, y))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(scales(1e-4, 10), zero_points, scales(1 / 64, 10000), zero_points)
def test_hard_swish(scale, zero_point, ratio, output_zero_point):
    x = (scale, zero_point)
    y = (float(np.float32(scale * ratio)), output_zero_point)
    np.testing.assert_array_equal(table("HARD_SWISH", x, y), interpreted("HARD_SWISH", x, y))


@pytest.mark.parametrize("kind", ["RELU", "RELU6", "QUANTIZE", "ABS", "ELU"])
@settings(derandomize=True, deadline=None, max_examples=40)
@given(scales(1e-3, 10), zero_points, scales(1e-3, 1e3), zero_points)
def test_rescaling(kind, scale, zero_point, ratio, output_zero_point):
    x = (scale, zero_point)
    y = (float(np.float32(scale * ratio)), output_zero_point)
    np.testing.assert_array_equal(table(kind, x, y), interpreted(kind, x, y))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(scales(1e-5, 30), scales(1e-4, 10), zero_points)
def test_rsqrt(scale, output_scale, output_zero_point):
    x, y = (scale, -128), (output_scale, output_zero_point)
    np.testing.assert_array_equal(table("RSQRT", x, y), interpreted("RSQRT", x, y))


def test_rsqrt_is_one_over_the_root():
    x, y = (0.05, -128), (0.035, -128)
    real = 1.0 / np.sqrt(0.05 * np.arange(1, 256))
    expected = np.minimum(np.rint(real / 0.035) - 128, 127)
    assert np.abs(table("RSQRT", x, y)[1:] - expected).max() <= 1
    assert table("RSQRT", x, y)[0] == 127


def test_rsqrt_of_what_may_be_negative_is_refused():
    with pytest.raises(ExportError, match="input may be negative"):
        table("RSQRT", (0.05, -127), (0.05, 0))
    with pytest.raises(ExportError, match="overflows 32 bits"):
        table("RSQRT", (1e-12, -128), (1e-12, 0))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    scales(1e-3, 10),
    zero_points,
    scales(1e-2, 1e2),
    zero_points,
    st.one_of(st.sampled_from([0.0, 0.1, 0.3, -0.5, 2.0]), st.floats(-4, 4, width=32)),
)
def test_leaky_relu(scale, zero_point, ratio, output_zero_point, alpha):
    x = (scale, zero_point)
    y = (float(np.float32(scale * ratio)), output_zero_point)
    np.testing.assert_array_equal(
        table("LEAKY_RELU", x, y, alpha=alpha), interpreted("LEAKY_RELU", x, y, alpha=alpha)
    )
