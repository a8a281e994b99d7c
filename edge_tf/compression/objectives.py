"""Objectives of recipe phases other than plain cross-entropy."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.network import Network
from edge_tf.compression.teaching import distillation
from edge_tf.compression.teaching.distillation import FeatureLoss, logits_loss
from edge_tf.training.objective import Term, cross_entropy

_Terms = tuple[tf.Tensor, Sequence[Term]]


class FromTeacher:
    """Cross-entropy and a fixed teacher's logits (arXiv:1503.02531), optionally its features.

    loss = (1 - weight) CE + weight T^2 KL(teacher || student) + feature_weight * features.

    Args:
      network: the student.
      teacher: float Keras model, features to logits; used in inference mode, never changed.
      temperature: T.
      weight: share of the teacher's logits, 0 to 1.
      features: a built loss on inner features, or None.
      feature_weight: its factor.
    """

    def __init__(
        self,
        network: Network,
        teacher: keras.Model,
        temperature: float,
        weight: float,
        features: FeatureLoss | None = None,
        feature_weight: float = 1.0,
    ) -> None:
        self._temperature, self._weight = temperature, weight
        self._features, self._feature_weight = features, feature_weight
        self._student = _tapped(network.model, features.student_layers if features else ())
        self._teacher = _tapped(teacher, features.teacher_layers if features else ())
        extra = features.variables if features else ()
        self.variables = [*network.model.trainable_variables, *extra]

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> _Terms:
        theirs, *their_features = self._teacher(features, training=False)
        logits, *my_features = self._student(features, training=True)
        loss = (1.0 - self._weight) * cross_entropy(labels, logits)
        loss += self._weight * logits_loss(logits, theirs, self._temperature)
        if self._features is not None:
            loss += self._feature_weight * self._features(my_features, their_features)
        return logits, [Term(loss, self.variables)]

    def trackables(self) -> dict[str, Any]:
        return {} if self._features is None else self._features.trackables()


def _tapped(model: keras.Model, layers: Sequence[str]) -> keras.Model:
    """A model that returns a list: logits, then the outputs of the layers."""
    if layers:
        return distillation.with_features(model, layers)
    return keras.Model(model.inputs, [[model.output]])


class InNetworkTeacher:
    """PQK's second phase (arXiv:2106.14681): the pruned weights come back to teach.

    The teacher is the network with all its weights, the student the same network with only the kept
    ones. Student: CE + T^2 KL(teacher || student), which trains everything except revived weights;
    teacher: CE, which trains only the revived weights. They come back gradually, since the network
    has learned to do without them. Moments, ranges and dropout masks are the student's: changes by
    the teacher's pass are undone.

    Args:
      network: a quantized network with masks.
      temperature: T.
      steps: number of steps until the revived weights have full effect.
    """

    def __init__(self, network: Network, temperature: float, steps: int) -> None:
        if network.paths is None:
            raise ValueError(
                "the network must be quantized: only then do its kernels have two paths"
            )
        self._model, self._paths = network.model, network.paths
        self._moving = network.moving_state()
        self._temperature = temperature
        self._kernels = list(network.masks.kernels.values())
        self._step, self._steps = tf.Variable(0.0, trainable=False), max(1, steps)
        self.variables = network.model.trainable_variables

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> _Terms:
        self._step.assign_add(1.0)
        share = tf.minimum(self._step / self._steps, 1.0)
        with _put_back(self._moving), self._paths.all_weights(share):
            teacher = self._model(features, training=True)
        logits = self._model(features, training=True)
        loss = cross_entropy(labels, logits) + logits_loss(logits, teacher, self._temperature)
        return logits, [
            Term(loss, self.variables),
            Term(cross_entropy(labels, teacher), self._kernels),
        ]

    def trackables(self) -> dict[str, Any]:
        return {"revived_step": self._step}


@contextlib.contextmanager
def _put_back(variables: Sequence[tf.Variable]) -> Iterator[None]:
    before = [tf.identity(variable) for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


class CoStudy:
    """QKD's second phase (arXiv:1911.12491): student and teacher learn from each other.

    Student: CE + T^2 KL(teacher || student); teacher: CE + T^2 KL(student || teacher).

    Args:
      network: the student, quantized.
      teacher: float Keras model, trained too.
      temperature: T.
      mutual: factor of both divergences; with 0 the two train independently.
    """

    def __init__(
        self, network: Network, teacher: keras.Model, temperature: float, mutual: float = 1.0
    ) -> None:
        self._model, self._teacher = network.model, teacher
        self._temperature, self._mutual = temperature, mutual
        self.variables = [*network.model.trainable_variables, *teacher.trainable_variables]

    def __call__(self, features: tf.Tensor, labels: tf.Tensor) -> _Terms:
        theirs = self._teacher(features, training=True)
        logits = self._model(features, training=True)
        mine = cross_entropy(labels, logits)
        mine += self._mutual * logits_loss(logits, theirs, self._temperature)
        other = cross_entropy(labels, theirs)
        other += self._mutual * logits_loss(theirs, logits, self._temperature)
        return logits, [
            Term(mine, self._model.trainable_variables),
            Term(other, self._teacher.trainable_variables),
        ]

    def trackables(self) -> dict[str, Any]:
        return {"teacher": self._teacher}
