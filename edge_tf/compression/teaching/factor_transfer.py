"""Factor transfer: the student learns a paraphrase of the teacher's features (arXiv:1802.04977).

A paraphraser, trained alone to reconstruct the teacher's last features, condenses them into
factors; a translator, trained with the student, makes the student's features comparable.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf import progress
from edge_tf.compression.teaching import distillation
from edge_tf.compression.teaching.distillation import Features, Shape
from edge_tf.errors import UserError

layers = keras.layers

_SLOPE = 0.1  # of LeakyReLU below zero


def factor_loss(teacher_factor: tf.Tensor, student_factor: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of the factors, each flattened and of length 1.

    A positive multiple counts as the same factor. A zero factor stays zero.

    Args:
      teacher_factor: (batch, ...); no gradient reaches it.
      student_factor: the same shape.

    Returns:
      Scalar.
    """

    def normalized(factor: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(factor, (tf.shape(factor)[0], -1))
        return tf.math.l2_normalize(flat, axis=1)

    difference = normalized(tf.stop_gradient(teacher_factor)) - normalized(student_factor)
    return tf.reduce_mean(tf.abs(difference))


def _convolutions(
    kind: type[keras.layers.Layer], widths: Sequence[int], seed: int, name: str
) -> keras.Sequential:
    """3x3 convolutions with bias, LeakyReLU after each, no norm; widths[0] is the input width."""
    stack = keras.Sequential(name=name)
    for number, filters in enumerate(widths[1:]):
        init = keras.initializers.HeNormal(seed=seed + number)
        stack.add(kind(filters, 3, padding="same", kernel_initializer=init))
        stack.add(layers.LeakyReLU(_SLOPE))
    stack.build((None, None, None, widths[0]))
    return stack


class Paraphraser:
    """Maps teacher features to factors, and back during its training.

    Features are divided by their root mean square first, which the paper does not do: its learning
    rate suits features of that size. BC-ResNet's features are about five times smaller, and with
    them the paraphraser learns next to nothing.

    Args:
      channels: m, channels of the teacher's features.
      rate: k; the factor has round(k * m) channels.
      seed: seed of the initial weights.
    """

    def __init__(self, channels: int, rate: float, seed: int = 0) -> None:
        self.factor_channels = max(1, round(rate * channels))
        widths = [channels, channels, self.factor_channels, self.factor_channels]
        back = [self.factor_channels, self.factor_channels, channels, channels]
        self.scale = tf.Variable(1.0, trainable=False, name="paraphraser_scale")
        self.encoder = _convolutions(layers.Conv2D, widths, seed, "paraphraser")
        self.decoder = _convolutions(layers.Conv2DTranspose, back, seed + 3, "paraphraser_back")

    def factor(self, features: tf.Tensor) -> tf.Tensor:
        """(batch, rows, columns, m) to (batch, rows, columns, round(k * m))."""
        return self.encoder(self.scale * features)

    def measure_scale(self, features: tf.Tensor) -> None:
        """Sets the scale that gives these features a root mean square of 1."""
        mean_square = tf.reduce_mean(tf.square(features))
        self.scale.assign(tf.math.rsqrt(tf.maximum(mean_square, 1e-12)))

    def reconstruction_loss(self, features: tf.Tensor) -> tf.Tensor:
        """Mean absolute reconstruction error, in units of the root mean square."""
        back = self.decoder(self.factor(features))
        return tf.reduce_mean(tf.abs(self.scale * features - back))

    @property
    def variables(self) -> list[tf.Variable]:
        return [*self.encoder.trainable_variables, *self.decoder.trainable_variables]


class FactorTransfer:
    """A FeatureLoss on one feature, usually the last before the classifier.

    Args:
      student_layer: name of the student's layer.
      teacher_layer: name of the teacher's layer.
      rate: k of the paraphraser.
      passes: epochs of the paraphraser over the batches given to prepare.
      learning_rate: of its SGD, with momentum 0.9.
      weight_decay: of the paraphraser; the student's training decays the translator.
      seed: seed of all initial weights.

    Raises:
      ValueError: rate or passes out of range.
    """

    def __init__(
        self,
        student_layer: str,
        teacher_layer: str,
        rate: float = 0.5,
        passes: int = 5,
        learning_rate: float = 0.1,
        weight_decay: float = 5e-4,
        seed: int = 0,
    ) -> None:
        if not rate > 0 or passes < 1:
            raise ValueError(f"rate={rate} must be above 0, passes={passes} at least 1")
        self.student_layers = [student_layer]
        self.teacher_layers = [teacher_layer]
        self._rate, self._passes, self._seed = rate, passes, seed
        self._learning_rate, self._weight_decay = learning_rate, weight_decay

    @classmethod
    def for_models(
        cls, student: keras.Model, teacher: keras.Model, **arguments: Any
    ) -> "FactorTransfer":
        """For two BC-ResNets, on the output of their last stage; built.

        Raises:
          UserError: a model has no such layer, or rows or columns differ.
        """
        mine, theirs = last_stage(student), last_stage(teacher)
        loss = cls(mine, theirs, **arguments)
        loss.build(
            distillation.feature_shapes(student, [mine]),
            distillation.feature_shapes(teacher, [theirs]),
        )
        return loss

    def build(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        distillation.check_same_places(student_shapes, teacher_shapes)
        (student,), (teacher,) = student_shapes, teacher_shapes
        self.paraphraser = Paraphraser(teacher[2], self._rate, self._seed)
        width = self.paraphraser.factor_channels
        widths = [student[2], width, width, width]
        self.translator = _convolutions(layers.Conv2D, widths, self._seed + 6, "translator")
        self._prepared = tf.Variable(False, trainable=False, name="paraphraser_is_trained")

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self.translator.trainable_variables)

    @property
    def prepared(self) -> bool:
        with tf.init_scope():
            return bool(self._prepared.numpy())

    def prepare(self, batches: Iterable[Features]) -> None:
        """Trains the paraphraser: SGD, mean absolute error of the reconstruction.

        The learning rate falls by half a cosine over the passes and gradients are clipped to a
        norm of 1, which the paper does not do: the gradient of the absolute error does not shrink
        near the optimum, so with a constant rate the error stays rough and, on some features, the
        weights diverge.

        Raises:
          UserError: the teacher's features are not finite.
        """
        optimizer = keras.optimizers.SGD(self._learning_rate, momentum=0.9)
        variables = self.paraphraser.variables
        optimizer.build(variables)

        @tf.function(reduce_retracing=True, autograph=False)
        def step(features: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = self.paraphraser.reconstruction_loss(features)
            gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
            pairs = zip(gradients, variables, strict=True)
            optimizer.apply_gradients([(g + self._weight_decay * w, w) for g, w in pairs])
            return loss

        for number in range(self._passes):
            losses: list[tf.Tensor] = []
            share = (1 + math.cos(math.pi * number / self._passes)) / 2
            optimizer.learning_rate.assign(self._learning_rate * share)
            with progress.bar(
                batches, desc=f"paraphraser {number + 1}/{self._passes}", unit="batch"
            ) as bar:
                for (features,) in bar:
                    if number == 0 and not losses:
                        self.paraphraser.measure_scale(features)
                    losses.append(step(features))
            if not losses:
                raise ValueError(
                    f"pass {number + 1} has no batches; they must be iterable repeatedly"
                )
        if not bool(tf.math.is_finite(losses[-1])):
            raise UserError(
                "the paraphraser cannot learn the teacher's features: its loss is not finite",
                "check the teacher, and retrain it if its own loss was not finite either",
            )
        self._prepared.assign(True)

    def __call__(self, student_features: Features, teacher_features: Features) -> tf.Tensor:
        if not self.prepared:
            raise ValueError("the paraphraser is not trained: call prepare first")
        (student,), (teacher,) = student_features, teacher_features
        return factor_loss(self.paraphraser.factor(teacher), self.translator(student))

    def trackables(self) -> dict[str, Any]:
        return {
            "paraphraser": self.paraphraser.encoder,
            "paraphraser_back": self.paraphraser.decoder,
            "paraphraser_scale": self.paraphraser.scale,
            "translator": self.translator,
            "paraphraser_is_trained": self._prepared,
        }


def last_stage(model: keras.Model) -> str:
    """Name of the output layer of BC-ResNet's last stage.

    Raises:
      UserError: the model has no stages.
    """
    return distillation.last_blocks(model, "relu")[-1]
