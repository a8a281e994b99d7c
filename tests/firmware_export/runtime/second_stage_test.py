"""The second stage of a detector: its settings, its catching up, and what it says of hits."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.runtime.detector import ONE, DetectorConfig
from firmware_export.runtime.second_stage import (
    NOTHING,
    REJECTED,
    SecondConfig,
    SecondStage,
    feature_table,
    scores,
)

CONFIG = SecondConfig(threshold=0.5, smoothing=1, past=6, patience=3, pace=2)
IDENTITY = np.arange(-128, 128).astype(np.int8)


class Echo:
    """A network that hears word 1 as surely as a frame's first feature says; counts its frames."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        self.heard = []

    def push(self, frames: np.ndarray) -> np.ndarray:
        self.heard += frames[:, 0].tolist()
        return np.stack([np.zeros(len(frames), int), frames[:, 0]], axis=1)


def stage(config: SecondConfig = CONFIG, window: int = 4) -> tuple[SecondStage, Echo]:
    network = Echo()
    return SecondStage(config, network, IDENTITY, 1.0, window), network


def pushed(stage: SecondStage, values: list[int], hits: dict[int, int]) -> list[int]:
    """What comes of frames with these features, by frame."""
    return [
        stage.push(np.array([value], np.int8), hits.get(at, -1))[0]
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": -0.1}, "threshold=-0.1 is not from 0 to 2; use one like 0.6"),
        ({"threshold": 2.5}, "threshold=2.5"),
        ({"smoothing": 0}, "smoothing=0 is not a whole number from 1"),
        ({"past": 0}, "past=0"),
        ({"patience": -1}, "patience=-1 is not a whole number from 0"),
        ({"pace": 0}, "pace=0"),
        ({"pace": True}, "pace=True"),
    ],
)
def test_settings_that_mean_nothing_are_refused_in_a_line(change, message):
    with pytest.raises(ExportError, match=message) as caught:
        dataclasses.replace(CONFIG, **change)
    assert "\n" not in str(caught.value)


def test_it_must_have_answered_when_the_first_stage_listens_again():
    patient = dataclasses.replace(CONFIG, patience=20)
    patient.check(DetectorConfig(refractory_hops=20), window=6)
    with pytest.raises(ExportError, match=r"may answer 20 frames after a hit.*refractory_hops=20"):
        patient.check(DetectorConfig(refractory_hops=19), window=6)
    with pytest.raises(ExportError, match="past=6 frames are less than its window of 7"):
        patient.check(DetectorConfig(refractory_hops=20), window=7)


def test_thresholds_at_the_ends_say_always_and_never():
    assert dataclasses.replace(CONFIG, threshold=0).threshold_score == 0
    assert dataclasses.replace(CONFIG, threshold=1.0).threshold_score == ONE
    assert dataclasses.replace(CONFIG, threshold=1.00001).threshold_score > ONE


@hypothesis.given(
    st.integers(1, 60), st.integers(0, 40), st.integers(1, 70), st.integers(1, 60), st.data()
)
def test_it_has_heard_a_frame_when_counting_says_so(past, patience, pace, there, data):
    config = SecondConfig(2.0, 1, past, patience, pace)
    there = min(past, there)
    number = data.draw(st.integers(1, there + patience))
    heard, hop = 0, -1
    while heard < number:
        hop += 1
        heard = min(there + hop, heard + pace)
    assert config.hop_of(number, there) == hop
    assert config.hop_of(there + patience, there) <= config.longest


@hypothesis.given(st.integers(1, 60), st.integers(0, 40), st.integers(1, 70))
def test_it_answers_when_counting_says_so_and_hears_no_more_than_its_pace(past, patience, pace):
    config = SecondConfig(2.0, 1, past, patience, pace)
    second, network = stage(config, window=1)
    before = 70
    counts = []
    for at in range(before + config.longest + 1):
        found, _ = second.push(np.zeros(1, np.int8), 1 if at == before - 1 else -1)
        counts.append(len(network.heard))
        if found == REJECTED:
            break
    assert at == before - 1 + config.longest
    assert np.diff(counts).max() <= pace and counts[-1] == past + patience


def test_it_sleeps_until_there_is_a_hit_and_hears_what_was_kept():
    second, network = stage()
    assert pushed(second, list(range(20)), {}) == [NOTHING] * 20 and network.resets == 0
    second.reset()
    found = pushed(second, [-9] * 12 + [-1, -2, -3, -4], {9: 1})
    # Six frames at the hit and three later, two of them a frame: rejected with the fourth new one.
    assert found == [NOTHING] * 13 + [REJECTED] + [NOTHING] * 2
    assert network.heard == [-9] * 8 + [-1] and network.resets == 1


def test_a_yes_is_told_once_and_a_hit_before_the_window_hears_what_there_is():
    second, _ = stage()
    found = pushed(second, [9] * 12, {3: 1})
    assert found == [NOTHING] * 4 + [1] + [NOTHING] * 7
    second.reset()
    # Told with the frame that says yes, though the hit's did not.
    found = pushed(second, [-9] * 11 + [9] * 3, {9: 1})
    assert found == [NOTHING] * 12 + [1, NOTHING]


def test_frames_before_the_hit_say_nothing_alone():
    second, _ = stage()
    found = pushed(second, [9] * 9 + [-9] * 9, {9: 1})
    assert found.count(1) == 0 and found.count(REJECTED) == 1
    lasting = stage(dataclasses.replace(CONFIG, smoothing=2, threshold=0.4))[0]
    assert pushed(lasting, [9] * 9 + [-9] * 9, {9: 1}).count(1) == 1  # but are in the mean


def test_scores_are_means_with_nothing_before_the_first():
    assert scores([10, 20, 30, 50], 3).tolist() == [3, 10, 20, 33]
    assert scores([7], 5).tolist() == [1]


def test_features_keep_their_meaning():
    np.testing.assert_array_equal(feature_table(0.1, 7, 0.1, 7), IDENTITY)
    table = feature_table(0.1, 20, 0.05, -30)
    for step in (-20, 0, 20, 40):
        assert (table[step + 128] + 30) * 0.05 == pytest.approx((step - 20) * 0.1)
    assert table.min() == -128 and table.max() == 127 and (np.diff(table.astype(int)) >= 0).all()
