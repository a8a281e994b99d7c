"""Prototypical networks (arXiv:1703.05175): a class is the mean of its takes' embeddings."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from edge_tf.training.fewshot.episode_loss import Embedded


def class_means(support: tf.Tensor) -> tf.Tensor:
    """Prototypes: (ways, shots, size) to (ways, size)."""
    return tf.reduce_mean(support, axis=1)


def squared_distances(queries: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distances: (n, size) and (m, size), or (n, m, size), to (n, m)."""
    points = points if points.shape.rank == 3 else points[tf.newaxis]
    return tf.reduce_sum(tf.math.squared_difference(queries[:, tf.newaxis], points), axis=-1)


class PrototypeLoss:
    """Cross-entropy of the known queries, with minus the distances to the prototypes as logits.

    Unknown queries are not used (Algorithm 1 of the paper).
    """

    variables: Sequence[tf.Variable] = ()

    def __call__(self, episode: Embedded) -> tuple[tf.Tensor, tf.Tensor]:
        logits = -squared_distances(episode.known, class_means(episode.support))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(episode.known_words, logits)
        return logits, tf.reduce_mean(losses)

    def trackables(self) -> dict[str, Any]:
        return {}
