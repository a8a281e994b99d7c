"""What `evaluate --stream` was asked for and found; stream.json."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from edge_tf.evaluation.streams.stream_metrics import Point

FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class StreamSettings:
    """What `evaluate --stream` is asked for.

    Attributes:
      minutes: length of each of the two streams.
      most_per_hour: false accepts an hour that the chosen detector may have.
      seed: of how the streams are put together.
    """

    minutes: float = 60.0
    most_per_hour: float = 1.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class StreamReport:
    """What it found; see `to_dict` for what is written.

    Attributes:
      chosen: the chosen setting on the test stream.
      chosen_on: the same on the validation stream, where it was chosen.
      points: all settings on the test stream.
      by_snr: signal-to-noise ratio in dB, or None, to (words, missed).
      scene: facts of the test stream.
      settings: what was asked for.
      model_sha256: of the streaming model.
    """

    chosen: Point
    chosen_on: Point
    points: Sequence[Point]
    by_snr: Sequence[tuple[float | None, int, int]]
    scene: dict[str, Any]
    settings: StreamSettings
    model_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The content of stream.json."""
        return {
            "format_version": FORMAT_VERSION,
            "model_sha256": self.model_sha256,
            "settings": dataclasses.asdict(self.settings),
            "scene": self.scene,
            "chosen": as_dict(self.chosen),
            "chosen_on_validation": as_dict(self.chosen_on),
            "by_snr": [
                {"snr_db": snr, "words": words, "missed": missed}
                for snr, words, missed in self.by_snr
            ],
            "points": [as_dict(point) for point in self.points],
        }


def as_dict(point: Point) -> dict[str, Any]:
    low, high = point.per_hour_interval
    return {
        "smoothing": point.config.smoothing,
        "threshold": point.config.threshold,
        "refractory_hops": point.config.refractory_hops,
        "words": point.words,
        "missed": point.missed,
        "false_rejects": point.false_rejects,
        "false_accepts": point.false_accepts,
        "false_accepts_per_hour": point.per_hour,
        "per_hour_interval": [low, high],
    }
