"""What a method of few-shot learning is to the training: a loss over an episode."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Embedded:
    """The embeddings of one episode.

    Attributes:
      support: (ways, shots, size) float32, takes of the known words.
      known: (queries, size) float32; query i is of word i % ways.
      unknown: (unknown, size) float32; query i is of other word i % others.
      others: number of other words.
    """

    support: tf.Tensor
    known: tf.Tensor
    unknown: tf.Tensor
    others: int

    @property
    def known_words(self) -> tf.Tensor:
        """(queries,) int32: the word of each known query."""
        return tf.range(tf.shape(self.known)[0]) % tf.shape(self.support)[0]


class EpisodeLoss(Protocol):
    """Maps an episode to a loss; traced inside a tf.function."""

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """What it learns besides the network."""
        ...

    def __call__(self, episode: Embedded) -> tuple[tf.Tensor, tf.Tensor]:
        """The logits (queries, ways) of the known queries, and the scalar loss."""
        ...

    def trackables(self) -> dict[str, Any]:
        """What a checkpoint must contain."""
        ...
