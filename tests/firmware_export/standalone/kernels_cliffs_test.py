"""Single channels that the fast kernels do not accept do not slow down all others."""

import numpy as np
import pytest

from tests.firmware_export.standalone.kernels_glue import check, random_bytes, read
from tests.firmware_export.standalone.model_builder import SAME, Builder

FAST = {
    "windows": "convolution",
    "pointwise": "pointwise",
    "depthwise": "depthwise_dense",
    "several outputs": "convolution",
    "dense": "dense",
}
CHANNELS = {"windows": 9, "pointwise": 9, "depthwise": 8, "several outputs": 16, "dense": 9}


def model(kind: str, scales: np.ndarray, bias: np.ndarray, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    channels, strides = CHANNELS[kind], {"stride_h": 1, "stride_w": 1}
    dilation = {"dilation_h_factor": 1, "dilation_w_factor": 1}
    shape: tuple[int, ...] = (1, 6, 5, 8)
    out: tuple[int, ...]
    window: tuple[int, ...]
    builder = Builder()
    if kind == "dense":
        axis, shape = 0, (1, 80)
        out, window = (1, channels), (channels, 80)
        name, options = "FULLY_CONNECTED", {}
    elif kind in ("windows", "pointwise"):
        side = 3 if kind == "windows" else 1
        out, window, axis = (1, 6, 5, channels), (channels, side, side, 8), 0
        name, options = "CONV_2D", {"padding": SAME, **strides, **dilation}
    else:
        out, window, axis = (1, 6, 5, channels), (1, 3, 3, channels), 3
        name = "DEPTHWISE_CONV_2D"
        options = {"padding": SAME, "depth_multiplier": channels // 8, **strides, **dilation}
    x, y = builder.activation(shape, 0.05, 3), builder.activation(out, 0.05, -7)
    weights = builder.constant(random_bytes(rng, window), list(scales), axis=axis)
    builder.op(name, [x, weights, builder.constant(bias.astype(np.int32))], y, **options)
    return builder.finish([x], [y])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FAST)
class TestOneChannel:
    def test_of_a_large_scale_is_computed_separately(self, kind, seed):
        rng = np.random.default_rng(seed)
        scales = np.full(CHANNELS[kind], 0.01, np.float32)
        scales[rng.integers(len(scales))] = (0.6, 1.5, 40.0)[seed]
        made = model(kind, scales, rng.integers(-500, 500, len(scales)), seed)
        x = random_bytes(rng, (1, 80) if kind == "dense" else (1, 6, 5, 8))
        kernels = check(made, x)
        assert kernels == [FAST[kind], "convolution_any"]
        (op,) = read(made).ops
        assert op.lower().calls[1].fields["count"] == 1

    def test_of_a_bias_beyond_all_sums_is_a_constant(self, kind, seed):
        rng = np.random.default_rng(seed)
        bias = rng.integers(-500, 500, CHANNELS[kind])
        bias[rng.integers(len(bias))] = (1 << 30, -(1 << 30), (1 << 31) - 1)[seed]
        made = model(kind, np.full(len(bias), 0.01, np.float32), bias, seed)
        x = random_bytes(rng, (1, 80) if kind == "dense" else (1, 6, 5, 8))
        # The largest bias may wrap: that is computed, not proven.
        expected = [FAST[kind]] if seed < 2 else [FAST[kind], "convolution_any"]
        assert check(made, x) == expected

    def test_where_most_are_wild_all_are_computed_without_limits(self, kind, seed):
        scales = np.full(CHANNELS[kind], 0.9, np.float32)
        scales[-3:] = 0.01  # not wild, but computed with the others
        made = model(kind, scales, np.zeros(len(scales)), seed)
        x = random_bytes(np.random.default_rng(seed), (1, 80) if kind == "dense" else (1, 6, 5, 8))
        assert check(made, x) == ["convolution_any"]
