"""Convolutions on tensors with gaps between rows, and on single rows as chains use them."""

import copy
import dataclasses

import numpy as np
import pytest

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.conv_2d import Conv2D
from firmware_export.standalone.ops.depthwise_conv_2d import Depthwise
from firmware_export.standalone.ops.shared.convolution import Convolution
from tests.firmware_export.standalone import kernels_glue
from tests.firmware_export.standalone.kernels_glue import Buffer, random_bytes

GAP = 7


def tensor(shape, scale=0.05, zero_point=-9, **more) -> ir.Tensor:
    return ir.Tensor("t", tuple(shape), scales=(scale,), zero_points=(zero_point,), **more)


def convolution(kind: str, stride=(1, 1), dilation=(1, 1), padding=(0, 0)) -> Convolution:
    """A convolution of 7 x 6 pixels and 4 channels with a window of 3 x 2."""
    rng = np.random.default_rng(1)
    window = (1, 1) if kind == "pointwise" else (3, 2)
    size = [
        (n + 2 * pad - (k - 1) * d - 1) // s + 1
        for n, pad, k, d, s in zip((7, 6), padding, window, dilation, stride, strict=True)
    ]
    channels = 4 if kind.startswith("depthwise") else 6
    shape = (1, *window, 4) if kind.startswith("depthwise") else (channels, *window, 4)
    weights = rng.integers(-127, 128, shape, dtype=np.int8)
    scales = tuple(float(scale) for scale in rng.uniform(0.002, 0.02, channels))
    axis = 3 if kind.startswith("depthwise") else 0
    w = ir.Tensor(
        "w", shape, scales=scales, zero_points=(0,) * channels, channel_axis=axis, data=weights
    )
    bias = rng.integers(-500, 500, channels, dtype=np.int32)
    b = ir.Tensor("b", (channels,), "int32", data=bias)
    made = Depthwise if kind.startswith("depthwise") else Conv2D
    x, y = tensor((1, 7, 6, 4)), tensor((1, *size, channels), 0.3, 5)
    return made([x, w, b], y, "op", stride=stride, dilation=dilation, padding=padding)


def run(op: ir.Op, x: np.ndarray) -> np.ndarray:
    places = {id(op.inputs[0]): Buffer(x.size, x)}
    kernels_glue.run_op(op, places)
    return places[id(op.output)].bytes.reshape(op.output.shape)


CASES = [
    ("pointwise", {}),
    ("convolution", {}),
    ("convolution", {"stride": (2, 2), "padding": (1, 1)}),
    ("depthwise_dense", {"padding": (1, 0)}),
    ("depthwise", {"dilation": (2, 3), "padding": (2, 1)}),
]


@pytest.mark.parametrize(("kind", "how"), CASES)
@pytest.mark.parametrize("of", ["input", "output", "both"])
def test_rows_with_gaps(kind, how, of):
    plain = convolution(kind, **how)
    x = random_bytes(np.random.default_rng(2), plain.inputs[0].shape)
    expected = run(plain, x)

    op = copy.copy(plain)
    op.inputs, op.output = list(plain.inputs), dataclasses.replace(plain.output)
    content = x
    if of != "output":
        pitch = 6 * 4 + GAP
        op.inputs[0] = dataclasses.replace(op.inputs[0], pitch=pitch)
        content = np.full((7, pitch), 99, np.int8)
        content[:, : 6 * 4] = x.reshape(7, -1)
        # The last row has no gap after it.
        content = content.reshape(-1)[:-GAP]
    _, height, width, channels = op.output.shape
    if of != "input":
        op.output.pitch = width * channels + GAP
    (call,) = op.lower().calls
    assert call.kernel == kind
    places = {id(op.inputs[0]): Buffer(content.size, content)}
    # The output's memory as large as a tensor without gaps would be too small.
    pitch = op.output.pitch or width * channels
    whole = ir.Tensor("whole", ((height - 1) * pitch + width * channels,))
    places[id(whole)] = Buffer(whole.size)
    kernels_glue.run_calls(op, places, output=whole)
    result = np.full((height, pitch), -1, np.int8).reshape(-1)
    result[: whole.size] = places[id(whole)].bytes
    result = result.reshape(height, pitch)
    np.testing.assert_array_equal(result[:, : width * channels], expected.reshape(height, -1))
    assert (result[:-1, width * channels :] == 0x5A).all(), "gaps are not to be written"


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_single_rows(kind, how):
    """Each row of the output from the input rows it needs, fewer at the border."""
    whole = convolution(kind, **how)
    x = random_bytes(np.random.default_rng(3), whole.inputs[0].shape)
    expected = run(whole, x)
    extent = (whole.inputs[1].shape[1] - 1) * whole.dilation[0] + 1
    for y in range(expected.shape[1]):
        start = y * whole.stride[0] - whole.padding[0]
        first, last = max(0, start), min(x.shape[1], start + extent)
        op = copy.copy(whole)
        given = tensor((1, last - first, *x.shape[2:]))
        op.inputs = [given, *whole.inputs[1:]]
        op.output = dataclasses.replace(whole.output, shape=(1, 1, *expected.shape[2:]))
        op.padding = (max(0, -start), whole.padding[1])
        row = run(op, x[:, first:last])
        np.testing.assert_array_equal(row[0, 0], expected[0, y])
