"""The one small interface of all engines."""

import dataclasses
from typing import Literal, Protocol, get_args

import numpy as np

# What an engine is fed: log-mel features, or the sound itself.
Start = Literal["features", "waveform"]
STARTS: tuple[Start, ...] = get_args(Start)


class UnavailableError(Exception):
    """This engine cannot run here; the message says why. A hop is then shown as not available."""


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What an engine gave for a batch of clips.

    Attributes:
      logits: (clips, classes), float32 or int8.
      scale: step of int8 logits; None for float.
      zero_point: int8 that stands for 0; None for float.
      seconds_per_inference: median over clips, or mean; None where it would mean nothing.
      are_shifted: the logits are logarithms of scores: right but for a constant a clip.
    """

    logits: np.ndarray
    scale: float | None
    zero_point: int | None
    seconds_per_inference: float | None
    are_shifted: bool = False

    def real_logits(self) -> np.ndarray:
        """The logits as real numbers, (clips, classes) float64."""
        if self.scale is None or self.zero_point is None:
            return self.logits.astype(np.float64)
        return (self.logits.astype(np.float64) - self.zero_point) * self.scale


class Engine(Protocol):
    """Runs a model on clips, one inference a clip.

    Attributes:
      id: identifier, "tflite_micro".
      name: for people, "TFLite Micro".
      bit_exact: must give the bytes of LiteRT's reference kernels.
      start: what it is fed.
      most_clips: it is too slow for more; 0: no limit.
    """

    id: str
    name: str
    bit_exact: bool
    start: Start
    most_clips: int

    def run(self, clips_in: np.ndarray, /) -> Outputs:
        """Runs all clips.

        Args:
          clips_in: features (clips, mel_bands, frames, 1) float32, or samples (clips, samples)
            int16.

        Raises:
          UnavailableError: the engine's parts are not installed here.
        """
        ...


def log_scores(scores: np.ndarray, seconds_per_inference: float | None) -> Outputs:
    """Outputs of an engine that gives the softmax of its logits, (clips, classes)."""
    floor = np.finfo(np.float32).tiny  # a score can be 0
    logits = np.log(np.maximum(scores, floor)).astype(np.float32)
    return Outputs(logits, None, None, seconds_per_inference, are_shifted=True)
