"""The recogniser: words are means of a few embeddings, a query is the nearest of them or none.

Prototypical networks (arXiv:1703.05175), and D-ProtoNets (arXiv:2206.13691), which imagine what is
none of the words: dummy prototypes that a small network computes from those of the words.
"""

import dataclasses

import numpy as np

DUMMY_WEIGHTS = ("hidden", "hidden_bias", "output", "output_bias")
UNDECIDED = -1


def prototypes(support: np.ndarray) -> np.ndarray:
    """Means of takes: (..., words, takes, size) to (..., words, size)."""
    means: np.ndarray = support.mean(axis=-2)
    return means


def squared_distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances: (..., n, size) and (..., m, size) to (..., n, m)."""
    differences = queries[..., :, np.newaxis, :] - points[..., np.newaxis, :, :]
    squares: np.ndarray = np.square(differences).sum(axis=-1)
    return squares


@dataclasses.dataclass(frozen=True)
class Dummies:
    """Maps prototypes of words to dummy prototypes: g(C) = W max(ReLU(V c + v)) + w.

    DeepSets (arXiv:1703.06114): the maximum over the words, so that their order and number do not
    matter.

    Attributes:
      hidden, hidden_bias: V (size, units) and v (units,).
      output, output_bias: W (units, dummies, size) and w (dummies, size).

    Raises:
      ValueError: the shapes do not fit.
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray

    def __post_init__(self) -> None:
        size, units = self.hidden.shape
        dummies = self.output_bias.shape[0]
        wanted = {
            "hidden_bias": (units,),
            "output": (units, dummies, size),
            "output_bias": (dummies, size),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape or not dummies:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    def __call__(self, words: np.ndarray) -> np.ndarray:
        """(..., words, size) to (..., dummies, size)."""
        hidden = np.maximum(words @ self.hidden + self.hidden_bias, 0.0).max(axis=-2)
        found: np.ndarray = np.tensordot(hidden, self.output, axes=1) + self.output_bias
        return found


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a recogniser says to queries.

    Attributes:
      nearest: (..., queries) int, the nearest word; UNDECIDED for an embedding that is not finite.
      score: (..., queries), higher for what is more likely one of the words at all.
    """

    nearest: np.ndarray
    score: np.ndarray


@dataclasses.dataclass(frozen=True)
class Recogniser:
    """Nearest prototype, with a score to reject by.

    Without dummies the score is minus the distance of the nearest word (open nearest class mean,
    as in arXiv:2306.02161). With dummies it is that plus the distance of the nearest dummy divided
    by the temperature: the logarithm of the odds that the paper's softmax gives the nearest word
    against the nearest dummy. Its share of the other words, which the paper counts as known, too,
    is left out: what remains needs no exponential.

    Attributes:
      dummies: None: no dummies.
      temperature: divides distances of dummies (the paper's gamma).
    """

    dummies: Dummies | None = None
    temperature: float = 1.0

    def __call__(self, support: np.ndarray, queries: np.ndarray) -> Answers:
        """Answers queries.

        Args:
          support: (..., words, takes, size) embeddings of the takes.
          queries: (..., queries, size) embeddings.
        """
        words = prototypes(support)
        distances = squared_distances(queries, words)
        score = -distances.min(axis=-1)
        if self.dummies is not None:
            unknown = squared_distances(queries, self.dummies(words)).min(axis=-1)
            score = score + unknown / self.temperature
        nearest = np.where(np.isfinite(score), distances.argmin(axis=-1), UNDECIDED)
        return Answers(nearest, score)
