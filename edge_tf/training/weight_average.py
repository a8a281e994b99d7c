"""The average of weights over the last steps, which generalizes better than the last weights."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

_KEPT = 0.995


class WeightAverage(tf.Module):
    """An exponential moving average of a model's trainable weights.

    Args:
      model: its weights at this moment are the first average.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="weight_average")
        self._own = model.trainable_variables
        self.average = [tf.Variable(own, trainable=False) for own in self._own]
        self.steps = tf.Variable(0.0, trainable=False)

    def update(self) -> None:
        """After each step of training; traced. The first steps are averaged evenly."""
        self.steps.assign_add(1.0)
        kept = tf.minimum(_KEPT, (self.steps - 1.0) / self.steps)
        for average, own in zip(self.average, self._own, strict=True):
            average.assign(kept * average + (1.0 - kept) * own)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the average meanwhile."""
        before = [own.numpy() for own in self._own]
        for average, own in zip(self.average, self._own, strict=True):
            own.assign(average)
        try:
            yield
        finally:
            for value, own in zip(before, self._own, strict=True):
                own.assign(value)
