"""Detections in a whole stream are those of the C detector: one per word, however long it lasts."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.evaluation.streams import stream_detections
from firmware_export.runtime.detector import Detector, DetectorConfig, pause

LABELS = ("_silence_", "_unknown_", "no", "stop", "yes")
NO, STOP, YES = 2, 3, 4


def random_logits(seed: int, frames: int, classes: int = 5) -> np.ndarray:
    """Classes that come and go, more and less surely, so that scores cross thresholds."""
    rng = np.random.default_rng(seed)
    words = np.repeat(rng.integers(classes, size=frames // 10 + 1), 10)[:frames]
    sure = np.repeat(rng.uniform(0, 90, frames // 10 + 1), 10)[:frames]
    logits = rng.normal(0, 20, (frames, classes))
    logits[np.arange(frames), words] += sure
    return np.clip(np.rint(logits), -128, 127).astype(np.int8)


def of_the_device(logits, scale, config, labels=LABELS):
    """What the frame-by-frame detector, which detector.c is held to, finds."""
    detector = Detector(config, labels, scale)
    found = [detector.push(row)[0] for row in logits]
    return [(frame, label) for frame, label in enumerate(found) if label >= 0]


@hypothesis.settings(max_examples=120)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 400),
    scale=st.sampled_from([0.01, 0.06, 0.2, 1.0]),
    config=st.builds(
        DetectorConfig,
        smoothing=st.integers(1, 60),
        threshold=st.floats(0.01, 1.0),
        refractory_hops=st.integers(0, 60),
        background=st.sampled_from([(), ("_silence_",), ("_silence_", "_unknown_"), ("stop",)]),
        rearm=st.none() | st.floats(0.01, 1.0),
    ),
)
def test_detections_are_those_of_the_device(seed, frames, scale, config):
    logits = random_logits(seed, frames)
    found = stream_detections.detections(logits, scale, config, LABELS)
    assert found == of_the_device(logits, scale, config)


def test_on_a_long_stream_there_are_many_of_each_kind():
    """So that equality above is not that of empty lists; ends of int8 are in it."""
    logits = random_logits(3, 2_000)
    logits[500:600], logits[700:800] = -128, 127
    for smoothing in (1, 7, 20):
        counts = []
        for rearm in (0.05, 0.2, 0.39, 1.0):
            config = DetectorConfig(smoothing, 0.4, 15, rearm=rearm)
            found = stream_detections.detections(logits, 0.08, config, LABELS)
            assert found == of_the_device(logits, 0.08, config)
            assert len(found) > 20 and {label for _, label in found} == {NO, STOP, YES}
            counts.append(len(found))
        assert counts == sorted(counts) and len(set(counts)) > 1, counts


def sounds(*parts: tuple[str, int]) -> np.ndarray:
    """Logits of the surest network: parts of a stream, a class for so many frames each."""
    logits = np.full((sum(frames for _, frames in parts), len(LABELS)), -128, np.int8)
    at = 0
    for label, frames in parts:
        logits[at : at + frames, LABELS.index(label)] = 127
        at += frames
    return logits


WINDOW, SMOOTHING = 101, 20
CONFIG = DetectorConfig(SMOOTHING, 0.5, pause(WINDOW, SMOOTHING))


@pytest.mark.parametrize("frames", [15, 60, 140, 2_000, 40_000])
def test_a_sound_is_one_detection_however_long_it_is(frames):
    logits = sounds(("_unknown_", 50), ("yes", frames), ("_unknown_", 300))
    found = stream_detections.detections(logits, 0.1, CONFIG, LABELS)
    assert [label for _, label in found] == [YES]
    for_ever = dataclasses.replace(CONFIG, rearm=1.0)
    often = stream_detections.detections(logits, 0.1, for_ever, LABELS)
    assert len(often) == 1 + max(0, frames - SMOOTHING // 2) // (CONFIG.refractory_hops + 1)


@pytest.mark.parametrize("word", [30, 60, 90])
@pytest.mark.parametrize("gap", [1, 40, 500])
def test_a_word_said_twice_is_two_where_the_gap_is_longer_than_the_pause(word, gap):
    gap += CONFIG.refractory_hops
    once = (("_unknown_", gap), ("yes", word))
    logits = sounds(*once, *once, *once, ("_unknown_", gap))
    found = stream_detections.detections(logits, 0.1, CONFIG, LABELS)
    assert [label for _, label in found] == [YES] * 3
    for number, (frame, _) in enumerate(found):
        start = (number + 1) * gap + number * word
        assert start <= frame < start + word


def test_a_long_sound_does_not_hide_another_word():
    logits = sounds(("yes", 900), ("no", 60), ("yes", 900), ("_unknown_", 200), ("yes", 60))
    found = stream_detections.detections(logits, 0.1, CONFIG, LABELS)
    assert [label for _, label in found] == [YES, NO, YES]
    assert [frame // 100 for frame, _ in found] == [0, 9, 20]


def test_frames_before_the_first_whole_window_do_not_reach_the_detector():
    """As a Detector that is given the other frames alone."""
    labels, scale, skipped = ["yes", "no"], 0.1, 30
    logits = np.random.default_rng(0).integers(-128, 128, (200, 2)).astype(np.int8)
    config = DetectorConfig(smoothing=3, threshold=0.6, refractory_hops=4, background=())
    detector = Detector(config, labels, scale)
    wanted = [
        (frame, detected)
        for frame in range(skipped, len(logits))
        if (detected := detector.push(logits[frame])[0]) >= 0
    ]
    found = stream_detections.detections(logits, scale, config, labels, skipped)
    assert found == wanted and found != stream_detections.detections(logits, scale, config, labels)
