"""Judging detectors on sound of known content: kinds, levels, sums, every setting, the choice."""

import itertools

import numpy as np
import pytest

from edge_tf.evaluation.streams import stream_metrics
from edge_tf.evaluation.streams.intervals import binomial_interval, poisson_interval
from edge_tf.evaluation.streams.judging import HeardPart, Listening, judge
from edge_tf.evaluation.streams.stream_metrics import Kind, Level, Point, choose, is_quiet
from edge_tf.evaluation.streams.stream_scene import Event
from firmware_export.runtime.detector import DetectorConfig
from tests.edge_tf.evaluation.streams.stream_detections_test import (
    LABELS,
    NO,
    YES,
    of_the_device,
    random_logits,
    sounds,
)

RATE, HOP = 16_000, 160
LISTENING = Listening(LABELS, 0.08, HOP, RATE)


def part(kind: str, logits: np.ndarray, *events: Event) -> HeardPart:
    return HeardPart(kind, len(logits) * HOP / RATE / 3600, logits, events)


def word(second: float, label: int, snr_db: float | None = None) -> Event:
    return Event(round(second * RATE), round((second + 0.6) * RATE), label, snr_db)


def quiet(frames: int) -> np.ndarray:
    return sounds(("_unknown_", frames))


# Sums


def test_each_kind_has_its_hours_and_its_false_accepts():
    """Three parts of two kinds; a word in music is false there, where no word is."""
    config = DetectorConfig(1, 0.5, 50)
    spoken = sounds(("_unknown_", 200), ("yes", 40), ("_unknown_", 160))
    parts = [
        part("music", spoken),
        part("words", spoken, word(2.0, YES, 10.0), word(3.2, NO, 10.0)),
        part("music", quiet(800)),
    ]
    point = stream_metrics.measure(parts, LISTENING, config)
    assert point.kinds == (
        Kind("music", pytest.approx(12 / 3600), 1),
        Kind("words", pytest.approx(4 / 3600), 0),
    )
    assert point.total == Kind("all", pytest.approx(16 / 3600), 1)
    low, high = poisson_interval(1)
    assert point.total.per_hour_interval == pytest.approx((225 * low, 225 * high))
    assert point.levels == (Level(10.0, 2, 1),)
    assert point.false_rejects == 0.5
    assert point.false_rejects_interval == binomial_interval(1, 2)


def test_a_second_detection_is_a_false_accept_and_told():
    config = DetectorConfig(1, 0.5, 30, rearm=1.0)
    heard = part(
        "words", sounds(("_unknown_", 200), ("yes", 60), ("_unknown_", 200)), word(2.0, YES)
    )
    point = stream_metrics.measure([heard], LISTENING, config)
    assert (point.missed, point.total.false_accepts, point.total.seconds) == (0, 1, 1)
    once = stream_metrics.measure([heard], LISTENING, DetectorConfig(1, 0.5, 30))
    assert (once.missed, once.total.false_accepts, once.total.seconds) == (0, 0, 0)


def test_levels_are_counted_across_parts():
    config = DetectorConfig(1, 0.5, 50)
    spoken = sounds(("_unknown_", 200), ("yes", 40), ("_unknown_", 160))
    parts = [
        part("a", spoken, word(2.0, YES)),
        part("b", spoken, word(2.0, YES, 5.0)),
        part("c", quiet(400), word(2.0, YES, 5.0)),
    ]
    point = stream_metrics.measure(parts, LISTENING, config)
    assert point.levels == (Level(None, 1, 0), Level(5.0, 2, 1))
    assert point.levels[1].share == 0.5
    assert point.levels[0].interval == binomial_interval(0, 1)
    assert (point.words, point.missed) == (3, 1)


def test_latency_is_from_the_end_of_the_word_of_those_that_were_detected():
    """Smoothing of one frame: a word is detected with the first frame that has it."""
    config = DetectorConfig(1, 0.5, 50)
    parts = []
    for late in (-10, 0, 10, 20, 90):
        begin = 260 + late
        logits = sounds(("_unknown_", begin), ("yes", 30), ("_unknown_", 100))
        parts.append(part("words", logits, word(2.0, YES), word(300.0, NO)))
    point = stream_metrics.measure(parts, LISTENING, config)
    assert point.delays_s == pytest.approx((-0.1, 0.0, 0.1, 0.2, 0.9))
    assert point.latency_s(50) == pytest.approx(0.1)
    assert point.latency_s(90) == pytest.approx(0.9)
    silent = stream_metrics.measure(parts, LISTENING, DetectorConfig(500, 1.0))
    assert silent.latency_s(50) is None and silent.missed == 10


def test_each_part_is_listened_to_from_anew():
    """A word at the end of one part does not hide the same at the beginning of the next."""
    config = DetectorConfig(5, 0.5, 120)
    spoken = sounds(("_unknown_", 100), ("yes", 40))
    point = stream_metrics.measure(
        [part("a", spoken)] * 3 + [part("w", spoken, word(1.0, YES))], LISTENING, config
    )
    assert point.total.false_accepts == 3 and point.missed == 0


def test_sound_without_a_keyword_cannot_be_judged():
    with pytest.raises(ValueError, match="no keyword"):
        stream_metrics.measure([part("music", quiet(100))], LISTENING, DetectorConfig())


# Sweeping


def test_a_sweep_is_every_setting_on_its_own():
    """In two parts, of which one has keywords; each is what the device would find."""
    first, other = random_logits(5, 2_000), random_logits(6, 1_000)
    events = [word(at, label) for at, label in ((1.0, NO), (5.6, YES))]
    parts = [part("words", first, *events), part("noise", other)]

    def config_for(smoothing: int, threshold: float, rearm: float) -> DetectorConfig:
        background = ("_silence_", "stop")
        return DetectorConfig(smoothing, threshold, 24 + smoothing, background, rearm)

    values = ((1, 9), (0.2, 0.5, 0.9), (0.25, 0.8))
    points = stream_metrics.sweep(parts, LISTENING, config_for, *values)
    assert [point.config for point in points] == [
        config_for(smoothing, threshold, round(share * threshold, 4))
        for smoothing, threshold, share in itertools.product(*values)
    ]
    for point in points:
        words = judge(of_the_device(first, 0.08, point.config), events, HOP, RATE)
        noise = judge(of_the_device(other, 0.08, point.config), [], HOP, RATE)
        assert point.missed == words.delays.count(None)
        assert [kind.false_accepts for kind in point.kinds] == [
            words.false_accepts,
            noise.false_accepts,
        ]
        assert point == stream_metrics.measure(parts, LISTENING, point.config)
    assert len({point.total.false_accepts for point in points}) > 2


# Choosing


def point(
    missed: int, false: int, threshold: float = 0.5, smoothing: int = 1, hours: float = 1.0
) -> Point:
    config = DetectorConfig(smoothing, threshold)
    return Point(config, (Kind("all", hours, false),), (Level(None, 100, missed),))


def test_the_fewest_missed_of_those_that_are_quiet_enough():
    points = [point(1, 9), point(5, 2), point(7, 1), point(9, 0)]
    for most, expected in ((100, 1), (8, 5), (2, 5), (1.5, 7), (1, 7), (0, 9)):
        assert choose(points, most).missed == expected


def test_of_equals_the_quieter_then_the_higher_threshold_then_the_lower_second_one():
    assert choose([point(5, 2), point(5, 1), point(5, 2)], 3).total.false_accepts == 1
    points = [point(5, 1, 0.3), point(5, 1, 0.8, 20), point(5, 1, 0.6)]
    assert choose(points, 3).config == DetectorConfig(20, 0.8)
    levels = (Level(None, 100, 5),)
    kinds = (Kind("all", 1.0, 1),)
    points = [Point(DetectorConfig(rearm=rearm), kinds, levels) for rearm in (0.3, 0.1, 0.2)]
    assert choose(points, 3) is points[1]


def test_if_none_is_quiet_enough_the_quietest():
    points = [point(1, 9), point(8, 4), point(6, 4)]
    assert choose(points, 1) is points[2] and not is_quiet(points[2], 1)
    assert is_quiet(choose(points, 4), 4)


def test_hours_count():
    busy = point(1, 3, hours=3.0)
    assert choose([busy, point(2, 0)], 1.0) is busy
