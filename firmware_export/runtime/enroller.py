"""enroller.c and recogniser.c in Python: a word is learnt from takes, and found in a stream."""

import dataclasses
import math

import numpy as np

from firmware_export.frontend.config import LogMel
from firmware_export.runtime.recogniser import (
    MOST_TAKES,
    Recogniser,
    prototypes,
    squared_distances,
)
from firmware_export.runtime.takes import Take, TakeLimits, Verdict

_SETTLE_S = 0.1


class Enroller:
    """Learns one word.

    Args:
      limits: from when on takes are refused.
      unlike: largest squared distance of a take from the mean of those before it.
    """

    def __init__(self, limits: TakeLimits, unlike: int) -> None:
        self._limits, self._unlike = limits, unlike
        self._takes: list[np.ndarray] = []

    def __len__(self) -> int:
        """Takes so far."""
        return len(self._takes)

    def begin_take(self) -> Take:
        """What hears the next take."""
        return Take(self._limits)

    def add_take(self, take: Take) -> Verdict:
        """Learns from a take, or refuses it."""
        verdict, embedding = take.judge()
        if verdict != Verdict.TAKEN or embedding is None:
            return verdict
        if len(self._takes) >= MOST_TAKES:
            return Verdict.FULL
        if self._takes:
            distances = squared_distances(embedding[np.newaxis], self.prototype()[np.newaxis])
            if int(distances[0, 0]) > self._unlike:
                return Verdict.UNLIKE
        self._takes.append(embedding)
        return Verdict.TAKEN

    def prototype(self) -> np.ndarray:
        """The word, (size,) int16; needs a take."""
        mean: np.ndarray = prototypes(np.stack(self._takes))
        return mean


@dataclasses.dataclass(frozen=True)
class StreamLimits:
    """When a word in a stream is told.

    Attributes:
      frames: from one decision to the next.
      settle: decisions without a higher score after which a word is told: the one that had the
        highest.
      pause: decisions after that without any, until the word has left the middle of the window.
      threshold: least score of a word.
    """

    frames: int
    settle: int
    pause: int
    threshold: int

    @classmethod
    def of(cls, frontend: LogMel, frames: int, threshold: int) -> "StreamLimits":
        """Those of a front-end; see the attributes."""
        per_second = frontend.sample_rate / frontend.hop
        return cls(
            frames=frames,
            settle=math.ceil(_SETTLE_S * per_second / frames),
            pause=math.ceil(frontend.frames / 2 / frames),
            threshold=threshold,
        )


@dataclasses.dataclass(frozen=True)
class Told:
    """A word that was recognised: its index, squared distance and score."""

    word: int
    distance: int
    score: int


class WordStream:
    """Finds words in a stream of embeddings.

    Args:
      limits: when they are told.
      recogniser: of the network.
      words: (words, size) int16 prototypes; may be none.
    """

    def __init__(self, limits: StreamLimits, recogniser: Recogniser, words: np.ndarray) -> None:
        self._limits, self._recogniser, self._words = limits, recogniser, words
        self._best: Told | None = None
        self._waited = self._pause = 0

    def push(self, embedding: np.ndarray) -> Told | None:
        """Decides on a window: (size,) int8 to a word, if one is told."""
        if self._pause > 0:
            self._pause -= 1
            return None
        found = self._find(embedding)
        best = self._best
        if found is not None and (best is None or found.score > best.score):
            self._best, self._waited = found, 0
            return None
        if best is None:
            return None
        self._waited += 1
        if self._waited < self._limits.settle:
            return None
        self._best, self._pause = None, self._limits.pause
        return best

    def _find(self, embedding: np.ndarray) -> Told | None:
        """The word that it is, if it is one."""
        if not len(self._words):
            return None
        found = self._recogniser.find(self._words, embedding[np.newaxis])
        score = int(found.score[0])
        if score < self._limits.threshold:
            return None
        return Told(int(found.word[0]), int(found.distance[0]), score)
