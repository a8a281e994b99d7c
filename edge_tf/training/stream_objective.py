"""The loss of a network that is trained on streams: every window of a stream at once."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.training.objective import Term

# In the end the worst window of each stream counts as much as all others together: one is a false
# accept. From the beginning this would teach the network to say nothing.
_FIRST_WORST, _LAST_WORST, _RISE = 0.2, 1.0, 0.6


class StreamObjective:
    """Cross-entropy over windows: those of words, those of other sound, and the worst of these.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes).
      steps: of the whole training; the weight of the worst windows rises over _RISE of it.
    """

    def __init__(self, model: keras.Model, steps: int) -> None:
        self._model = model
        self._rise = _RISE * steps
        self._step = tf.Variable(0.0, trainable=False)
        self.variables = model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        """labels: (batch, windows, classes), one-hot, or zeros where nothing is asked."""
        logits = self._model(features, training=True)
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        other = labels[..., 0]
        word = tf.reduce_sum(labels[..., 1:], axis=-1)
        loss = _mean(losses, word) + _mean(losses, other)
        self._step.assign_add(1.0)
        risen = tf.minimum(1.0, self._step / self._rise)
        weight = _FIRST_WORST + (_LAST_WORST - _FIRST_WORST) * risen
        loss += weight * tf.reduce_mean(tf.reduce_max(losses * other, axis=1))
        return logits, [Term(loss, self.variables)]

    def trackables(self) -> dict[str, Any]:
        return {"stream_objective_step": self._step}


def _mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Over windows with weight 1; 0 if there are none."""
    return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
