"""Judging a detector on a stream: exact intervals, what the C detector finds, what counts."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.evaluation.streams import stream_metrics
from edge_tf.evaluation.streams.stream_metrics import (
    LATENESS_S,
    Point,
    choose,
    is_quiet,
    judge,
    poisson_interval,
)
from edge_tf.evaluation.streams.stream_scene import Event
from firmware_export.runtime.detector import Detector, DetectorConfig

RATE, HOP = 16_000, 160
LABELS = ("_silence_", "_unknown_", "no", "stop", "yes")
NO, STOP, YES = 2, 3, 4


# Intervals


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.6889),
        (1, 0.0253, 5.5716),
        (2, 0.2422, 7.2247),
        (5, 1.6235, 11.6683),
        (10, 4.7954, 18.3904),
        (50, 37.1110, 65.9188),
        (100, 81.3640, 121.6268),
    ],
)
def test_the_interval_is_the_published_exact_one(count, low, high):
    """Garwood's limits, as tabulated to four digits."""
    assert poisson_interval(count) == pytest.approx((low, high), abs=6e-5)


def test_another_confidence():
    """Of nothing seen in 90 %: -ln 0.05."""
    assert poisson_interval(0, 0.9) == pytest.approx((0, 2.9957), abs=1e-4)


@pytest.mark.parametrize("count", [400, 3_600, 20_000])
def test_the_interval_of_many_is_that_of_a_normal_distribution(count):
    low, high = poisson_interval(count)
    assert low == pytest.approx(count - 1.96 * count**0.5, abs=3)
    assert high == pytest.approx(count + 1.96 * count**0.5, abs=4)


def test_rates_are_by_the_hour():
    point = Point(DetectorConfig(), words=40, missed=10, false_accepts=1, hours=0.5)
    assert point.per_hour == 2 and point.false_rejects == 0.25
    assert point.per_hour_interval == pytest.approx((0.0506, 11.1433), abs=1e-4)


# Detections


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
    frames=st.integers(1, 150),
    scale=st.sampled_from([0.01, 0.06, 0.2, 1.0]),
    config=st.builds(
        DetectorConfig,
        smoothing=st.integers(1, 60),
        threshold=st.floats(0.01, 1.0),
        refractory_hops=st.integers(0, 60),
        background=st.sampled_from([(), ("_silence_",), ("_silence_", "_unknown_"), ("stop",)]),
    ),
)
def test_detections_are_those_of_the_device(seed, frames, scale, config):
    logits = random_logits(seed, frames)
    found = stream_metrics.detections(logits, scale, config, LABELS)
    assert found == of_the_device(logits, scale, config)


def test_on_a_long_stream_there_are_many_of_each_kind():
    """So that equality above is not that of empty lists; ends of int8 are in it."""
    logits = random_logits(3, 2_000)
    logits[500:600], logits[700:800] = -128, 127
    for smoothing in (1, 7, 20):
        config = DetectorConfig(smoothing, 0.4, 15)
        found = stream_metrics.detections(logits, 0.08, config, LABELS)
        assert found == of_the_device(logits, 0.08, config)
        assert len(found) > 20 and {label for _, label in found} == {NO, STOP, YES}


def test_a_sweep_is_every_setting_on_its_own():
    logits = random_logits(5, 3_000)
    events = [Event(at, at + RATE, label, None) for at, label in ((16_000, NO), (90_000, YES))]

    def config_for(smoothing: int, threshold: float) -> DetectorConfig:
        return DetectorConfig(smoothing, threshold, 24 + smoothing, ("_silence_", "stop"))

    smoothings, thresholds = (1, 9), (0.2, 0.5, 0.9)
    points = stream_metrics.sweep(
        logits, 0.08, LABELS, events, HOP, RATE, config_for, smoothings, thresholds
    )
    assert [(p.config.smoothing, p.config.threshold) for p in points] == [
        (smoothing, threshold) for smoothing in smoothings for threshold in thresholds
    ]
    for point in points:
        assert point.config == config_for(point.config.smoothing, point.config.threshold)
        found = of_the_device(logits, 0.08, point.config)
        assert judge(found, events, HOP, RATE) == (
            point.missed,
            point.false_accepts,
            point.repeats,
        )
        assert point.words == 2 and point.hours == pytest.approx(30 / 3600)
    assert len({point.false_accepts for point in points}) > 2


# Judging

EVENTS = [Event(2 * RATE, 3 * RATE, YES, 10.0), Event(5 * RATE, 6 * RATE, NO, 10.0)]


def frame(seconds: float) -> int:
    return round(seconds * RATE / HOP)


@pytest.mark.parametrize(
    ("found", "missed", "false", "repeats"),
    [
        ([], 2, 0, 0),
        ([(2.5, YES), (5.5, NO)], 0, 0, 0),
        ([(2.0, YES)], 1, 0, 0),
        ([(1.99, YES)], 2, 1, 0),
        ([(3.0 + LATENESS_S, YES)], 1, 0, 0),
        ([(3.01 + LATENESS_S, YES)], 2, 1, 0),
        ([(2.5, NO)], 2, 1, 0),
        ([(2.5, NO), (2.9, YES)], 1, 1, 0),
        ([(2.5, YES), (3.2, YES)], 1, 0, 1),
        ([(2.5, YES), (3.2, NO)], 1, 1, 0),
        ([(2.5, YES), (4.5, YES), (4.9, YES)], 1, 2, 0),
        ([(2.5, YES), (3.0, YES), (3.5, YES), (5.5, NO), (6.5, NO)], 0, 0, 3),
        ([(0.0, YES), (9.0, NO)], 2, 2, 0),
        ([(5.5, YES), (5.6, NO)], 1, 1, 0),
    ],
    ids=[
        *("nothing", "both", "with its first sample", "before it", "just in time", "too late"),
        *("another word", "another word first", "twice", "then as another word"),
        *("again and again", "three times and twice", "far from any", "as the word before"),
    ],
)
def test_what_is_a_hit_and_what_is_false(found, missed, false, repeats):
    detections = [(frame(seconds), label) for seconds, label in found]
    assert judge(detections, EVENTS, HOP, RATE) == (missed, false, repeats)


def test_without_keywords_all_is_false():
    assert judge([(3, YES), (300, NO)], [], HOP, RATE) == (0, 2, 0)


# Choosing


def point(
    missed: int, false: int, threshold: float = 0.5, smoothing: int = 1, repeats: int = 0
) -> Point:
    return Point(DetectorConfig(smoothing, threshold), 100, missed, false, 1.0, repeats)


def test_the_fewest_missed_of_those_that_are_quiet_enough():
    points = [point(1, 9), point(5, 2), point(7, 1), point(9, 0)]
    for most, expected in ((100, 1), (8, 5), (2, 5), (1.5, 7), (1, 7), (0, 9)):
        assert choose(points, most).missed == expected


def test_of_equals_the_quieter_then_fewer_repeats_then_the_higher_threshold():
    points = [point(5, 1, 0.9, repeats=7), point(5, 1, 0.5, repeats=2), point(5, 2, repeats=0)]
    assert choose(points, 3) is points[1]
    assert choose([point(5, 2), point(5, 1), point(5, 2)], 3).false_accepts == 1
    points = [point(5, 1, 0.3), point(5, 1, 0.8, 20), point(5, 1, 0.6)]
    assert choose(points, 3).config == DetectorConfig(20, 0.8)


def test_if_none_is_quiet_enough_the_quietest():
    points = [point(1, 9), point(8, 4), point(6, 4)]
    assert choose(points, 1) is points[2] and not is_quiet(points[2], 1)
    assert is_quiet(choose(points, 4), 4)


def test_hours_count():
    busy = dataclasses.replace(point(1, 3), hours=3.0)
    assert choose([busy, point(2, 0)], 1.0) is busy


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
    found = stream_metrics.detections(logits, scale, config, labels, skipped)
    assert found == wanted and found != stream_metrics.detections(logits, scale, config, labels)
