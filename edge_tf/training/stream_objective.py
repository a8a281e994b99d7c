"""The loss of a network that is trained on streams: every window of a stream at once."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.training.objective import Term

# In the end the worst window of each stream counts as much as all others together: one is a false
# accept. From the beginning this would teach the network to say nothing.
_FIRST_WORST, _LAST_WORST, _RISE = 0.2, 1.0, 0.6
_NAMED_WEIGHT = 0.5


class StreamObjective:
    """Cross-entropy over windows: those of words, those of other sound, and the worst of these.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes).
      steps: of the whole training; the weight of the worst windows rises over _RISE of it.
      named: other words that are told from each other by a head of their own, beside the
        classifier: what tells words of many people apart tells the word from others. The head is
        dropped afterwards (as in AuxSL, arXiv:2309.00647).
    """

    def __init__(self, model: keras.Model, steps: int, named: int = 0) -> None:
        self._head = keras.layers.Dense(named, name="other_words") if named else None
        self._model = model
        if self._head is not None:
            told = self._head(model.get_layer("classifier").input)
            self._model = keras.Model(model.input, [model.output, told])
        self._rise = _RISE * steps
        self._step = tf.Variable(0.0, trainable=False)
        self.variables = self._model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        """labels: (batch, windows, classes + named), one-hot each, or 0 where nothing is asked."""
        logits, *rest = tf.nest.flatten(self._model(features, training=True))
        labels, names = labels[..., : logits.shape[-1]], labels[..., logits.shape[-1] :]
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        other = labels[..., 0]
        word = tf.reduce_sum(labels[..., 1:], axis=-1)
        loss = _mean(losses, word) + _mean(losses, other)
        self._step.assign_add(1.0)
        risen = tf.minimum(1.0, self._step / self._rise)
        weight = _FIRST_WORST + (_LAST_WORST - _FIRST_WORST) * risen
        loss += weight * tf.reduce_mean(tf.reduce_max(losses * other, axis=1))
        for told in rest:
            wrong = tf.nn.softmax_cross_entropy_with_logits(names, told)
            loss += _NAMED_WEIGHT * _mean(wrong, tf.reduce_sum(names, axis=-1))
        return logits, [Term(loss, self.variables)]

    def trackables(self) -> dict[str, Any]:
        found: dict[str, Any] = {"stream_objective_step": self._step}
        if self._head is not None:
            found["other_words"] = self._head
        return found


def _mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Over windows with weight 1; 0 if there are none."""
    return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
