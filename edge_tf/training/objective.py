"""Training objectives: losses, and which variables learn from each."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras


@dataclasses.dataclass(frozen=True)
class Term:
    """A loss and the variables that learn from it.

    Attributes:
      loss: scalar.
      variables: those that get its gradient; others are unaffected.
    """

    loss: tf.Tensor
    variables: Sequence[tf.Variable]


class Objective(Protocol):
    """Runs the network on a batch in training mode; traced inside a tf.function.

    Attributes:
      variables: all that learn from some term.
    """

    @property
    def variables(self) -> Sequence[tf.Variable]: ...

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        """Forward passes.

        Args:
          features: (batch, mel_bands, frames, 1) float32.
          labels: (batch, classes) float32, probabilities.

        Returns:
          Logits (batch, classes) of the network being trained, and the terms; progress shows the
          first one's loss.
        """
        ...

    def trackables(self) -> dict[str, Any]:
        """What a checkpoint must contain besides the network and the optimizer."""
        ...


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the batch, scalar; labels are probabilities, (batch, classes) as the logits."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels, logits))


class CrossEntropy:
    """Cross-entropy with the labels only."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self.variables = model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Sequence[Term]]:
        logits = self._model(features, training=True)
        return logits, [Term(cross_entropy(labels, logits), self.variables)]

    def trackables(self) -> dict[str, Any]:
        return {}
