"""The second stage of a detector: a larger network, asked about each hit of the first.

It sleeps until the first stage's detector finds a word, a hit. Then its network starts from nothing
and hears the kept frames up to the hit's, `pace` of them for each new frame, until it has caught
up. From the frame of the hit on, for `patience` frames, it is asked whether it hears the word, too:
the first yes is told as the detection. Without one the hit is dropped, and the first stage listens
again: to the same word once its score has been below the second threshold of `DetectorConfig`.

second_stage.c computes the same, so both have the same detections and scores.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.runtime import detector
from firmware_export.runtime.detector import DetectorConfig

NOTHING, REJECTED = -1, -2

_MOST_FRAMES = 10_000
_MOST_THRESHOLD = 2.0


@dataclasses.dataclass(frozen=True)
class SecondConfig:
    """How the second stage is asked.

    Attributes:
      threshold: minimum score of the word: the mean of its last `smoothing` probabilities. At 0
        each hit is told, above 1 none.
      smoothing: frames; before the first whole window, probabilities count as 0.
      past: frames that it hears up to the hit, that of the hit among them; at least its window.
      patience: frames after that of the hit with which it may still say yes.
      pace: most frames that it hears for each new one, to catch up: bounds what it takes.
    """

    threshold: float
    smoothing: int
    past: int
    patience: int
    pace: int

    def __post_init__(self) -> None:
        for name, least in (("smoothing", 1), ("past", 1), ("patience", 0), ("pace", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not least <= value <= _MOST_FRAMES:
                raise ExportError(
                    f"second stage: {name}={value!r} is not a whole number from {least} to "
                    f"{_MOST_FRAMES}"
                )
        if isinstance(self.threshold, bool) or not 0 <= self.threshold <= _MOST_THRESHOLD:
            raise ExportError(
                f"second stage: threshold={self.threshold!r} is not from 0 to {_MOST_THRESHOLD:g}; "
                "use one like 0.6"
            )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    @property
    def threshold_score(self) -> int:
        """The threshold as a score; above 1 it is above all scores."""
        return round(self.threshold * detector.ONE) + (self.threshold > 1)

    def hop_of(self, number: int, past: int) -> int:
        """After how many new frames since the hit it has heard so many.

        Args:
          number: of frames since it woke.
          past: those up to the hit: `past` of these settings, or fewer at the start of a stream.
        """
        return max(0, number - past, -(-number // self.pace) - 1)

    @property
    def longest(self) -> int:
        """The most new frames from a hit to the answer."""
        return self.hop_of(self.past + self.patience, self.past)

    def check(self, first: DetectorConfig, window: int) -> None:
        """Checks it against the first stage's detector and the frames of its own window.

        Raises:
          ExportError: it would miss the next hit, or hear less than a window.
        """
        if self.past < window:
            raise ExportError(
                f"second stage: past={self.past} frames are less than its window of {window}"
            )
        if first.refractory_hops < self.longest:
            raise ExportError(
                f"second stage: it may answer {self.longest} frames after a hit, when the first "
                f"stage listens again: give the detector refractory_hops={self.longest} or more"
            )


@dataclasses.dataclass(frozen=True)
class Second:
    """A second stage, for an export.

    Attributes:
      model: .tflite file of the streaming form of its network, for the same labels and front-end.
      config: how it is asked.
      hits_per_hour: of the first stage, as measured: how often it is asked.
      name: what errors about the file call it.
    """

    model: bytes
    config: SecondConfig
    hits_per_hour: float = 0.0
    name: str = "the second stage's model"


class FrameByFrame(Protocol):
    """A network with state, on int8 frames."""

    def reset(self) -> None:
        """Clears the state."""
        ...

    def push(self, frames: np.ndarray) -> np.ndarray:
        """Accepts (n, mel_bands) frames, n >= 1; returns (n, classes) logits."""
        ...


def feature_table(
    scale: float, zero_point: int, second_scale: float, second_zero_point: int
) -> np.ndarray:
    """The second network's features for those of the first, (256,) int8, from -128 to 127.

    Args:
      scale, zero_point: of the first network's input.
      second_scale, second_zero_point: of the second's.
    """
    steps = (np.arange(-128, 128) - zero_point) * (scale / second_scale)
    return np.clip(np.rint(steps) + second_zero_point, -128, 127).astype(np.int8)


class SecondStage:
    """second_stage.c in Python.

    Args:
      config: how it is asked.
      network: the larger one.
      features: `feature_table`.
      logit_scale: of its output.
      window: frames of its window.
    """

    def __init__(
        self,
        config: SecondConfig,
        network: FrameByFrame,
        features: np.ndarray,
        logit_scale: float,
        window: int,
    ) -> None:
        self._config, self._network, self._window = config, network, window
        self._features = features
        self._table = detector.exponentials(logit_scale)
        self.reset()

    def reset(self) -> None:
        """Forgets all past frames."""
        self._frames: list[np.ndarray] = []  # the last `past`
        self._label = NOTHING  # the class in question
        self._behind = 0  # kept frames that it has not heard

    def push(self, frame: np.ndarray, hit: int) -> tuple[int, int]:
        """Takes each frame, and what the first stage found with it.

        Args:
          frame: (mel_bands,) int8 features of the first stage.
          hit: a class, or -1.

        Returns:
          The class that is told, or NOTHING, or REJECTED: the first stage listens again; and the
          score of the class in question, 0 if there is none.
        """
        self._frames = [*self._frames, frame][-self._config.past :]
        if self._label != NOTHING:
            self._behind += 1
        elif hit >= 0:
            self._wake(hit)
        score = 0
        for _ in range(self._config.pace):
            if self._label == NOTHING or not self._behind:
                break
            score = self._hear()
            if self._heard >= self._past and score >= self._config.threshold_score:
                return self._sleep(), score
            if self._heard == self._past + self._config.patience:
                self._sleep()
                return REJECTED, score
        return NOTHING, score

    def _wake(self, label: int) -> None:
        self._network.reset()
        self._label, self._heard = label, 0
        self._past = self._behind = len(self._frames)
        self._recent = [0] * self._config.smoothing

    def _sleep(self) -> int:
        label, self._label = self._label, NOTHING
        return label

    def _hear(self) -> int:
        """Hears the next frame; returns the word's score."""
        frame = self._frames[len(self._frames) - self._behind]
        self._behind -= 1
        self._heard += 1
        logits = self._network.push(self._features[frame.astype(int) + 128][np.newaxis])[0]
        if self._heard >= self._window:
            found = detector.probabilities(logits, self._table)[self._label]
            self._recent = [*self._recent[1:], found]
        return sum(self._recent) // self._config.smoothing


def scores(probabilities: Sequence[int] | np.ndarray, smoothing: int) -> np.ndarray:
    """Means of the last `smoothing` probabilities, those before the first being 0: int64 (n,)."""
    sums = np.cumsum(np.asarray(probabilities, np.int64))
    sums[smoothing:] -= sums[:-smoothing].copy()
    return sums // smoothing
