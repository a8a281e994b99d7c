"""Zeros of a file are those that NumPy counts in what it was built from."""

import gzip

import numpy as np
import pytest

import tflite_model
from tests.firmware_export.standalone.model_builder import SAME, Builder
from tflite_model import sparsity

RNG = np.random.default_rng(0)


def weights(*shape: int, zeros: int) -> np.ndarray:
    values = RNG.integers(1, 128, shape).astype(np.int8)
    values.reshape(-1)[RNG.permutation(values.size)[:zeros]] = 0
    return values


KERNEL, DEPTHWISE = weights(6, 3, 3, 4, zeros=50), weights(1, 3, 3, 6, zeros=27)
BIAS = np.array([0, 1, 0, 70000, -1, 5], np.int32)


@pytest.fixture(scope="module")
def model() -> bytes:
    builder = Builder()
    x = builder.activation((1, 8, 8, 4), 0.1)
    y, z = builder.activation((1, 8, 8, 6), 0.1), builder.activation((1, 8, 8, 6), 0.1)
    kernel = builder.constant(KERNEL, [0.01] * 6, axis=0)
    bias = builder.constant(BIAS, [0.001] * 6, axis=0)
    strides = {"padding": SAME, "stride_h": 1, "stride_w": 1}
    builder.op("CONV_2D", [x, kernel, bias], y, **strides)
    depthwise = builder.constant(DEPTHWISE, [0.01] * 6, axis=3)
    builder.op("DEPTHWISE_CONV_2D", [y, depthwise], z, **strides, depth_multiplier=1)
    # The same weights a second time: they are in the file once.
    last = builder.activation((1, 8, 8, 6), 0.1)
    builder.op("DEPTHWISE_CONV_2D", [z, depthwise], last, **strides, depth_multiplier=1)
    return builder.finish([x], [last])


def test_each_weights_tensor_is_counted_once(model):
    counts = sparsity.count(model, tflite_model.parse(model))
    assert [(one.op, one.shape) for one in counts.weights] == [
        ("CONV_2D", KERNEL.shape),
        ("DEPTHWISE_CONV_2D", DEPTHWISE.shape),
    ]
    for one, array in zip(counts.weights, (KERNEL, DEPTHWISE), strict=True):
        assert one.elements == array.size
        assert one.zeros == np.count_nonzero(array == 0)
        assert one.nonzero_bytes == np.count_nonzero(array)


def test_totals(model):
    counts = sparsity.count(model, tflite_model.parse(model))
    assert counts.constant_bytes == KERNEL.size + DEPTHWISE.size + 4 * BIAS.size
    not_zero = [int(np.count_nonzero(array)) for array in (KERNEL, DEPTHWISE, BIAS)]
    assert counts.nonzero_bytes == not_zero[0] + not_zero[1] + 4 * not_zero[2]
    assert counts.share("CONV_2D") == 50 / KERNEL.size
    assert counts.share("DEPTHWISE_CONV_2D") == 27 / DEPTHWISE.size
    together = counts.share("CONV_2D", "DEPTHWISE_CONV_2D")
    assert together == (50 + 27) / (KERNEL.size + DEPTHWISE.size)
    assert counts.share("FULLY_CONNECTED") is None


def test_sizes_are_those_of_the_file_and_of_gzip(model, tmp_path):
    counts = sparsity.count(model, tflite_model.parse(model))
    assert counts.file_bytes == len(model)
    path = tmp_path / "model.gz"
    path.write_bytes(gzip.compress(model, 9, mtime=0))
    assert counts.gzip_bytes == path.stat().st_size
    assert gzip.decompress(path.read_bytes()) == model


def test_zeros_show_under_gzip(model):
    """The file keeps its size, its gzip does not."""
    info = tflite_model.parse(model)
    zeros = model.replace(KERNEL.tobytes(), bytes(KERNEL.size))
    before, after = (sparsity.count(data, info) for data in (model, zeros))
    assert after.file_bytes == before.file_bytes and after.gzip_bytes < before.gzip_bytes - 50


def test_parameters_count_by_dcase_at_their_width_and_shapes_do_not(model):
    size = sparsity.parameter_size(tflite_model.parse(model))
    not_zero = [int(np.count_nonzero(array)) for array in (KERNEL, DEPTHWISE, BIAS)]
    assert size == sparsity.count(model, tflite_model.parse(model)).parameters
    assert size.elements == KERNEL.size + DEPTHWISE.size + BIAS.size
    assert size.nonzero == sum(not_zero)
    assert size.nonzero_bytes == not_zero[0] + not_zero[1] + 4 * not_zero[2]
    assert size.nonzero_kb == size.nonzero_bytes / 1024


def test_zero_is_where_the_zero_point_says_and_shapes_are_no_parameters():
    """Rows of zeros that conversion puts around an activation have its zero point."""
    builder = Builder()
    x = builder.activation((1, 4), 0.1, zero_point=-128)
    values = np.array([[-128, 0, 5, -128]], np.int8)
    rows = builder.constant(values, [0.1], zero_points=[-128])
    y, z = builder.activation((1, 4), 0.1, -128), builder.activation((2, 2), 0.1, -128)
    builder.op("ADD", [x, rows], y)
    builder.op("RESHAPE", [y, builder.numbers(2, 2)], z)
    info = tflite_model.parse(builder.finish([x], [z]))
    assert sparsity.parameter_size(info) == sparsity.ParameterSize(4, 2, 2)


def test_zero_points_of_channels_are_along_their_dimension():
    builder = Builder()
    x, y = builder.activation((1, 3), 0.1), builder.activation((1, 2), 0.1)
    values = np.array([[1, 2, 1], [2, 2, 0]], np.int8)
    weights = builder.constant(values, [0.1, 0.1], zero_points=[1, 2], axis=0)
    builder.op("FULLY_CONNECTED", [x, weights], y)
    info = tflite_model.parse(builder.finish([x], [y]))
    assert sparsity.parameter_size(info) == sparsity.ParameterSize(6, 2, 2)


def test_the_published_size_is_in_kb_of_1024_bytes():
    """61.0 KB (arXiv:2206.13909): 11 % of 300,320 weights of 8 bits, 14,640 parameters of 16."""
    left = round(0.11 * 300_320) + 2 * 14_640
    size = sparsity.ParameterSize(314_960, 0, left)
    assert round(size.nonzero_kb, 1) == 60.9  # 89 % is itself rounded
    assert round(left / 1000, 1) == 62.3
    # What the organizers' tool prints of their baseline.
    assert f"{sparsity.ParameterSize(46_246, 46_246, 93_004).nonzero_kb:.2f}" == "90.82"
