"""What a wake word is judged by: false accepts an hour, false rejects, over detector settings.

The detector is that of detector.c; here all settings are tried on the logits of one run.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from edge_tf.evaluation.streams.stream_scene import Event
from firmware_export.runtime import detector as c_detector
from firmware_export.runtime.detector import DetectorConfig

# A word counts as heard if it is detected before this time after its clip has ended.
LATENESS_S = 0.75
_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Point:
    """What one setting of the detector gives on a stream.

    Attributes:
      config: the setting.
      words: keywords that were said.
      missed: of them, those that were not detected as what they are.
      false_accepts: detections of what was not said, or not then.
      hours: of the whole stream.
    """

    config: DetectorConfig
    words: int
    missed: int
    false_accepts: int
    hours: float

    @property
    def false_rejects(self) -> float:
        """Share of the words."""
        return self.missed / self.words

    @property
    def per_hour(self) -> float:
        """False accepts an hour."""
        return self.false_accepts / self.hours

    @property
    def per_hour_interval(self) -> tuple[float, float]:
        """95 % of it, as of a Poisson process."""
        low, high = poisson_interval(self.false_accepts)
        return low / self.hours, high / self.hours


@functools.cache
def poisson_interval(count: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a Poisson mean of which `count` events were seen (Garwood, 1936).

    Args:
      count: events, 0 or more.
      confidence: of the interval; the rest is shared out to both sides.
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
    """Where a function that rises from 0 to `most` has a value, by halving."""
    low, high = 0.0, most
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def detections(
    logits: np.ndarray,
    logit_scale: float,
    config: DetectorConfig,
    labels: Sequence[str],
    unheard: int = 0,
) -> list[tuple[int, int]]:
    """Frames and classes that `config` detects, in order.

    Args:
      logits: int8 (frames, classes).
      logit_scale: their step.
      config, labels: as of the C detector, which detects the same.
      unheard: so many frames at the beginning do not reach the detector.
    """
    best, scores = _smoothed(_probabilities(logits, logit_scale, unheard), config.smoothing)
    return _detected(best, scores, config, labels)


def sweep(
    logits: np.ndarray,
    logit_scale: float,
    labels: Sequence[str],
    events: Sequence[Event],
    frame_period: int,
    sample_rate: int,
    base: DetectorConfig,
    smoothings: Sequence[int],
    thresholds: Sequence[float],
    unheard: int = 0,
) -> list[Point]:
    """Every smoothing with every threshold, on one stream.

    Args:
      logits: int8 (frames, classes) of all frames.
      logit_scale: their step.
      labels: in the order of the logits.
      events: what was said.
      frame_period: samples from one frame to the next.
      sample_rate: Hz.
      base: for what is not swept.
      smoothings, thresholds: to be tried.
      unheard: so many frames at the beginning do not reach the detector.
    """
    probabilities = _probabilities(logits, logit_scale, unheard)
    hours = len(logits) * frame_period / sample_rate / 3600
    points = []
    for smoothing in smoothings:
        best, scores = _smoothed(probabilities, smoothing)
        for threshold in thresholds:
            config = dataclasses.replace(base, smoothing=smoothing, threshold=threshold)
            found = _detected(best, scores, config, labels)
            missed, false = judge(found, events, frame_period, sample_rate)
            points.append(Point(config, len(events), missed, false, hours))
    return points


def choose(points: Sequence[Point], most_per_hour: float) -> Point:
    """The fewest false rejects among settings with no more false accepts than asked for.

    Of equals the one with fewer false accepts, then the higher threshold. If no setting is quiet
    enough, the quietest.
    """
    quiet = [point for point in points if point.per_hour <= most_per_hour]
    if not quiet:
        fewest = min(point.false_accepts for point in points)
        quiet = [point for point in points if point.false_accepts == fewest]
    return min(quiet, key=lambda p: (p.missed, p.false_accepts, -p.config.threshold))


def _probabilities(logits: np.ndarray, logit_scale: float, unheard: int) -> np.ndarray:
    """As detector.probabilities, of all frames at once: int64 (frames, classes).

    Those of frames that are not heard are 0, as of those before the first.
    """
    table = np.zeros(256, np.int64)
    exponentials = c_detector.exponentials(logit_scale)
    table[: len(exponentials)] = exponentials
    wide = logits.astype(np.int64)
    powers = table[wide.max(axis=1, keepdims=True) - wide]
    total = powers.sum(axis=1, keepdims=True)
    probabilities: np.ndarray = (powers * c_detector.ONE + total // 2) // total
    probabilities[:unheard] = 0
    return probabilities


def _smoothed(probabilities: np.ndarray, smoothing: int) -> tuple[np.ndarray, np.ndarray]:
    """The best class of each frame and its score."""
    sums = np.cumsum(probabilities, axis=0)
    sums[smoothing:] -= sums[:-smoothing].copy()
    scores = sums // smoothing
    best = scores.argmax(axis=1)
    return best, scores[np.arange(len(best)), best]


def _detected(
    best: np.ndarray, scores: np.ndarray, config: DetectorConfig, labels: Sequence[str]
) -> list[tuple[int, int]]:
    background = np.array(config.background_mask(labels))
    candidates = np.flatnonzero((scores >= config.threshold_score) & ~background[best])
    found = []
    at = 0
    while at < len(candidates):
        frame = int(candidates[at])
        found.append((frame, int(best[frame])))
        at = int(np.searchsorted(candidates, frame + config.refractory_hops + 1))
    return found


def judge(
    found: Sequence[tuple[int, int]], events: Sequence[Event], frame_period: int, sample_rate: int
) -> tuple[int, int]:
    """How many words were missed, and how many detections were false.

    A word that is detected a second time counts as neither.
    """
    late = LATENESS_S * sample_rate
    starts = np.array([event.start for event in events])
    heard: set[int] = set()
    false = 0
    for frame, label in found:
        sample = frame * frame_period
        at = int(np.searchsorted(starts, sample, side="right")) - 1
        right = at >= 0 and sample <= events[at].end + late and events[at].label == label
        if right and at not in heard:
            heard.add(at)
        elif not right:
            false += 1
    return len(events) - len(heard), false
