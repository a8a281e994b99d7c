"""The recogniser of words that are learnt on the device: integers from int8 embeddings, in Python.

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
What does not fit int16 is saturated, and so is the distance of a dummy that is far away.
"""

import dataclasses

import numpy as np

FRACTION = 8
TEMPERATURE_ONE = 256
LARGEST_EMBEDDING = 512
"""(8 * 255) ** 2 * 512 is the largest distance that fits int32."""
MOST_TAKES = 100
"""Of one word, on a device."""


@dataclasses.dataclass(frozen=True, eq=False)
class DummyGenerator:
    """Maps the prototypes of all words to dummy prototypes, of what is none of them; see above.

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

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights on a device."""
        arrays = (self.hidden, self.hidden_bias, self.output, self.output_bias)
        return sum(array.nbytes for array in arrays)

    def __call__(self, words: np.ndarray) -> np.ndarray:
        """(..., words, size) int16 prototypes to (..., dummies, size) int16."""
        sums = words.astype(np.int64) @ self.hidden.astype(np.int64) + self.hidden_bias
        hidden = np.maximum(_to_int16(_shifted(sums, self.hidden_shift)), 0).max(axis=-2)
        sums = np.tensordot(hidden.astype(np.int64), self.output.astype(np.int64), axes=1)
        return _to_int16(_shifted(sums + self.output_bias, self.output_shift))


@dataclasses.dataclass(frozen=True, eq=False)
class Recogniser:
    """Nearest prototype, with a score to reject by.

    Attributes:
      dummies: None: no dummies.
      temperature: t; TEMPERATURE_ONE is a temperature of 1.
    """

    dummies: DummyGenerator | None = None
    temperature: int = TEMPERATURE_ONE

    def __call__(self, support: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Answers queries.

        Args:
          support: (..., words, takes, size) int8, size at most LARGEST_EMBEDDING.
          queries: (..., queries, size) int8.

        Returns:
          (..., queries): the nearest word, the first of several, and the score, int64.
        """
        found = self.find(prototypes(support), queries)
        return found.word, found.score

    def find(self, words: np.ndarray, queries: np.ndarray) -> "Found":
        """The same for words that are known already.

        Args:
          words: (..., words, size) int16, of `prototypes`.
          queries: (..., queries, size) int8.
        """
        distances = squared_distances(queries, words)
        least = distances.min(axis=-1)
        nearest = distances.argmin(axis=-1)
        if self.dummies is None:
            return Found(nearest, least, -least.astype(np.int64))
        unknown = squared_distances(queries, self.dummies(words)).min(axis=-1).astype(np.int64)
        score = TEMPERATURE_ONE * unknown - self.temperature * least.astype(np.int64)
        return Found(nearest, least, score)


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What queries are, each (..., queries).

    Attributes:
      word: int, the nearest one, the first of several.
      distance: int32, to it.
      score: int64, higher for what is more likely one of the words at all.
    """

    word: np.ndarray
    distance: np.ndarray
    score: np.ndarray


def prototypes(support: np.ndarray) -> np.ndarray:
    """Rounded means of takes: (..., words, takes, size) int8 to (..., words, size) int16."""
    takes = support.shape[-2]
    sums = FRACTION * support.astype(np.int32).sum(axis=-2)
    means: np.ndarray = np.sign(sums) * ((2 * np.abs(sums) + takes) // (2 * takes))
    return means.astype(np.int16)


def squared_distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., n, size) int8 and (..., m, size) int16 to (..., n, m) int32.

    Distances to words always fit int32, and saturate where dummies are further away.

    Raises:
      ValueError: an embedding is longer than LARGEST_EMBEDDING.
    """
    if queries.shape[-1] > LARGEST_EMBEDDING:
        raise ValueError(f"embeddings of more than {LARGEST_EMBEDDING} values")
    whole = FRACTION * queries.astype(np.int64)
    differences = whole[..., :, np.newaxis, :] - points[..., np.newaxis, :, :]
    squares = np.square(differences).sum(axis=-1)
    return np.minimum(squares, 2**31 - 1).astype(np.int32)


def _shifted(sums: np.ndarray, shift: int) -> np.ndarray:
    """sums / 2 ** shift, halves up."""
    half = (1 << shift) >> 1
    return (sums + half) >> shift


def _to_int16(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1).astype(np.int16)
