"""The integer form of a recogniser: what a device computes from int8 embeddings.

firmware_export/runtime/recogniser.py defines its arithmetic; here the float weights of dummies are
put on its grid.
"""

import dataclasses

import numpy as np

from edge_tf.fewshot.recogniser import Answers, Dummies, Recogniser
from firmware_export.runtime import recogniser as device
from firmware_export.runtime.recogniser import FRACTION, DummyGenerator

_WEIGHT_MOST = 2**15 - 1
_HIDDEN_MOST = 2**14  # aim for what hidden values reach, below what int16 holds
_MOST_SHIFT = 40
_MOST_BIAS = 2.0**60  # so that no sum overflows int64


@dataclasses.dataclass(frozen=True, eq=False)
class IntegerRecogniser:
    """Recogniser for int8 embeddings; see firmware_export/runtime/recogniser.py.

    Attributes:
      device: its arithmetic.
    """

    device: device.Recogniser

    @classmethod
    def of(cls, recogniser: Recogniser, scale: float, zero_point: int) -> "IntegerRecogniser":
        """The integer form for embeddings with this step and zero point."""
        if recogniser.dummies is None:
            return cls(device.Recogniser())
        temperature = round(device.TEMPERATURE_ONE * recogniser.temperature)
        dummies = dummies_of(recogniser.dummies, scale, zero_point)
        return cls(device.Recogniser(dummies, temperature))

    def score_step(self, scale: float) -> float:
        """The score of Recogniser that is one of this one, for embeddings with this step."""
        square = (scale / FRACTION) ** 2
        return square if self.device.dummies is None else square / self.device.temperature

    def __call__(self, support: np.ndarray, queries: np.ndarray) -> Answers:
        """(..., words, takes, size) and (..., queries, size) int8 to answers, scores int64."""
        return Answers(*self.device(support, queries))


def dummies_of(dummies: Dummies, scale: float, zero_point: int) -> DummyGenerator:
    """Quantizes a generator of dummies.

    Args:
      dummies: for real embeddings, scale * (int8 - zero_point).
      scale, zero_point: of the int8 embedding.
    """
    step = scale / FRACTION
    # On the grid of prototypes: V (step (p - 8 z)) + v, and the dummies back to it.
    kernel = dummies.hidden.astype(np.float64) * step
    bias = dummies.hidden_bias - FRACTION * zero_point * kernel.sum(axis=0)
    most = np.abs(kernel).sum(axis=0) * FRACTION * 128 + np.abs(bias)
    unit = float(most.max()) / _HIDDEN_MOST or 1.0
    hidden = _quantized(kernel / unit, bias / unit)
    output = _quantized(
        dummies.output.astype(np.float64) * unit / step,
        dummies.output_bias / step + FRACTION * zero_point,
    )
    return DummyGenerator(*hidden, *output)


def _quantized(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """int16 kernel and int64 bias, both multiplied by 2 ** shift, with the largest shift."""
    shift = _MOST_SHIFT
    for most, limit in ((np.abs(kernel).max(), _WEIGHT_MOST), (np.abs(bias).max(), _MOST_BIAS)):
        if most > 0.0:
            shift = min(shift, int(np.floor(np.log2(limit / float(most)))))
    shift = max(0, shift)
    whole = np.clip(np.round(kernel * 2.0**shift), -_WEIGHT_MOST, _WEIGHT_MOST)
    return whole.astype(np.int16), np.round(bias * 2.0**shift).astype(np.int64), shift
