"""Judging a detector on a stream: exact intervals, what the C detector finds, what counts."""

import dataclasses
import itertools

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
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf.evaluation.streams.stream_detections_test import (
    LABELS,
    NO,
    YES,
    of_the_device,
    random_logits,
)

RATE, HOP = 16_000, 160


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


# Sweeping


def test_a_sweep_is_every_setting_on_its_own():
    logits = random_logits(5, 3_000)
    events = [Event(at, at + RATE, label, None) for at, label in ((16_000, NO), (90_000, YES))]

    def config_for(smoothing: int, threshold: float, rearm: float) -> DetectorConfig:
        background = ("_silence_", "stop")
        return DetectorConfig(smoothing, threshold, 24 + smoothing, background, rearm)

    values = ((1, 9), (0.2, 0.5, 0.9), (0.25, 0.8))
    points = stream_metrics.sweep(logits, 0.08, LABELS, events, HOP, RATE, config_for, *values)
    assert [point.config for point in points] == [
        config_for(smoothing, threshold, round(share * threshold, 4))
        for smoothing, threshold, share in itertools.product(*values)
    ]
    for point in points:
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
