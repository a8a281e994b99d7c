"""The least score of a word, and how far takes of a word may be apart: chosen on validation words.

Both are integers, for int8 embeddings of one network.
"""

import dataclasses

import numpy as np

from edge_tf.fewshot import judging
from edge_tf.fewshot.episodes import Episodes
from edge_tf.fewshot.integer import IntegerRecogniser
from firmware_export.runtime.recogniser import prototypes, squared_distances

REFUSED_TAKES = 0.01
"""Share of good takes that may be refused since those before them sound otherwise."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What was chosen, and what it costs; shares from 0 to 1.

    Attributes:
      score: least score of a word.
      unlike: largest squared distance of a take from the mean of those before it.
      accepted: unknown queries that are taken for a word, at most what was asked for.
      true_accepts: known queries that are taken for their word.
      takes_refused: of takes of one word, all by different speakers.
      others_refused: of other words, in place of the last take.
    """

    score: int
    unlike: int
    accepted: float
    true_accepts: float
    takes_refused: float
    others_refused: float


def choose(
    embeddings: np.ndarray, episodes: Episodes, recogniser: IntegerRecogniser, accepted: float
) -> Chosen:
    """Chooses the lowest threshold that lets few unknown words pass.

    Args:
      embeddings: (clips, size) int8.
      episodes: rows of clips, with two takes or more.
      recogniser: for these embeddings.
      accepted: largest share of unknown queries that may be taken for a word, above 0, below 1.
    """
    support = embeddings[episodes.support]
    unknown = recogniser(support, embeddings[episodes.unknown]).score.reshape(-1)
    ordered = np.sort(unknown)[::-1]
    score = int(ordered[int(accepted * len(ordered))]) + 1
    judged = judging.judge(embeddings, episodes, recogniser, score)
    same, other = _distances(support, embeddings[episodes.unknown])
    unlike = int(np.quantile(same, 1.0 - REFUSED_TAKES, method="higher"))
    return Chosen(
        score=score,
        unlike=unlike,
        accepted=float(judged.accepted.mean()),
        true_accepts=1.0 - float(judged.missed.mean()),
        takes_refused=float((same > unlike).mean()),
        others_refused=float((other > unlike).mean()),
    )


def _distances(support: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances of takes from the mean of those before, and of unknown queries likewise.

    The latter stand for the last take.
    """
    shots = support.shape[-2]
    means = [prototypes(support[..., :count, :]) for count in range(1, shots)]
    same = [
        squared_distances(support[..., at + 1, :][..., np.newaxis, :], mean[..., np.newaxis, :])
        for at, mean in enumerate(means)
    ]
    return np.concatenate(same).reshape(-1), squared_distances(unknown, means[-1]).reshape(-1)
