"""Settings and results of `evaluate --stream`; stream.json."""

import dataclasses
from collections.abc import Sequence

from edge_tf import records
from edge_tf.evaluation.streams import stream_metrics
from edge_tf.evaluation.streams.aim import Aim
from edge_tf.evaluation.streams.second_run import SecondRun
from edge_tf.evaluation.streams.stream_metrics import Kind, Level, Point
from edge_tf.records import JsonObject, later
from firmware_export.runtime.second_stage import SecondConfig

FORMAT_VERSION = 2


@dataclasses.dataclass(frozen=True)
class StreamSettings:
    """Settings of `evaluate --stream`.

    Attributes:
      minutes: length of each of the two streams.
      most_per_hour: maximum false accepts per hour of the chosen detector.
      seed: of the composition of the streams.
      test_recordings: folder of recordings of the words to test on instead of the run's own.
      test_negatives: folders of other sound to test on besides the run's own.
      test_noise: folder of the noise that is mixed under the words of the test.
      second: run directory of a second stage; None: the detector has one stage.
      second_pace: frames that it hears for each new one while it catches up.
      second_hits: hits per hour that the first stage may have.
    """

    minutes: float = 60.0
    most_per_hour: float = 1.0
    seed: int = 0
    test_recordings: str | None = later(None)
    test_negatives: tuple[str, ...] = later(())
    test_noise: str | None = later(None)
    second: str | None = later(None)
    second_pace: int = later(4)
    second_hits: float = later(60.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SceneFacts:
    """What the test sound consists of.

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
class KindRecord:
    """False accepts in a kind of sound."""

    kind: str
    hours: float
    false_accepts: int
    second_detections: int
    false_accepts_per_hour: float
    per_hour_interval: tuple[float, float]

    @classmethod
    def of(cls, kind: Kind) -> "KindRecord":
        """The figures of a kind."""
        return cls(
            kind=kind.name,
            hours=kind.hours,
            false_accepts=kind.false_accepts,
            second_detections=kind.seconds,
            false_accepts_per_hour=kind.per_hour,
            per_hour_interval=kind.per_hour_interval,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelRecord:
    """False rejects at a level of noise."""

    snr_db: float | None
    words: int
    missed: int
    false_rejects_interval: tuple[float, float]

    @classmethod
    def of(cls, level: Level) -> "LevelRecord":
        """The figures of a level."""
        return cls(
            snr_db=level.snr_db,
            words=level.words,
            missed=level.missed,
            false_rejects_interval=level.interval,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PointRecord:
    """One detector setting and its results, as in stream.json and detector.json."""

    smoothing: int
    threshold: float
    rearm: float | None
    refractory_hops: int
    words: int
    missed: int
    false_rejects: float
    false_rejects_interval: tuple[float, float]
    hours: float
    false_accepts: int
    second_detections: int
    false_accepts_per_hour: float
    per_hour_interval: tuple[float, float]
    median_latency_s: float | None
    latency_90_s: float | None
    second: SecondConfig | None = later(None)
    hits_per_hour: float | None = later(None)

    @classmethod
    def of(cls, point: Point) -> "PointRecord":
        """The figures of a point."""
        total = point.total
        return cls(
            smoothing=point.config.smoothing,
            threshold=point.config.threshold,
            rearm=point.config.rearm,
            refractory_hops=point.config.refractory_hops,
            words=point.words,
            missed=point.missed,
            false_rejects=point.false_rejects,
            false_rejects_interval=point.false_rejects_interval,
            hours=total.hours,
            false_accepts=total.false_accepts,
            second_detections=total.seconds,
            false_accepts_per_hour=total.per_hour,
            per_hour_interval=total.per_hour_interval,
            median_latency_s=point.latency_s(50),
            latency_90_s=point.latency_s(90),
            second=point.second,
            hits_per_hour=point.hits_per_hour if point.second else None,
        )


@dataclasses.dataclass(frozen=True)
class StreamReport:
    """Results; `to_dict` has the written form.

    Attributes:
      chosen: the chosen setting on test sound.
      chosen_on: the same on validation sound, where it was chosen.
      points: all settings on test sound, for the curve.
      scene: facts of the test sound.
      settings: of the evaluation.
      model_sha256: of the streaming model.
      float_best: the float network's setting with the fewest false rejects on the test sound, at
        no more false accepts than `chosen` has; None if it was not run.
      deaf_seconds: at the start of a stream, until the first decision.
      second: the run of the second stage; None: there is none.
      alone: with a second stage, the best that the first would do alone, chosen and tested in the
        same way.
    """

    chosen: Point
    chosen_on: Point
    points: Sequence[Point]
    scene: SceneFacts
    settings: StreamSettings
    model_sha256: str
    deaf_seconds: float = 0.0
    float_best: Point | None = None
    second: SecondRun | None = None
    alone: Point | None = None

    @property
    def int8_best(self) -> Point:
        """The same of the int8 network, to compare: it was not chosen without the test sound."""
        return stream_metrics.choose(self.points, self.chosen.total.per_hour)

    @property
    def aim(self) -> Aim:
        """Whether the detector is as quiet as was asked for."""
        return Aim(self.settings.most_per_hour, self.chosen_on.total, self.chosen.total)

    def to_dict(self) -> JsonObject:
        """The content of stream.json."""
        return {
            "format_version": FORMAT_VERSION,
            "model_sha256": self.model_sha256,
            "settings": records.to_json(self.settings),
            "scene": records.to_json(self.scene),
            "deaf_seconds": self.deaf_seconds,
            "is_met": self.aim.is_met,
            "verdict": self.aim.verdict,
            "chosen": as_dict(self.chosen),
            "chosen_on_validation": as_dict(self.chosen_on),
            "by_kind": [records.to_json(KindRecord.of(kind)) for kind in self.chosen.kinds],
            "by_snr": [records.to_json(LevelRecord.of(level)) for level in self.chosen.levels],
            "float": self.float_best
            and {
                "false_rejects": self.float_best.false_rejects,
                "int8_false_rejects": self.int8_best.false_rejects,
                "false_accepts_per_hour": self.chosen.total.per_hour,
            },
            **self._second(),
            "points": [as_dict(point) for point in self.points],
        }

    def _second(self) -> JsonObject:
        """Of a second stage, if there is one."""
        if self.second is None or self.alone is None:
            return {}
        about = {"run_dir": str(self.second.path), "model_sha256": self.second.sha256}
        return {"second": about, "first_alone": as_dict(self.alone)}


def as_dict(point: Point) -> JsonObject:
    """For JSON."""
    return records.to_json(PointRecord.of(point))
