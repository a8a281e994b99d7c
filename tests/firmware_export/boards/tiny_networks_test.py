"""Networks of the shapes of MLPerf Tiny, with weights of our own: bytes, costs and RAM.

Instructions hardly depend on weights. benchmarks/tiny.md has the figures of the published files.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import profiling
from firmware_export.standalone import compiler
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.model_builder import SAME, VALID, Builder

SCALE = 0.05


class Network:
    """Layers with random weights, on one input."""

    def __init__(self, *shape: int) -> None:
        self.rng = np.random.default_rng(0)
        self.builder = Builder()
        self.shape = (1, *shape)
        self.input = self.builder.activation(self.shape, SCALE, 3)

    def _weighted(self, name, x, window, axis, shape, gain=1.0, **options):
        channels = shape[-1]
        weights = self.rng.integers(-127, 128, window).astype(np.int8)
        depth = weights.size // channels if axis == 0 else int(np.prod(window[1:3]))
        # Outputs spread over the whole range.
        scale = gain * 4 / (74 * 74 * depth**0.5) / SCALE
        bias = self.rng.integers(-500, 500, channels).astype(np.int32)
        inputs = [x, self.builder.constant(weights, [scale] * channels, axis=axis)]
        y = self.builder.activation(shape, SCALE, -5)
        self.builder.op(name, [*inputs, self.builder.constant(bias)], y, **options)
        return y

    def _sizes(self, x, kernel, stride, padding):
        given = self.builder.shapes[x][1:3]
        lost = (0, 0) if padding == SAME else (kernel[0] - 1, kernel[1] - 1)
        return tuple(-(-(n - m) // s) for n, m, s in zip(given, lost, stride, strict=True))

    def conv(self, x, channels, kernel=(1, 1), stride=(1, 1), padding=SAME):
        depth = self.builder.shapes[x][3]
        shape = (1, *self._sizes(x, kernel, stride, padding), channels)
        strides = {"stride_h": stride[0], "stride_w": stride[1]}
        window = (channels, *kernel, depth)
        return self._weighted("CONV_2D", x, window, 0, shape, padding=padding, **strides)

    def depthwise(self, x, kernel=(3, 3), stride=(1, 1), padding=SAME):
        depth = self.builder.shapes[x][3]
        shape = (1, *self._sizes(x, kernel, stride, padding), depth)
        options = {"stride_h": stride[0], "stride_w": stride[1], "depth_multiplier": 1}
        window = (1, *kernel, depth)
        return self._weighted("DEPTHWISE_CONV_2D", x, window, 3, shape, padding=padding, **options)

    def dense(self, x, units, gain=1.0):
        depth = int(np.prod(self.builder.shapes[x]))
        return self._weighted("FULLY_CONNECTED", x, (units, depth), 0, (1, units), gain)

    def add(self, a, b):
        y = self.builder.activation(self.builder.shapes[a], SCALE, -5)
        self.builder.op("ADD", [a, b], y)
        return y

    def mean(self, x):
        """Of all pixels, as a pool."""
        _, height, width, depth = self.builder.shapes[x]
        y = self.builder.activation((1, 1, 1, depth), SCALE, -5)
        size = {"filter_height": height, "filter_width": width}
        self.builder.op("AVERAGE_POOL_2D", [x], y, padding=VALID, stride_h=1, stride_w=1, **size)
        return y

    def finish(self, x) -> bytes:
        return self.builder.finish([self.input], [x])


def keyword_spotting() -> bytes:
    net = Network(49, 10, 1)
    x = net.conv(net.input, 64, (10, 4), (2, 2))
    for _ in range(4):
        x = net.conv(net.depthwise(x), 64)
    return net.finish(net.dense(net.mean(x), 12, gain=6))


def visual_wake_words() -> bytes:
    net = Network(96, 96, 3)
    x = net.conv(net.input, 8, (3, 3), (2, 2))
    layers = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5]
    for channels, stride in [*layers, (256, 2), (256, 1)]:
        x = net.conv(net.depthwise(x, stride=(stride, stride)), channels)
    return net.finish(net.dense(net.mean(x), 2, gain=6))


def image_classification() -> bytes:
    net = Network(32, 32, 3)
    x = net.conv(net.input, 16, (3, 3))
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        y = net.conv(net.conv(x, channels, (3, 3), (stride, stride)), channels, (3, 3))
        x = net.add(net.conv(x, channels, stride=(stride, stride)) if stride > 1 else x, y)
    return net.finish(net.dense(net.mean(x), 10, gain=6))


def anomaly_detection() -> bytes:
    net = Network(640)
    x = net.input
    for units in (*[128] * 4, 8, *[128] * 4, 640):
        x = net.dense(x, units)
    return net.finish(x)


def streaming_wake_word() -> bytes:
    net = Network(30, 1, 40)
    x = net.input
    for taps, channels in [(3, 128), (5, 128), (10, 128), (15, 32)]:
        x = net.conv(net.depthwise(x, (taps, 1), padding=VALID), channels)
    return net.finish(net.dense(x, 3))


@dataclasses.dataclass(frozen=True)
class Limit:
    """Instructions on a Cortex-M4 and a Cortex-M55, estimated cycles on the first, bytes of RAM."""

    build: Callable[[], bytes]
    m4: float
    m55: float
    cycles: float
    ram: int


LIMITS = {
    "kws": Limit(keyword_spotting, 4.2e6, 1.4e6, 6.0e6, 10_304),
    "vww": Limit(visual_wake_words, 10.6e6, 3.4e6, 17.8e6, 41_584),
    "ic": Limit(image_classification, 13.4e6, 3.4e6, 22.6e6, 35_808),
    "ad": Limit(anomaly_detection, 0.40e6, 0.12e6, 0.53e6, 1_000),
    "ww": Limit(streaming_wake_word, 1.5e6, 0.6e6, 1.65e6, 4_224),
}


@pytest.mark.firmware
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m55"])
def test_bytes_are_tflite_micros_within_limits(name, board):
    limit, data = LIMITS[name], LIMITS[name].build()
    info = tflite_model.parse(data)
    x = np.random.default_rng(1).integers(-128, 128, info.inputs[0].shape).astype(np.int8)
    profile = profiling.profile(info, usable(board), x)
    (expected,) = tflm_oracle.run(data, [x])
    np.testing.assert_array_equal(profile.output, expected.reshape(-1))
    assert len(set(profile.output.tolist())) > 1
    assert profile.instructions <= (limit.m4 if board == "cortex-m4" else limit.m55)
    estimates = [op.cycles.estimate for op in profile.ops if op.cycles]
    assert len(estimates) == (len(profile.ops) if board == "cortex-m4" else 0)
    assert sum(estimates) <= limit.cycles


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("kernels", ["portable", "dsp", "mve"])
def test_ram_does_not_grow(name, kernels):
    assert compiler.compile(LIMITS[name].build(), kernels).plan.size <= LIMITS[name].ram
