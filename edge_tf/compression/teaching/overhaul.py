"""A comprehensive overhaul of feature distillation, for BC-ResNet (arXiv:1904.01866).

The student learns the teacher's features before the ReLU. Where they are negative, it only has to
be negative too: the magnitude below zero does not pass the ReLU.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf import progress
from edge_tf.compression.teaching import distillation
from edge_tf.compression.teaching.distillation import Features, Shape

layers = keras.layers

_RARELY_NEGATIVE = 0.001
_DIVISOR = 1000.0  # scales the loss to the size of a cross-entropy (the paper's code)


def gaussian_margin(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """E[t | t < 0] of a Gaussian t, elementwise.

    mean - deviation * phi(z) / Phi(-z) with z = mean / deviation. Where t is negative with a
    probability of at most 0.001, the quotient is ill-conditioned and the margin is -3 deviations.

    Args:
      mean: any shape.
      deviation: the same shape, not below 0. Where it is 0, the margin is min(mean, 0).

    Returns:
      Margins of the same shape, float64, none above 0.

    Raises:
      ValueError: a deviation is below 0.
    """
    mean, deviation = np.broadcast_arrays(
        np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
    )
    if (deviation < 0).any():
        raise ValueError("a deviation is below 0")
    margins = [_margin(float(m), float(s)) for m, s in zip(mean.flat, deviation.flat, strict=True)]
    return np.reshape(np.array(margins, np.float64), mean.shape)


def _margin(mean: float, deviation: float) -> float:
    if deviation == 0:
        return min(mean, 0.0)
    z = mean / deviation
    negative = math.erfc(z / math.sqrt(2)) / 2
    if negative <= _RARELY_NEGATIVE:
        return -3 * deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return mean - deviation * density / negative


def margin_relu(teacher: tf.Tensor, margins: tf.Tensor) -> tf.Tensor:
    """max(t, m_c); features (..., channels), margins (channels,)."""
    return tf.maximum(teacher, margins)


def partial_l2(student: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Sum of (s - t')^2, without the elements where s <= t' and t' <= 0.

    Args:
      student: any shape.
      target: the teacher's feature after the margin ReLU, the same shape.

    Returns:
      Scalar.
    """
    counts = tf.logical_or(student > target, target > 0)
    squares = tf.math.squared_difference(student, target)
    return tf.reduce_sum(tf.where(counts, squares, tf.zeros_like(squares)))


class Overhaul:
    """A FeatureLoss on the tensors before the last ReLU of each stage.

    The sum over stages i of L: partial_l2 / 2^(L - 1 - i), divided by batch size * 1000.

    The paper computes margins from the batch norm before the ReLU. In BC-ResNet a sum comes before
    it, so they are measured: the mean of the negative values, per channel.

    The paper's code leaves the teacher's batch norms in training mode while the student learns.
    Here the caller, who computes the teacher's features, decides, for margins and loss alike.

    Args:
      student_layers: names of the student's layers.
      teacher_layers: names of the teacher's layers, one per student layer.
      seed: seed of the connectors' initial weights.

    Raises:
      ValueError: there are no layers.
    """

    def __init__(
        self, student_layers: Sequence[str], teacher_layers: Sequence[str], seed: int = 0
    ) -> None:
        if not student_layers:
            raise ValueError("no layers to compare")
        self.student_layers = list(student_layers)
        self.teacher_layers = list(teacher_layers)
        self._seed = seed

    @classmethod
    def for_models(cls, student: keras.Model, teacher: keras.Model, **arguments: Any) -> "Overhaul":
        """For two BC-ResNets, on the sums that end their stages; built.

        Raises:
          UserError: a model has no such layers, or rows or columns differ.
        """
        mine, theirs = stage_sums(student), stage_sums(teacher)
        loss = cls(mine, theirs, **arguments)
        loss.build(
            distillation.feature_shapes(student, mine),
            distillation.feature_shapes(teacher, theirs),
        )
        return loss

    def build(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        distillation.check_same_places(student_shapes, teacher_shapes)
        self.connectors = [
            _connector(student[2], teacher[2], self._seed + i, f"connector{i}")
            for i, (student, teacher) in enumerate(zip(student_shapes, teacher_shapes, strict=True))
        ]
        self.margins = [
            tf.Variable(tf.zeros(teacher[2]), trainable=False, name=f"margin{i}")
            for i, teacher in enumerate(teacher_shapes)
        ]
        self._prepared = tf.Variable(False, trainable=False, name="margins_are_measured")

    @property
    def variables(self) -> list[tf.Variable]:
        return [v for connector in self.connectors for v in connector.trainable_variables]

    @property
    def prepared(self) -> bool:
        with tf.init_scope():
            return bool(self._prepared.numpy())

    def prepare(self, batches: Iterable[Features]) -> None:
        """Measures the margins; one pass. A channel that is never negative gets 0."""
        sums = [np.zeros(margin.shape) for margin in self.margins]
        counts = [np.zeros(margin.shape) for margin in self.margins]
        seen = 0
        for features in progress.bar(batches, desc="margins", unit="batch"):
            for i, feature in enumerate(features):
                values = np.asarray(feature).reshape(-1, feature.shape[-1])
                sums[i] += np.minimum(values, 0).sum(axis=0, dtype=np.float64)
                counts[i] += (values < 0).sum(axis=0)
            seen += 1
        if not seen:
            raise ValueError("there are no batches to measure margins on")
        for margin, total, count in zip(self.margins, sums, counts, strict=True):
            margin.assign((total / np.maximum(count, 1)).astype(np.float32))
        self._prepared.assign(True)

    def __call__(self, student_features: Features, teacher_features: Features) -> tf.Tensor:
        if not self.prepared:
            raise ValueError("the margins are not measured: call prepare first")
        total = tf.zeros(())
        rows = zip(student_features, teacher_features, self.connectors, self.margins, strict=True)
        for i, (student, teacher, connector, margin) in enumerate(rows):
            target = margin_relu(tf.stop_gradient(teacher), margin)
            weight = 2.0 ** (i + 1 - len(self.margins))
            # The connector is used only in training, so always with the batch's moments.
            total += weight * partial_l2(connector(student, training=True), target)
        return total / (tf.cast(tf.shape(student_features[0])[0], tf.float32) * _DIVISOR)

    def trackables(self) -> dict[str, Any]:
        numbered = enumerate(zip(self.connectors, self.margins, strict=True))
        state: dict[str, Any] = {"margins_are_measured": self._prepared}
        for i, (connector, margin) in numbered:
            state |= {f"connector{i}": connector, f"margin{i}": margin}
        return state


def _connector(student: int, teacher: int, seed: int, name: str) -> keras.Sequential:
    """From the student's channels to the teacher's: 1x1 convolution and batch norm."""
    init = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=seed)
    stack = keras.Sequential(
        [
            layers.Conv2D(teacher, 1, use_bias=False, kernel_initializer=init),
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        ],
        name=name,
    )
    stack.build((None, None, None, student))
    return stack


def stage_sums(model: keras.Model) -> list[str]:
    """Names of the layers before the last ReLU of each stage of BC-ResNet.

    Raises:
      UserError: the model has no stages.
    """
    return distillation.last_blocks(model, "shortcut")
