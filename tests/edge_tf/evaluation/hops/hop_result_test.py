from typing import Any

import numpy as np
import pytest

from edge_tf.evaluation.hops.hop_result import HopResult

GRID: dict[str, Any] = {"scale": 0.1, "zero_point": -5}


def test_all_clips_or_some():
    whole = HopResult(name="x", engine="x", outputs=np.zeros((3, 2)))
    assert whole.which_clips().tolist() == [0, 1, 2] and not whole.is_partial
    some = HopResult(name="x", engine="x", outputs=np.zeros((2, 2)), clip_indices=np.array([1, 4]))
    assert some.which_clips().tolist() == [1, 4] and some.is_partial and some.clips == 2
    away = HopResult(name="x", engine="x", unavailable="not here")
    assert away.clips == 0 and not away.which_clips().size


def test_real_outputs_are_dequantized():
    hop = HopResult(name="x", engine="x", outputs=np.array([[-5, 5]], np.int8), **GRID)
    assert hop.real_outputs() == pytest.approx(np.array([[0.0, 1.0]]))
    with pytest.raises(ValueError, match="'y' is not available: not here"):
        HopResult(name="y", engine="y", unavailable="not here").real_outputs()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outputs": np.zeros((2, 2)), "unavailable": "also a reason"},
        {"outputs": np.zeros((2, 2), np.int8)},
        {"outputs": np.zeros((2, 2), np.uint8), **GRID},
        {"outputs": np.zeros((2, 2), np.int8), "scale": 0.0, "zero_point": 0},
        {"outputs": np.zeros((0, 2))},
        {"outputs": np.zeros(4)},
        {"outputs": np.zeros((2, 2)), "bit_exact": True},
        {"outputs": np.zeros((2, 2)), "start": "elsewhere"},
        {"outputs": np.zeros((2, 2)), "clip_indices": np.array([1, 1])},
        {"outputs": np.zeros((2, 2)), "clip_indices": np.array([-1, 1])},
        {"outputs": np.zeros((2, 2)), "clip_indices": np.array([1])},
    ],
)
def test_a_hop_that_contradicts_itself_is_refused(fields):
    with pytest.raises(ValueError):
        HopResult(name="x", engine="x", **fields)
