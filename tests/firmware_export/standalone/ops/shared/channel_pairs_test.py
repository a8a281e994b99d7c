"""Weights of pairs of channels: which layers have them, and that they are the same weights.

kernels_dsp_test.py compares the sums with those of the portable kernels.
"""

import numpy as np
import pytest

from firmware_export.standalone.graph.calls import Array, Call
from firmware_export.standalone.ops.shared import kernel_choice
from firmware_export.standalone.target import KERNEL_SETS
from tests.firmware_export.standalone.kernels_glue import read
from tests.firmware_export.standalone.model_builder import SAME, Builder

CHANNELS, DEPTH = 24, 64


def array(call: Call) -> Array:
    """Its weights."""
    found = call.fields["weights"]
    assert isinstance(found, Array)
    return found


def lowered(weights: np.ndarray, pixels: int = 36, sets=("dsp",)) -> Call:
    """The call of a convolution with weights [output channels, height, width, depth]."""
    channels, depth = len(weights), weights.shape[-1]
    builder = Builder()
    x = builder.activation((1, 1, pixels, depth), 0.05, 3)
    y = builder.activation((1, 1, pixels, channels), 0.05, -7)
    scales = [0.003] * channels
    w = builder.constant(weights.astype(np.int8), scales, axis=0)
    builder.op("CONV_2D", [x, w], y, padding=SAME, stride_h=1, stride_w=1)
    (call,) = kernel_choice.lower(read(builder.finish([x], [y])).ops[0], sets).calls
    return call


def random_weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-127, 128, shape)


@pytest.mark.parametrize("window", [(1, 1), (1, 3)])
def test_numbers_are_the_weights_of_both_channels(window):
    weights = random_weights(CHANNELS, *window, DEPTH)
    call = lowered(weights)
    assert call.fields["group"] == 3
    words = array(call).values.view("<i2").reshape(CHANNELS // 2, -1, 4)
    numbers = words[..., [0, 2, 1, 3]].reshape(CHANNELS // 2, -1).astype(int)
    first = (numbers + 128) % 256 - 128
    both = np.stack([first, (numbers - first) // 256], axis=1)
    np.testing.assert_array_equal(both.reshape(weights.shape), weights)


def test_a_number_that_needs_17_bits_keeps_weights_apart():
    weights = random_weights(CHANNELS, 1, 1, DEPTH)
    weights[:2, 0, 0, 5] = [0, -128]
    assert lowered(weights).fields["group"] == 3
    weights[:2, 0, 0, 5] = [-1, -128]
    assert lowered(weights).fields["group"] == 6


@pytest.mark.parametrize(("depth", "group"), [(512, 3), (520, 6)])
def test_sums_of_more_than_24_bits_keep_weights_apart(depth, group):
    # 128 * 124 * depth, and the input's zero point adds 3 * 124 * depth to the bias.
    weights = np.full((CHANNELS, 1, 1, depth), 124)
    assert lowered(weights).fields["group"] == group


@pytest.mark.parametrize(
    ("channels", "depth", "pixels"),
    [
        (CHANNELS + 1, DEPTH, 36),  # a channel is left
        (CHANNELS, DEPTH - 2, 36),  # not whole words
        (6, DEPTH, 36),  # too few outputs for more groups
        (CHANNELS, DEPTH, 4),  # a second group for one pixel
    ],
)
def test_other_layers_have_weights_by_channel(channels, depth, pixels):
    weights = random_weights(channels, 1, 1, depth)
    call = lowered(weights, pixels)
    assert call.fields["group"] == 6
    np.testing.assert_array_equal(array(call).values, weights.reshape(-1))


def test_scratch_is_for_three_pixels():
    assert lowered(random_weights(CHANNELS, 1, 1, DEPTH)).scratch == 2 * 3 * DEPTH


def test_other_kernels_have_weights_by_channel_next_to_pairs():
    weights = random_weights(CHANNELS, 1, 1, DEPTH)
    alone, shared = lowered(weights), lowered(weights, sets=KERNEL_SETS)
    both = array(shared)
    np.testing.assert_array_equal(both.values, weights.reshape(-1))
    np.testing.assert_array_equal(both.values_for_dsp, array(alone).values)
    assert shared.fields["group"] == 3
