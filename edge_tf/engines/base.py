"""The interface of all engines."""

import dataclasses
from typing import Literal, Protocol, get_args

import numpy as np

# Input of an engine: log-mel features, or samples.
Start = Literal["features", "waveform"]
STARTS: tuple[Start, ...] = get_args(Start)


class UnavailableError(Exception):
    """This engine cannot run here; the message says why. Its hop is shown as not available."""


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Outputs of an engine for a batch of clips.

    Attributes:
      logits: (clips, classes), float32 or int8.
      scale: step of int8 logits; None for float.
      zero_point: int8 value of real zero; None for float.
      seconds_per_inference: median over clips, or mean; None if not meaningful.
      are_shifted: the logits are logarithms of scores: correct up to a constant per clip.
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
    """Runs a model on clips, one inference per clip.

    Attributes:
      id: identifier, "tflite_micro".
      name: display name, "TFLite Micro".
      bit_exact: must match the bytes of LiteRT's reference kernels.
      start: its input.
      most_clips: maximum number of clips, for slow engines; 0: no limit.
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
          UnavailableError: something that the engine needs is not installed.
        """
        ...


def log_scores(scores: np.ndarray, seconds_per_inference: float | None) -> Outputs:
    """Outputs of an engine that returns the softmax of its logits, (clips, classes)."""
    floor = np.finfo(np.float32).tiny  # a score can be 0
    logits = np.log(np.maximum(scores, floor)).astype(np.float32)
    return Outputs(logits, None, None, seconds_per_inference, are_shifted=True)
