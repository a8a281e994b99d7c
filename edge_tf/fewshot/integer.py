"""The recogniser in integers: what a device computes from int8 embeddings, defined once, here.

Every number is an integer of the width that is named, and no result depends on the order of a sum:
whatever implements this must agree in each of them.

Grid: a prototype is in eighths of a step of the int8 embedding, so that the mean of takes keeps
what rounding to int8 would lose. A squared distance is then in 1/64 of a squared step.

Prototype of n takes e_1 ... e_n (int8):   p = round(8 * (e_1 + ... + e_n) / n)          int16
Squared distance of a query q (int8):      d = sum over values of (8 q - p) ** 2         int32
Dummies, from prototypes of all words:     h = max over words of max(0, (V p + v) >> a)  int16
                                           p' = (W h + w) >> b                           int16
Score:                                     256 * d' - t * d    int64; without dummies    -d

d is the distance of the nearest word, d' that of the nearest dummy, t the temperature times 256.
round() rounds halves away from zero. x >> a rounds halves up: it is (x + half) >> a, arithmetic,
with half = 2 ** (a - 1), 0 if a is 0. Sums before a shift are int64: they come once per enrolment.
What does not fit int16 is saturated.
"""

import dataclasses

import numpy as np

from edge_tf.fewshot.recogniser import Answers, Dummies, Recogniser

FRACTION = 8
TEMPERATURE_ONE = 256
LARGEST_EMBEDDING = 512
"""(8 * 255) ** 2 * 512 is the largest distance that fits int32."""
_WEIGHT_MOST = 2**15 - 1
_HIDDEN_MOST = 2**14  # aim for what hidden values reach, below what int16 holds
_MOST_SHIFT = 40
_MOST_BIAS = 2.0**60  # so that no sum overflows int64


@dataclasses.dataclass(frozen=True)
class IntegerDummies:
    """Weights of the dummies' generator; see above.

    Attributes:
      hidden: V (size, units) int16, hidden_bias: v (units,) int64, hidden_shift: a.
      output: W (units, dummies, size) int16, output_bias: w (dummies, size) int64, output_shift: b.
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    hidden_shift: int
    output: np.ndarray
    output_bias: np.ndarray
    output_shift: int

    @classmethod
    def of(cls, dummies: Dummies, scale: float, zero_point: int) -> "IntegerDummies":
        """Quantizes a generator for embeddings on an int8 grid.

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
        hidden, hidden_bias, hidden_shift = _quantized(kernel / unit, bias / unit)
        output, output_bias, output_shift = _quantized(
            dummies.output.astype(np.float64) * unit / step,
            dummies.output_bias / step + FRACTION * zero_point,
        )
        return cls(hidden, hidden_bias, hidden_shift, output, output_bias, output_shift)

    def __call__(self, words: np.ndarray) -> np.ndarray:
        """(..., words, size) int16 prototypes to (..., dummies, size) int16."""
        sums = words.astype(np.int64) @ self.hidden.astype(np.int64) + self.hidden_bias
        hidden = np.maximum(_to_int16(_shifted(sums, self.hidden_shift)), 0).max(axis=-2)
        sums = np.tensordot(hidden.astype(np.int64), self.output.astype(np.int64), axes=1)
        return _to_int16(_shifted(sums + self.output_bias, self.output_shift))


@dataclasses.dataclass(frozen=True)
class IntegerRecogniser:
    """Recogniser for int8 embeddings.

    Attributes:
      dummies: None: no dummies.
      temperature: t, TEMPERATURE_ONE times that of Recogniser.
    """

    dummies: IntegerDummies | None = None
    temperature: int = TEMPERATURE_ONE

    @classmethod
    def of(cls, recogniser: Recogniser, scale: float, zero_point: int) -> "IntegerRecogniser":
        """The integer form for embeddings with this step and zero point."""
        if recogniser.dummies is None:
            return cls()
        dummies = IntegerDummies.of(recogniser.dummies, scale, zero_point)
        return cls(dummies, round(TEMPERATURE_ONE * recogniser.temperature))

    def __call__(self, support: np.ndarray, queries: np.ndarray) -> Answers:
        """Answers queries.

        Args:
          support: (..., words, takes, size) int8, size at most LARGEST_EMBEDDING.
          queries: (..., queries, size) int8.

        Returns:
          The nearest word, the first of several, and the score, int64.
        """
        words = prototypes(support)
        distances = squared_distances(queries, words)
        nearest = distances.argmin(axis=-1)
        least = distances.min(axis=-1).astype(np.int64)
        if self.dummies is None:
            return Answers(nearest, -least)
        unknown = squared_distances(queries, self.dummies(words)).min(axis=-1).astype(np.int64)
        return Answers(nearest, TEMPERATURE_ONE * unknown - self.temperature * least)


def prototypes(support: np.ndarray) -> np.ndarray:
    """Rounded means of takes: (..., words, takes, size) int8 to (..., words, size) int16."""
    takes = support.shape[-2]
    sums = FRACTION * support.astype(np.int32).sum(axis=-2)
    means: np.ndarray = np.sign(sums) * ((2 * np.abs(sums) + takes) // (2 * takes))
    return means.astype(np.int16)


def squared_distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., n, size) int8 and (..., m, size) int16 to (..., n, m) int32.

    Raises:
      ValueError: an embedding is longer than LARGEST_EMBEDDING.
    """
    if queries.shape[-1] > LARGEST_EMBEDDING:
        raise ValueError(f"embeddings of more than {LARGEST_EMBEDDING} values")
    whole = FRACTION * queries.astype(np.int32)
    differences = whole[..., :, np.newaxis, :] - points[..., np.newaxis, :, :].astype(np.int32)
    squares: np.ndarray = np.square(differences).sum(axis=-1, dtype=np.int32)
    return squares


def _quantized(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """int16 kernel and int64 bias, both multiplied by 2 ** shift, with the largest shift."""
    shift = _MOST_SHIFT
    for most, limit in ((np.abs(kernel).max(), _WEIGHT_MOST), (np.abs(bias).max(), _MOST_BIAS)):
        if most > 0.0:
            shift = min(shift, int(np.floor(np.log2(limit / float(most)))))
    shift = max(0, shift)
    whole = np.clip(np.round(kernel * 2.0**shift), -_WEIGHT_MOST, _WEIGHT_MOST)
    return whole.astype(np.int16), np.round(bias * 2.0**shift).astype(np.int64), shift


def _shifted(sums: np.ndarray, shift: int) -> np.ndarray:
    """sums / 2 ** shift, halves up."""
    half = (1 << shift) >> 1
    return (sums + half) >> shift


def _to_int16(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1).astype(np.int16)
