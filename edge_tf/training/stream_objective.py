"""The loss of a network that is trained on streams: every window of a stream at once."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.data.streams.targets import RIGHT
from edge_tf.training.objective import Term

# In the end the worst window of each stream counts as much as all others together: one is a false
# accept. From the beginning this would teach the network to say nothing.
_FIRST_WORST, _LAST_WORST, _RISE = 0.2, 1.0, 0.6
_WHICH = 0.3  # weight of the choice between classes that are no word: no detection depends on it
_NEVER = -1e9


class StreamObjective:
    """Cross-entropy over windows: those of words, those of other sound, and the worst of these.

    Where several classes are right or allowed, it is that of all of them together.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes).
      steps: of the whole training; the weight of the worst windows rises over _RISE of it.
      background: classes that are no word.
    """

    def __init__(self, model: keras.Model, steps: int, background: Sequence[int] = (0,)) -> None:
        self._model = model
        self._background = list(background)
        self._rise = _RISE * steps
        self._step = tf.Variable(0.0, trainable=False)
        self.variables = model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        """labels: (batch, windows, classes), as Windows.targets gives them."""
        logits = self._model(features, training=True)
        asked = tf.reduce_max(labels, axis=-1)
        is_other = tf.reduce_max(tf.gather(labels, self._background, axis=-1), axis=-1)
        other = tf.cast(is_other > 0.0, tf.float32)
        word = asked - other
        likely = _likelihood(logits, labels > 0.0)
        losses = -likely * asked
        loss = _mean(losses, word) + _mean(losses, other)
        if len(self._background) > 1:
            which = likely - _likelihood(logits, labels >= RIGHT)
            loss += _WHICH * _mean(which, other)
        self._step.assign_add(1.0)
        risen = tf.minimum(1.0, self._step / self._rise)
        weight = _FIRST_WORST + (_LAST_WORST - _FIRST_WORST) * risen
        loss += weight * tf.reduce_mean(tf.reduce_max(losses * other, axis=1))
        return logits, [Term(loss, self.variables)]

    def trackables(self) -> dict[str, Any]:
        return {"stream_objective_step": self._step}


def _likelihood(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """Log probability of some classes together, (batch, windows); 0 where there are none."""
    chosen = tf.reduce_logsumexp(tf.where(classes, logits, _NEVER), axis=-1)
    together = chosen - tf.reduce_logsumexp(logits, axis=-1)
    return tf.where(tf.reduce_any(classes, axis=-1), together, 0.0)


def _mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Over windows with weight 1; 0 if there are none."""
    return tf.reduce_sum(losses * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
