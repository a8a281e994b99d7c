"""The loss of a network that is trained on streams: every window of a stream at once."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.training.objective import Term

# The worst window of each stream counts as much as all others together: one is a false accept.
_WORST = 1.0


class StreamObjective:
    """Cross-entropy over windows: those of words, those of other sound, and the worst of these.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes).
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self.variables = model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        """labels: (batch, windows, classes), one-hot, or zeros where nothing is asked."""
        logits = self._model(features, training=True)
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        other = labels[..., 0]
        word = tf.reduce_sum(labels[..., 1:], axis=-1)
        loss = _mean(losses, word) + _mean(losses, other)
        loss += _WORST * tf.reduce_mean(tf.reduce_max(losses * other, axis=1))
        return logits, [Term(loss, self.variables)]

    def trackables(self) -> dict[str, Any]:
        return {}


def _mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Over windows with weight 1; 0 if there are none."""
    return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
