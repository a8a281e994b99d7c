"""Detection: smoothing, two thresholds, refractory period; and the C detector in Python.

Scores are integers from 0 to ONE. detector.c computes the same sums in the same order, so both
have the same detections and scores.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_export.errors import ExportError

ONE = 1 << 15
"""The score that stands for a probability of 1."""

_INFERENCES_PER_SECOND = 10
# A rate may be named with few digits: 33.3 for a third of 100.
_RATE_TOLERANCE = 0.01
_MAX_SMOOTHING = 1_000
_MAX_REFRACTORY = 1_000_000


@dataclasses.dataclass(frozen=True)
class DetectorConfig:
    """When a class is detected. A decision is one call of the detector, after each inference.

    The defaults suit about ten inferences per second.

    Attributes:
      smoothing: smoothing window: a class's score is its mean probability over this many
        decisions; those before the first count as 0.
      threshold: minimum score for the best class to be detected, above 0, at most 1.
      refractory_hops: refractory period: no detection for this many decisions after one. Counts
        decisions, not frames, despite its name in detector.json.
      background: labels that are never detected; the model need not have them.
      rearm: second threshold: after the refractory period, a class that was detected is detected
        again only once its score has been below this, so that one long sound is one detection.
        Above 0, at most 1; at 1 the refractory period alone counts. None becomes half of
        `threshold`; see `with_threshold`.
    """

    smoothing: int = 4
    threshold: float = 0.6
    refractory_hops: int = 10
    background: Sequence[str] = ("_silence_", "_unknown_")
    rearm: float | None = None

    def __post_init__(self) -> None:
        _check_count("smoothing", self.smoothing, 1, _MAX_SMOOTHING)
        _check_count("refractory_hops", self.refractory_hops, 0, _MAX_REFRACTORY)
        _check_probability("threshold", self.threshold, "0.6")
        if self.rearm is None:
            object.__setattr__(self, "rearm", self.threshold / 2)
        _check_probability("rearm", self.rearm, "0.3")
        if isinstance(self.background, str):
            raise ExportError(
                f"detector: background={self.background!r} is a string, not a list of labels; give "
                "a list of labels"
            )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "background": list(self.background)}

    @property
    def threshold_score(self) -> int:
        """The threshold as a score, at least 1."""
        return max(1, round(self.threshold * ONE))

    @property
    def rearm_score(self) -> int:
        """The second threshold as a score, at least 1; for 1 it is above all scores."""
        assert self.rearm is not None  # see __post_init__
        return ONE + 1 if self.rearm == 1 else max(1, round(self.rearm * ONE))

    def with_threshold(self, threshold: float) -> "DetectorConfig":
        """With another threshold; the second one stays the same share of it, at most 1."""
        changed = dataclasses.replace(self, threshold=threshold, rearm=None)
        assert self.rearm is not None
        share = self.rearm / self.threshold
        return dataclasses.replace(changed, rearm=min(1.0, share * threshold))

    def at_rate(self, frames: int, before: int) -> "DetectorConfig":
        """The same times at another rate of decisions.

        Args:
          frames: frames from one decision to the next.
          before: those that this detector is for.
        """
        return dataclasses.replace(
            self,
            smoothing=max(1, round(self.smoothing * before / frames)),
            refractory_hops=math.ceil(self.refractory_hops * before / frames),
        )

    def background_mask(self, labels: Sequence[str]) -> list[bool]:
        """For each label, whether it is never detected.

        Raises:
          ExportError: no label is left to detect.
        """
        mask = [label in self.background for label in labels]
        if all(mask):
            raise ExportError(
                "the detector has no class to detect: the labels are "
                f"{', '.join(labels) or 'none'}, and all are background; name fewer "
                "background labels"
            )
        return mask


def frames_between(sample_rate: int, frame_period: int) -> int:
    """Frames from one inference of a whole window to the next.

    Args:
      sample_rate: Hz.
      frame_period: samples from one frame to the next.
    """
    return max(1, round(sample_rate / frame_period / _INFERENCES_PER_SECOND))


def frames_for(decisions_per_second: float, sample_rate: int, frame_period: int) -> int:
    """Frames from one decision to the next, for a wanted rate.

    Args:
      decisions_per_second: the rate.
      sample_rate: Hz.
      frame_period: samples from one frame to the next.

    Raises:
      ExportError: no whole number of frames gives this rate.
    """
    rate = sample_rate / frame_period
    what = f"--decisions_per_second={decisions_per_second:g} is not possible"
    if not 0 < decisions_per_second < math.inf or decisions_per_second > rate * (
        1 + _RATE_TOLERANCE
    ):
        raise ExportError(
            f"{what}: there are {rate:.4g} frames per second; give more than 0 and at most that"
        )
    frames = max(1, round(rate / decisions_per_second))
    if abs(rate / frames - decisions_per_second) > _RATE_TOLERANCE * decisions_per_second:
        below = math.ceil(rate / decisions_per_second)
        near = [f"{rate / count:.4g}" for count in (below, below - 1) if count > 0]
        raise ExportError(
            f"{what}: a decision comes after a whole number of the {rate:.4g} frames per second; "
            f"give {' or '.join(near)}"
        )
    return frames


def pause(window_frames: int, smoothing: int, frames_per_decision: int = 1) -> int:
    """The refractory period after which a word that was detected has no score left, in decisions.

    It is in the network's window for as long as that is, and then in the mean. A word that is
    detected before its end has a score for longer: that is what `DetectorConfig.rearm` is for.

    Args:
      window_frames: frames of the network's window.
      smoothing: of the detector, in decisions.
      frames_per_decision: 1 for streams; see `frames_between`.
    """
    return -(-window_frames // frames_per_decision) + smoothing


def exponentials(logit_scale: float) -> np.ndarray:
    """exp(-d * logit_scale) * ONE for d = 0, 1, ... int8 steps, (steps,) uint16.

    Ends before the first that rounds to 0, after at most 256.

    Raises:
      ExportError: an int8 tensor cannot have this scale.
    """
    if not 0 < logit_scale < math.inf:
        raise ExportError(
            f"the model's output scale is {logit_scale!r}, not a number above 0; convert the model "
            "to int8"
        )
    values = [round(math.exp(-d * logit_scale) * ONE) for d in range(256)]
    return np.array([value for value in values if value], np.uint16)


def probabilities(logits: Sequence[int] | np.ndarray, table: np.ndarray) -> list[int]:
    """Softmax of int8 logits in integers.

    Args:
      logits: (classes,) int8 values.
      table: from `exponentials`.

    Returns:
      Per class, 0 to ONE.
    """
    best = max(int(logit) for logit in logits)
    distances = [best - int(logit) for logit in logits]
    powers = [int(table[d]) if d < len(table) else 0 for d in distances]
    total = sum(powers)
    return [(power * ONE + total // 2) // total for power in powers]


class Detector:
    """detector.c in Python."""

    def __init__(self, config: DetectorConfig, labels: Sequence[str], logit_scale: float) -> None:
        self._config = config
        self._background = config.background_mask(labels)
        self._table = exponentials(logit_scale)
        self.reset()

    def reset(self) -> None:
        """Forgets all past logits."""
        classes = len(self._background)
        self._recent = [[0] * classes for _ in range(self._config.smoothing)]
        self._held = [False] * classes
        self._pause = 0

    def resume(self) -> None:
        """Ends the refractory period; what was detected still has to fall before it is again."""
        self._pause = 0

    def push(self, logits: Sequence[int] | np.ndarray) -> tuple[int, int]:
        """Takes the logits of one inference.

        Args:
          logits: (classes,) int8 values.

        Returns:
          The detected class, or -1; and the score of the best class, detected or not.
        """
        self._recent = [*self._recent[1:], probabilities(logits, self._table)]
        scores = self.scores()
        best = scores.index(max(scores))
        if self._pause > 0:
            self._pause -= 1
            return -1, scores[best]
        self._held = [
            held and score >= self._config.rearm_score
            for held, score in zip(self._held, scores, strict=True)
        ]
        is_sure = scores[best] >= self._config.threshold_score
        if self._background[best] or self._held[best] or not is_sure:
            return -1, scores[best]
        self._held[best] = True
        self._pause = self._config.refractory_hops
        return best, scores[best]

    def scores(self) -> list[int]:
        """Smoothed score of each class, 0 to ONE."""
        return [sum(column) // self._config.smoothing for column in zip(*self._recent, strict=True)]


def _check_probability(name: str, value: object, example: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ExportError(
            f"detector: {name}={value!r} is not a probability above 0; use one like {example}"
        )


def _check_count(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ExportError(
            f"detector: {name}={value!r} is not a whole number from {least} to {most}"
        )
