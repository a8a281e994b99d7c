"""Metrics of a wake word: false accepts per hour and false rejects, over detector settings.

The detector is that of detector.c; all settings are tried on the logits of one run.
"""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from edge_tf.evaluation.streams import judging, stream_detections
from edge_tf.evaluation.streams.asking import Asked
from edge_tf.evaluation.streams.intervals import binomial_interval, poisson_interval
from edge_tf.evaluation.streams.judging import HeardPart, Listening
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import SecondConfig


@dataclasses.dataclass(frozen=True)
class Kind:
    """False accepts in one kind of sound.

    Attributes:
      name: of the kind.
      hours: of sound.
      false_accepts: detections that are no hit.
      seconds: those of them that are second detections of a word.
    """

    name: str
    hours: float
    false_accepts: int
    seconds: int = 0

    @property
    def per_hour(self) -> float:
        """False accepts per hour."""
        return self.false_accepts / self.hours

    @property
    def per_hour_interval(self) -> tuple[float, float]:
        """95 % interval of per_hour, exact for a Poisson process."""
        low, high = poisson_interval(self.false_accepts)
        return low / self.hours, high / self.hours


@dataclasses.dataclass(frozen=True)
class Level:
    """False rejects at one level of noise.

    Attributes:
      snr_db: signal-to-noise ratio; None: no noise.
      words: keywords.
      missed: those that were not detected, or only as another class.
    """

    snr_db: float | None
    words: int
    missed: int

    @property
    def share(self) -> float:
        """False rejects as a share of the words."""
        return self.missed / self.words

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share, exact for a binomial distribution."""
        return binomial_interval(self.missed, self.words)


@dataclasses.dataclass(frozen=True)
class Point:
    """Result of one detector setting.

    Attributes:
      config: the setting.
      kinds: of sound, as they first occurred.
      levels: of noise around the keywords, as they first occurred.
      delays_s: sorted seconds from the end of each detected word to its detection; negative if it
        was detected before its end.
      second: setting of the second stage; None: there is none.
      asked: hits of the first stage, about which the second was asked.
    """

    config: DetectorConfig
    kinds: tuple[Kind, ...]
    levels: tuple[Level, ...]
    delays_s: tuple[float, ...] = ()
    second: SecondConfig | None = None
    asked: int = 0

    @property
    def total(self) -> Kind:
        """All kinds of sound together."""
        return Kind(
            "all",
            sum(kind.hours for kind in self.kinds),
            sum(kind.false_accepts for kind in self.kinds),
            sum(kind.seconds for kind in self.kinds),
        )

    @property
    def words(self) -> int:
        """Keywords."""
        return sum(level.words for level in self.levels)

    @property
    def missed(self) -> int:
        """Keywords that were not detected, or only as another class."""
        return sum(level.missed for level in self.levels)

    @property
    def false_rejects(self) -> float:
        """False rejects as a share of the words."""
        return self.missed / self.words

    @property
    def false_rejects_interval(self) -> tuple[float, float]:
        """95 % interval of false_rejects, exact for a binomial distribution."""
        return binomial_interval(self.missed, self.words)

    @property
    def hits_per_hour(self) -> float:
        """Hits of the first stage that were no detected word, per hour."""
        return (self.asked - (self.words - self.missed)) / self.total.hours

    def latency_s(self, percent: float) -> float | None:
        """The latency that this share of the detected words has at most; None if none was."""
        if not self.delays_s:
            return None
        return float(np.percentile(self.delays_s, percent, method="inverted_cdf"))


def sweep(
    parts: Sequence[HeardPart],
    listening: Listening,
    config_for: Callable[[int, float, float], DetectorConfig],
    smoothings: Sequence[int],
    thresholds: Sequence[float],
    rearms: Sequence[float],
) -> list[Point]:
    """Every combination of smoothing, threshold and second threshold.

    Args:
      parts: what was heard; each is listened to from anew.
      listening: how.
      config_for: maps smoothing, threshold and second threshold to the detector.
      smoothings, thresholds: values to try.
      rearms: second thresholds to try, as shares of the threshold.

    Raises:
      ValueError: there is no keyword in any part.
    """
    settings = list(itertools.product(thresholds, rearms))
    results: dict[DetectorConfig, list[judging.Judged]] = {
        config_for(smoothing, threshold, round(share * threshold, 4)): []
        for smoothing in smoothings
        for threshold, share in settings
    }
    for part in parts:
        values = stream_detections.probabilities(
            part.logits, listening.logit_scale, listening.skipped
        )
        for smoothing in smoothings:
            scores = stream_detections.smoothed(values, smoothing)
            for config, judged in results.items():
                if config.smoothing == smoothing:
                    judged.append(_judge(scores, part, config, listening))
    return [_point(config, parts, judged, listening) for config, judged in results.items()]


def pairs(
    parts: Sequence[HeardPart],
    listening: Listening,
    first: DetectorConfig,
    seconds: Sequence[SecondConfig],
    asked: Asked,
) -> list[Point]:
    """One setting of the first stage, with each of the second.

    Args:
      parts: what the first stage heard; each is listened to from anew.
      listening: how.
      first: the first stage's detector.
      seconds: settings of the second stage.
      asked: the second stage beside these parts.

    Raises:
      ValueError: there is no keyword in any part.
    """
    hits = []
    for part in parts:
        values = stream_detections.probabilities(
            part.logits, listening.logit_scale, listening.skipped
        )
        scores = stream_detections.smoothed(values, first.smoothing)
        hits.append(stream_detections.candidates(scores, first, listening.labels))
    # With the strictest, most of the hits there are, to be heard at once.
    strictest = max(seconds, key=lambda second: second.threshold)
    _pair(hits, parts, listening, strictest, asked)
    asked.run()
    points: dict[SecondConfig, Point] = {}
    while missing := [second for second in seconds if second not in points]:
        for second in missing:
            unheard = asked.unheard
            point = _pair(hits, parts, listening, second, asked)
            if asked.unheard == unheard:
                points[second] = point
        asked.run()
    return [points[second] for second in seconds]


def _pair(
    hits: Sequence[stream_detections.Candidates],
    parts: Sequence[HeardPart],
    listening: Listening,
    second: SecondConfig,
    asked: Asked,
) -> Point:
    """`hits`: of the first stage in each part."""
    before = asked.count
    judged = []
    for number, (part, candidates) in enumerate(zip(parts, hits, strict=True)):
        found = stream_detections.told(candidates, asked.ask(number, second))
        judged.append(
            judging.judge(found, part.events, listening.frame_period, listening.sample_rate)
        )
    point = _point(hits[0].config, parts, judged, listening)
    return dataclasses.replace(point, second=second, asked=asked.count - before)


def measure(parts: Sequence[HeardPart], listening: Listening, config: DetectorConfig) -> Point:
    """One setting; arguments and errors as for `sweep`."""
    judged = []
    for part in parts:
        values = stream_detections.probabilities(
            part.logits, listening.logit_scale, listening.skipped
        )
        scores = stream_detections.smoothed(values, config.smoothing)
        judged.append(_judge(scores, part, config, listening))
    return _point(config, parts, judged, listening)


def choose(points: Sequence[Point], most_per_hour: float) -> Point:
    """The setting with the fewest false rejects and at most `most_per_hour` false accepts per hour.

    Ties go to fewer false accepts, then to fewer hits, the higher thresholds and the lower one of
    `rearm`. If no setting is quiet enough, the quietest ones compete; `is_quiet` tells.
    """
    quiet = [point for point in points if is_quiet(point, most_per_hour)]
    if not quiet:
        fewest = min(point.total.false_accepts for point in points)
        quiet = [point for point in points if point.total.false_accepts == fewest]
    return min(
        quiet,
        key=lambda p: (
            p.missed,
            p.total.false_accepts,
            p.asked,
            -(p.second.threshold if p.second else 0.0),
            -p.config.threshold,
            p.config.rearm_score,
        ),
    )


def is_quiet(point: Point, most_per_hour: float) -> bool:
    """Whether a setting has at most so many false accepts per hour."""
    return point.total.per_hour <= most_per_hour


def _judge(
    scores: stream_detections.Scores,
    part: HeardPart,
    config: DetectorConfig,
    listening: Listening,
) -> judging.Judged:
    found = stream_detections.detected(scores, config, listening.labels)
    return judging.judge(found, part.events, listening.frame_period, listening.sample_rate)


def _point(
    config: DetectorConfig,
    parts: Sequence[HeardPart],
    judged: Sequence[judging.Judged],
    listening: Listening,
) -> Point:
    kinds: dict[str, list[float]] = {}
    words: collections.Counter[float | None] = collections.Counter()
    missed: collections.Counter[float | None] = collections.Counter()
    delays = []
    for part, result in zip(parts, judged, strict=True):
        kind = kinds.setdefault(part.kind, [0.0, 0, 0])
        for at, value in enumerate((part.hours, result.false_accepts, result.seconds)):
            kind[at] += value
        for event, delay in zip(part.events, result.delays, strict=True):
            words[event.snr_db] += 1
            if delay is None:
                missed[event.snr_db] += 1
            else:
                delays.append(delay / listening.sample_rate)
    if not words:
        raise ValueError("there is no keyword in the sound, so no setting can be judged")
    return Point(
        config,
        tuple(Kind(name, hours, int(n), int(m)) for name, (hours, n, m) in kinds.items()),
        tuple(Level(snr, count, missed[snr]) for snr, count in words.items()),
        tuple(sorted(delays)),
    )
