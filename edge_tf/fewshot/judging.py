"""How well a recogniser does on episodes: known words told apart, unknown ones told from them."""

import dataclasses
from collections.abc import Callable

import numpy as np

from edge_tf.fewshot.episodes import Episodes
from edge_tf.fewshot.recogniser import Answers

_AT_ONCE = 100  # episodes; their distances take some 10 MB


@dataclasses.dataclass(frozen=True)
class Judged:
    """Figures per episode, shares from 0 to 1.

    Attributes:
      nearest: (episodes, queries) int, the word that each known query is nearest to.
      accuracy: (episodes,) of the known queries, with nothing rejected.
      auroc: (episodes,) of known against unknown queries: the share of pairs in which the known
        one has the higher score; equal scores count half.
      open_set: (episodes,) the share of those pairs in which the known one, besides, is of the word
        that it is nearest to: the area under the curve of correct classification over false
        accepts (OSCR, arXiv:1811.04110).
      missed: (episodes,) of the known queries: rejected, or taken for another word.
      accepted: (episodes,) of the unknown queries: taken for a word.
    """

    nearest: np.ndarray
    accuracy: np.ndarray
    auroc: np.ndarray
    open_set: np.ndarray
    missed: np.ndarray
    accepted: np.ndarray


def judge(
    embeddings: np.ndarray,
    episodes: Episodes,
    recogniser: Callable[[np.ndarray, np.ndarray], Answers],
    threshold: float = -np.inf,
) -> Judged:
    """Figures of a recogniser.

    Args:
      embeddings: (clips, size), of the type that the recogniser takes.
      episodes: rows of clips.
      recogniser: gets takes and queries of each episode.
      threshold: least score of a word; queries with less are rejected.
    """
    parts = []
    for first in range(0, len(episodes), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        support = embeddings[episodes.support[some]]
        known = recogniser(support, embeddings[episodes.known[some]])
        unknown = recogniser(support, embeddings[episodes.unknown[some]])
        right = known.nearest == episodes.known_words
        wins = _wins(known.score, unknown.score)
        parts.append(
            (
                known.nearest,
                right.mean(axis=1),
                wins.mean(axis=(1, 2)),
                (wins * right[:, :, np.newaxis]).mean(axis=(1, 2)),
                1.0 - (right & (known.score >= threshold)).mean(axis=1),
                (unknown.score >= threshold).mean(axis=1),
            )
        )
    return Judged(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _wins(known: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """(episodes, known, unknown): 1 where the known query scores higher, 0.5 where equal."""
    left, right = known[:, :, np.newaxis], unknown[:, np.newaxis, :]
    wins: np.ndarray = (left > right) + 0.5 * (left == right)
    return wins
