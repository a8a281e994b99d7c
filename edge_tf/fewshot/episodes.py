"""Episodes: a few takes of some words, and queries that are of these words or of others.

An episode depends on its seed, its number and the clips' names alone: the randomness is SHA-256, so
that no version of a library changes it.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np

from edge_tf.errors import UserError
from edge_tf.settings import EpisodeShape

# 15 known queries are three of each word; the seed is the paper's number.
TEST_SHOTS = (1, 5, 10)
TEST_SHAPE = EpisodeShape(ways=5, shots=max(TEST_SHOTS), queries=15, unknown=15)
TEST_EPISODES = 1_000
TEST_SEED = 220613691
# Four words do not give five ways and another word.
VALIDATION_SHAPE = EpisodeShape(ways=3, shots=5, queries=15, unknown=15)
VALIDATION_EPISODES = 200
VALIDATION_SEED = 1


@dataclasses.dataclass(frozen=True)
class Episodes:
    """Rows of clips, by episode.

    Query i is of known word i % ways, so `known_words` are the same in each episode. Of n takes the
    first k are those of a k-shot episode: the queries are then the same.

    Attributes:
      support: (episodes, ways, shots) int, takes of the known words.
      known: (episodes, queries) int, queries of these words.
      unknown: (episodes, unknown) int, queries of other words.
    """

    support: np.ndarray
    known: np.ndarray
    unknown: np.ndarray

    @property
    def known_words(self) -> np.ndarray:
        """(queries,) int: the known word that each known query is of, 0 to ways - 1."""
        return np.arange(self.known.shape[1]) % self.support.shape[1]

    def of_shots(self, shots: int) -> "Episodes":
        """The same with the first `shots` takes of each word."""
        return dataclasses.replace(self, support=self.support[:, :, :shots])

    def __len__(self) -> int:
        return len(self.support)


class Words:
    """The clips of a split by word, from which episodes are drawn.

    Words and their clips are ordered by name, however the split lists them.

    Args:
      labels: (clips,) int.
      names: (clips,) name of each clip.
      label_names: of the labels.
      shape: of the episodes.
      chosen: the words to draw from; None: all that have clips.

    Raises:
      UserError: too few words, or a word has too few clips for the shape.
    """

    def __init__(
        self,
        labels: np.ndarray,
        names: Sequence[str],
        label_names: Sequence[str],
        shape: EpisodeShape,
        chosen: Sequence[str] | None = None,
    ) -> None:
        self.shape = shape
        self._names = names
        by_word = {
            word: np.flatnonzero(labels == at)
            for at, word in enumerate(label_names)
            if chosen is None or word in chosen
        }
        self.words = tuple(sorted(word for word, rows in by_word.items() if len(rows)))
        self._rows = [
            np.array(sorted(by_word[word].tolist(), key=lambda row: (names[row], row)))
            for word in self.words
        ]
        others = len(self.words) - shape.ways
        if others < 1:
            raise UserError(
                f"{len(self.words)} words are too few for episodes of {shape.ways} known words",
                "there must be another word as well",
            )
        needed = max(shape.shots + -(-shape.queries // shape.ways), -(-shape.unknown // others))
        for word, rows in zip(self.words, self._rows, strict=True):
            if len(rows) < needed:
                raise UserError(
                    f"'{word}' has {len(rows)} clips in its split, an episode takes up to {needed}",
                    "add clips of more speakers",
                )

    def draw(self, seed: int, first: int, count: int) -> Episodes:
        """Episodes number `first` and the `count` - 1 after it."""
        drawn = [self._one(_Draws(seed, number)) for number in range(first, first + count)]
        return Episodes(*(np.array(part, np.int64) for part in zip(*drawn, strict=True)))

    def _one(self, draws: "_Draws") -> tuple[list[list[int]], list[int], list[int]]:
        """Support, known and unknown rows of one episode."""
        shape = self.shape
        order = draws.sample(len(self.words), len(self.words))
        support, known = [], [0] * shape.queries
        for way, word in enumerate(order[: shape.ways]):
            places = range(way, shape.queries, shape.ways)
            rows = self._some(word, shape.shots + len(places), draws)
            support.append(rows[: shape.shots])
            for place, row in zip(places, rows[shape.shots :], strict=True):
                known[place] = row
        others, unknown = order[shape.ways :], [0] * shape.unknown
        for at, word in enumerate(others):
            places = range(at, shape.unknown, len(others))
            for place, row in zip(places, self._some(word, len(places), draws), strict=True):
                unknown[place] = row
        return support, known, unknown

    def _some(self, word: int, count: int, draws: "_Draws") -> list[int]:
        rows = self._rows[word]
        return [int(rows[at]) for at in draws.sample(len(rows), count)]

    def digest(self, episodes: Episodes) -> str:
        """SHA-256 of the names of all clips of all episodes, in order."""
        digest = hashlib.sha256(json.dumps(dataclasses.asdict(self.shape)).encode())
        for part in (episodes.support, episodes.known, episodes.unknown):
            names = [self._names[row] for row in part.reshape(-1)]
            digest.update(json.dumps([part.shape, names]).encode())
        return digest.hexdigest()


class _Draws:
    """Random numbers of one episode: SHA-256 of seed, episode and a counter."""

    def __init__(self, seed: int, episode: int) -> None:
        self._numbers = self._stream(f"{seed} {episode}")

    def _stream(self, key: str) -> Iterator[int]:
        counter = 0
        while True:
            block = hashlib.sha256(f"{key} {counter}".encode()).digest()
            yield from (int.from_bytes(block[at : at + 8], "big") for at in range(0, 32, 8))
            counter += 1

    def sample(self, size: int, count: int) -> list[int]:
        """`count` different numbers below `size`, in random order (Fisher and Yates)."""
        moved: dict[int, int] = {}
        found = []
        for at in range(count):
            other = at + (next(self._numbers) * (size - at) >> 64)
            found.append(moved.get(other, other))
            moved[other] = moved.get(at, at)
        return found


@dataclasses.dataclass(frozen=True)
class Listed:
    """Episodes with their identity.

    Attributes:
      words: that they are drawn from.
      episodes: rows of clips.
      digest: of the names of their clips: equal digests are equal episodes.
    """

    words: tuple[str, ...]
    episodes: Episodes
    digest: str


def of_test(labels: np.ndarray, names: Sequence[str], label_names: Sequence[str]) -> Listed:
    """The episodes that every network is tested on.

    Args:
      labels, names, label_names: see Words.

    Raises:
      UserError: a word has too few clips.
    """
    words = Words(labels, names, label_names, TEST_SHAPE)
    episodes = words.draw(TEST_SEED, 0, TEST_EPISODES)
    return Listed(words.words, episodes, words.digest(episodes))
