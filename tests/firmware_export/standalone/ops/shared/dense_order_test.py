"""Orders of edge_dense's weights: each has all weights, in the places that the kernels read."""

import numpy as np
import pytest

from firmware_export.standalone.ops.shared import dense_order

CHANNELS, DEPTH = 11, 39


@pytest.fixture
def weights() -> np.ndarray:
    return np.random.default_rng(0).integers(-128, 128, (CHANNELS, DEPTH)).astype(np.int8)


def test_runs_of_four_outputs(weights):
    ordered = dense_order.by_runs(weights)
    second = ordered[4 * DEPTH : 8 * DEPTH]
    np.testing.assert_array_equal(second[64:128].reshape(4, 16), weights[4:8, 16:32])
    np.testing.assert_array_equal(second[128:].reshape(4, -1), weights[4:8, 32:])
    np.testing.assert_array_equal(ordered[8 * DEPTH :].reshape(3, -1), weights[8:])


def test_words_of_four_outputs_for_dsp(weights):
    ordered = dense_order.for_dsp(dense_order.by_runs(weights), CHANNELS, DEPTH)
    second = ordered[4 * DEPTH : 8 * DEPTH]
    np.testing.assert_array_equal(second[16:32].reshape(4, 4), weights[4:8, 4:8])
    np.testing.assert_array_equal(second[144:].reshape(-1, 4), weights[4:8, 36:].T)
    np.testing.assert_array_equal(ordered[8 * DEPTH :].reshape(3, -1), weights[8:])
