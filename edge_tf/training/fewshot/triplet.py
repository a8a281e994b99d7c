"""Triplet loss: clips of a word nearer to each other than to those of any other word.

The baseline of arXiv:2306.02161, with the nearest class mean as recogniser. All triplets of an
episode that violate the margin count alike ("batch all", arXiv:1703.07737).
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from edge_tf.training.fewshot.episode_loss import Embedded
from edge_tf.training.fewshot.prototypes import class_means, squared_distances


def triplet_loss(embeddings: tf.Tensor, words: tf.Tensor, margin: float) -> tf.Tensor:
    """Mean of d(anchor, same word) - d(anchor, other word) + margin where that is above 0.

    Args:
      embeddings: (clips, size).
      words: (clips,) int.
      margin: in squared distance.

    Returns:
      Scalar; 0 if no triplet violates the margin.
    """
    distances = squared_distances(embeddings, embeddings)
    same = words[:, tf.newaxis] == words
    others = tf.cast(~same, tf.float32)
    positives = tf.cast(same, tf.float32) - tf.eye(tf.shape(words)[0])
    excess = distances[:, :, tf.newaxis] - distances[:, tf.newaxis, :] + margin
    counted = positives[:, :, tf.newaxis] * others[:, tf.newaxis, :]
    violated = tf.nn.relu(excess) * counted
    count = tf.reduce_sum(tf.cast(violated > 0.0, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(violated), count)


class TripletLoss:
    """Triplet loss over all clips of an episode, those of its other words included.

    Args:
      margin: in squared distance.
    """

    variables: Sequence[tf.Variable] = ()

    def __init__(self, margin: float) -> None:
        self._margin = margin

    def __call__(self, episode: Embedded) -> tuple[tf.Tensor, tf.Tensor]:
        ways, shots, size = episode.support.shape
        takes = tf.reshape(episode.support, [-1, size])
        unknown = ways + tf.range(tf.shape(episode.unknown)[0]) % episode.others
        words = tf.concat([tf.repeat(tf.range(ways), shots), episode.known_words, unknown], axis=0)
        clips = tf.concat([takes, episode.known, episode.unknown], axis=0)
        logits = -squared_distances(episode.known, class_means(episode.support))
        return logits, triplet_loss(clips, words, self._margin)

    def trackables(self) -> dict[str, Any]:
        return {}
