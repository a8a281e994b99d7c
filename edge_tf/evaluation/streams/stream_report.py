"""Settings and results of `evaluate --stream`; stream.json."""

import dataclasses
from collections.abc import Sequence

from edge_tf import records
from edge_tf.evaluation.streams.stream_metrics import Point, is_quiet
from edge_tf.records import JsonObject

FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class StreamSettings:
    """Settings of `evaluate --stream`.

    Attributes:
      minutes: length of each of the two streams.
      most_per_hour: maximum false accepts per hour of the chosen detector.
      seed: of the composition of the streams.
    """

    minutes: float = 60.0
    most_per_hour: float = 1.0
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class SceneFacts:
    """Composition of the test stream.

    Attributes:
      hours: its length.
      keywords, other_words: numbers of spoken words.
      clips: number of distinct test clips.
      snrs_db: signal-to-noise ratios; None: without noise.
    """

    hours: float
    keywords: int
    other_words: int
    clips: int
    snrs_db: Sequence[float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PointRecord:
    """One detector setting and its results, as in stream.json and detector.json."""

    smoothing: int
    threshold: float
    refractory_hops: int
    rearm: float | None
    words: int
    missed: int
    false_rejects: float
    false_accepts: int
    false_accepts_per_hour: float
    per_hour_interval: tuple[float, float]
    repeats: int

    @classmethod
    def of(cls, point: Point) -> "PointRecord":
        """The figures of a point."""
        return cls(
            smoothing=point.config.smoothing,
            threshold=point.config.threshold,
            refractory_hops=point.config.refractory_hops,
            rearm=point.config.rearm,
            words=point.words,
            missed=point.missed,
            false_rejects=point.false_rejects,
            false_accepts=point.false_accepts,
            false_accepts_per_hour=point.per_hour,
            per_hour_interval=point.per_hour_interval,
            repeats=point.repeats,
        )


@dataclasses.dataclass(frozen=True)
class StreamReport:
    """Results; `to_dict` has the written form.

    Attributes:
      chosen: the chosen setting on the test stream.
      chosen_on: the same on the validation stream, where it was chosen.
      points: all settings on the test stream.
      by_snr: (signal-to-noise ratio in dB or None, words, missed).
      scene: facts of the test stream.
      settings: of the evaluation.
      model_sha256: of the streaming model.
      deaf_seconds: at the start of a stream, until the first decision.
    """

    chosen: Point
    chosen_on: Point
    points: Sequence[Point]
    by_snr: Sequence[tuple[float | None, int, int]]
    scene: SceneFacts
    settings: StreamSettings
    model_sha256: str
    deaf_seconds: float = 0.0

    @property
    def is_met(self) -> bool:
        """Whether the detector is as quiet as was asked for, where it was chosen."""
        return is_quiet(self.chosen_on, self.settings.most_per_hour)

    def to_dict(self) -> JsonObject:
        """The content of stream.json."""
        return {
            "format_version": FORMAT_VERSION,
            "model_sha256": self.model_sha256,
            "settings": records.to_json(self.settings),
            "scene": records.to_json(self.scene),
            "deaf_seconds": self.deaf_seconds,
            "is_met": self.is_met,
            "chosen": as_dict(self.chosen),
            "chosen_on_validation": as_dict(self.chosen_on),
            "by_snr": [
                {"snr_db": snr, "words": words, "missed": missed}
                for snr, words, missed in self.by_snr
            ],
            "points": [as_dict(point) for point in self.points],
        }


def as_dict(point: Point) -> JsonObject:
    """For JSON."""
    return records.to_json(PointRecord.of(point))
