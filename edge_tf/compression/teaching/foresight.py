"""A causal student learns a centred teacher's features, of now and of future frames.

After the distillation of streaming from non-streaming speech recognition (arXiv:2308.16415): in
chosen layers the student's features approach the teacher's, and a branch used only in training
predicts the teacher's features of future frames from the student's frames so far (autoregressive
predictive coding). These two of the paper's losses are used, on features averaged over frequency;
linear maps replace its transformer and LSTM next to the layers, and its losses between
self-attentions have no counterpart in a network without attention.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.teaching import distillation
from edge_tf.compression.teaching.distillation import Features, Shape


def distance(mine: tf.Tensor, theirs: tf.Tensor) -> tf.Tensor:
    """mean |h - z| - log sigmoid(cos(h, z)) over all frames (the paper's L_DIS).

    Args:
      mine: (batch, frames, channels).
      theirs: the same shape; no gradient reaches it.

    Returns:
      Scalar; the minimum, log(1 + 1/e), is where both are equal.
    """
    theirs = tf.stop_gradient(theirs)
    cosine = tf.reduce_sum(
        tf.math.l2_normalize(mine, axis=-1) * tf.math.l2_normalize(theirs, axis=-1), axis=-1
    )
    near = tf.reduce_mean(tf.abs(mine - theirs), axis=-1)
    return tf.reduce_mean(near - tf.math.log_sigmoid(cosine))


class Foresight:
    """A FeatureLoss on features over time, averaged over frequency.

    The teacher's features are divided by their root mean square, so all layers have equal weight.

    Args:
      student_layers: names of the student's layers.
      teacher_layers: names of the teacher's, one per student layer.
      frames: number of frames the branch predicts ahead; 0: no prediction.
      seed: seed of the initial weights.

    Raises:
      ValueError: frames is negative.
    """

    prepared = True  # nothing to learn from the teacher alone

    def __init__(
        self,
        student_layers: Sequence[str],
        teacher_layers: Sequence[str],
        frames: int = 8,
        seed: int = 0,
    ) -> None:
        if frames < 0:
            raise ValueError(f"frames={frames} must not be negative")
        self.student_layers, self.teacher_layers = list(student_layers), list(teacher_layers)
        self._frames, self._seed = frames, seed
        self._now: list[tf.Variable] = []
        self._ahead: list[tf.Variable] = []

    @classmethod
    def for_models(
        cls, student: keras.Model, teacher: keras.Model, **arguments: Any
    ) -> "Foresight":
        """For two BC-ResNets, on the last block of each stage; built.

        Raises:
          UserError: a model has no such layers, or rows or columns differ.
        """
        mine, theirs = (distillation.last_blocks(model, "relu") for model in (student, teacher))
        loss = cls(mine, theirs, **arguments)
        loss.build(
            distillation.feature_shapes(student, mine),
            distillation.feature_shapes(teacher, theirs),
        )
        return loss

    def build(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        distillation.check_same_places(student_shapes, teacher_shapes)
        for number, (student, teacher) in enumerate(
            zip(student_shapes, teacher_shapes, strict=True)
        ):
            shape = (student[2], teacher[2])
            for at, maps in enumerate((self._now, self._ahead)):
                init = keras.initializers.GlorotUniform(self._seed + 2 * number + at)
                maps.append(tf.Variable(init(shape), name=f"foresight_{number}_{at}"))

    @property
    def variables(self) -> list[tf.Variable]:
        return [*self._now, *(self._ahead if self._frames else [])]

    def prepare(self, batches: Iterable[Features]) -> None:
        pass

    def __call__(self, student_features: Features, teacher_features: Features) -> tf.Tensor:
        losses = []
        for mine, theirs, now, ahead in zip(
            student_features, teacher_features, self._now, self._ahead, strict=True
        ):
            student, target = _over_time(mine), _over_time(theirs)
            target *= tf.math.rsqrt(tf.reduce_mean(tf.square(target)) + 1e-12)
            losses.append(distance(student @ now, target))
            if self._frames:
                losses.append(
                    distance((student @ ahead)[:, : -self._frames], target[:, self._frames :])
                )
        return tf.add_n(losses) / len(losses)

    def trackables(self) -> dict[str, Any]:
        return {f"foresight_{i}": variable for i, variable in enumerate([*self._now, *self._ahead])}


def _over_time(features: tf.Tensor) -> tf.Tensor:
    """(batch, rows, frames, channels) to (batch, frames, channels)."""
    return tf.reduce_mean(features, axis=1)
