"""Metrics of a wake word: false accepts per hour and false rejects, over detector settings.

The detector is that of detector.c; all settings are tried on the logits of one run.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from edge_tf.evaluation.streams import stream_detections
from edge_tf.evaluation.streams.stream_scene import Event
from firmware_export.runtime.detector import DetectorConfig

# A word counts as detected up to this time after the end of its clip.
LATENESS_S = 0.75
_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Point:
    """Result of one detector setting on a stream.

    Attributes:
      config: the setting.
      words: keywords in the stream.
      missed: keywords that were not detected, or only as another class.
      false_accepts: detections without a matching keyword at that time.
      hours: length of the stream.
      repeats: second and later detections of a keyword that was detected.
    """

    config: DetectorConfig
    words: int
    missed: int
    false_accepts: int
    hours: float
    repeats: int = 0

    @property
    def false_rejects(self) -> float:
        """False rejects as a share of the words."""
        return self.missed / self.words

    @property
    def per_hour(self) -> float:
        """False accepts per hour."""
        return self.false_accepts / self.hours

    @property
    def per_hour_interval(self) -> tuple[float, float]:
        """95 % interval of per_hour, for a Poisson process."""
        low, high = poisson_interval(self.false_accepts)
        return low / self.hours, high / self.hours


@functools.cache
def poisson_interval(count: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a Poisson mean after `count` observed events (Garwood, 1936).

    Args:
      count: events, 0 or more.
      confidence: of the interval; the rest is split equally between both sides.
    """
    tail = (1 - confidence) / 2
    most = count + 20 * math.sqrt(count + 1) + 20
    low = 0.0 if count == 0 else _solve(lambda m: 1 - _cdf(count - 1, m), tail, most)
    return low, _solve(lambda m: 1 - _cdf(count, m), 1 - tail, most)


def _cdf(count: int, mean: float) -> float:
    if mean <= 0:
        return 1.0
    steps = math.log(mean) - np.log(np.arange(1, count + 1))
    return min(1.0, float(np.exp(np.cumsum([-mean, *steps])).sum()))


def _solve(rising: Callable[[float], float], value: float, most: float) -> float:
    """Where a function that increases over 0 to `most` reaches a value, by bisection."""
    low, high = 0.0, most
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def sweep(
    logits: np.ndarray,
    logit_scale: float,
    labels: Sequence[str],
    events: Sequence[Event],
    frame_period: int,
    sample_rate: int,
    config_for: Callable[[int, float, float], DetectorConfig],
    smoothings: Sequence[int],
    thresholds: Sequence[float],
    rearms: Sequence[float],
    skipped: int = 0,
) -> list[Point]:
    """Every combination of smoothing, threshold and second threshold, on one stream.

    Args:
      logits: int8 (frames, classes) of all frames.
      logit_scale: their step.
      labels: in the order of the logits.
      events: keywords in the stream.
      frame_period: hop length in samples.
      sample_rate: Hz.
      config_for: maps smoothing, threshold and second threshold to the detector.
      smoothings, thresholds: values to try.
      rearms: second thresholds to try, as shares of the threshold.
      skipped: number of frames at the beginning that do not reach the detector.
    """
    probabilities = stream_detections.probabilities(logits, logit_scale, skipped)
    hours = len(logits) * frame_period / sample_rate / 3600
    points = []
    for smoothing in smoothings:
        scores = stream_detections.smoothed(probabilities, smoothing)
        for threshold, share in itertools.product(thresholds, rearms):
            config = config_for(smoothing, threshold, round(share * threshold, 4))
            found = stream_detections.detected(scores, config, labels)
            judged = judge(found, events, frame_period, sample_rate)
            points.append(
                Point(
                    config, len(events), judged.missed, judged.false_accepts, hours, judged.repeats
                )
            )
    return points


def choose(points: Sequence[Point], most_per_hour: float) -> Point:
    """The setting with the fewest false rejects and at most `most_per_hour` false accepts per hour.

    Ties go to fewer false accepts, fewer repeats, then to the higher threshold. If no setting is
    quiet enough, the quietest ones compete; `is_quiet` tells.
    """
    quiet = [point for point in points if is_quiet(point, most_per_hour)]
    if not quiet:
        fewest = min(point.false_accepts for point in points)
        quiet = [point for point in points if point.false_accepts == fewest]
    return min(quiet, key=lambda p: (p.missed, p.false_accepts, p.repeats, -p.config.threshold))


def is_quiet(point: Point, most_per_hour: float) -> bool:
    """Whether a setting has at most so many false accepts per hour."""
    return point.per_hour <= most_per_hour


class Judged(NamedTuple):
    """Numbers of missed words, of false detections, and of second detections of a word."""

    missed: int
    false_accepts: int
    repeats: int


def judge(
    found: Sequence[tuple[int, int]], events: Sequence[Event], frame_period: int, sample_rate: int
) -> Judged:
    """Compares detections, (frame, class), with the words in the stream."""
    late = LATENESS_S * sample_rate
    starts = np.array([event.start for event in events])
    detected: set[int] = set()
    false = repeats = 0
    for frame, label in found:
        sample = frame * frame_period
        at = int(np.searchsorted(starts, sample, side="right")) - 1
        right = at >= 0 and sample <= events[at].end + late and events[at].label == label
        if not right:
            false += 1
        elif at in detected:
            repeats += 1
        else:
            detected.add(at)
    return Judged(len(events) - len(detected), false, repeats)
