"""Knowledge distillation: a student learns from a teacher's logits, and from its features.

The loss on logits is Hinton's (arXiv:1503.02531, sec. 2). Losses on features (factor_transfer.py,
overhaul.py, foresight.py) implement FeatureLoss, so one training step works with all of them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from edge_tf.errors import UserError

# Rows (frequency), columns (frames), channels.
Shape = tuple[int, int, int]
Features = Sequence[tf.Tensor]


def logits_loss(
    student_logits: tf.Tensor, teacher_logits: tf.Tensor, temperature: float
) -> tf.Tensor:
    """T^2 * KL(softmax(teacher / T) || softmax(student / T)), mean over the batch.

    The factor T^2 keeps the gradient the same size when T changes: for a large T it is
    (student - teacher) / classes for logits of zero mean, independent of T. No gradient reaches the
    teacher.

    Args:
      student_logits: (batch, classes).
      teacher_logits: (batch, classes).
      temperature: T, above 0.

    Returns:
      Scalar, not below 0 except for rounding.

    Raises:
      ValueError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    teacher = tf.nn.log_softmax(tf.stop_gradient(teacher_logits) / temperature)
    student = tf.nn.log_softmax(student_logits / temperature)
    divergence = tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1)
    return temperature**2 * tf.reduce_mean(divergence)


class FeatureLoss(Protocol):
    """Compares features of a student with those of a teacher.

    The order of calls is build, prepare, then one call per batch. After tf.train.Checkpoint has
    restored the `trackables`, prepare must not be called again; see `prepared`.

    Attributes:
      student_layers: names of the student's Keras layers to compare.
      teacher_layers: the same for the teacher, one per student layer.
      variables: trained along with the student but not part of it.
      prepared: whether prepare was called, here or before the checkpoint was written.
    """

    @property
    def student_layers(self) -> Sequence[str]: ...

    @property
    def teacher_layers(self) -> Sequence[str]: ...

    @property
    def variables(self) -> list[tf.Variable]: ...

    @property
    def prepared(self) -> bool: ...

    def build(self, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
        """Creates the variables.

        Args:
          student_shapes: rows, columns, channels per layer of student_layers.
          teacher_shapes: the same for teacher_layers.

        Raises:
          UserError: rows or columns differ between student and teacher.
        """
        ...

    def prepare(self, batches: Iterable[Features]) -> None:
        """Learns from the teacher alone, once, before the student is trained.

        Args:
          batches: each a list of the teacher's features, (batch, rows, columns, channels) in the
            order of teacher_layers. It may be iterated several times, so a generator is not enough.

        Raises:
          ValueError: there are no batches, or none left in a later pass.
        """
        ...

    def __call__(self, student_features: Features, teacher_features: Features) -> tf.Tensor:
        """The loss of a batch, a scalar; no gradient reaches the teacher.

        Raises:
          ValueError: prepare was not called.
        """
        ...

    def trackables(self) -> dict[str, Any]:
        """All state, for tf.train.Checkpoint."""
        ...


def last_blocks(model: keras.Model, suffix: str) -> list[str]:
    """Names of the layers `stage<X>_block<Y>_<suffix>` of BC-ResNet, Y the last block of stage X.

    TFMOT wrappers prepend a prefix to the name; such layers are found too.

    Raises:
      UserError: the model has no such layers.
    """
    found: dict[int, tuple[int, str]] = {}
    for layer in model.layers:
        match = re.search(rf"(?:^|_)stage(\d+)_block(\d+)_{suffix}$", layer.name)
        if match:
            stage, block = int(match[1]), int(match[2])
            found[stage] = max(found.get(stage, (-1, "")), (block, layer.name))
    if not found:
        raise UserError(
            f"the model {model.name} has no layers stage*_block*_{suffix}, which "
            "distillation of features needs",
            "use bc_resnet for teacher and student, or distill the logits only",
        )
    return [found[stage][1] for stage in sorted(found)]


def feature_shapes(model: keras.Model, layer_names: Sequence[str]) -> list[Shape]:
    """Rows, columns and channels of the outputs of the layers."""
    return [tuple(model.get_layer(name).output_shape[1:]) for name in layer_names]


def with_features(model: keras.Model, layer_names: Sequence[str]) -> keras.Model:
    """A model that shares all weights and returns [logits, *outputs of the layers]."""
    tapped = [model.get_layer(name).output for name in layer_names]
    return keras.Model(model.inputs, [model.output, *tapped], name=f"{model.name}_with_features")


def check_same_places(student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape]) -> None:
    """Raises UserError unless both have the same number of features, rows and columns."""
    if len(student_shapes) != len(teacher_shapes):
        raise UserError(
            f"the student has {len(student_shapes)} stages to compare, the teacher "
            f"{len(teacher_shapes)}",
            "choose a teacher of the student's family",
        )
    for student, teacher in zip(student_shapes, teacher_shapes, strict=True):
        if tuple(student[:2]) != tuple(teacher[:2]):
            raise UserError(
                f"the teacher's features have {teacher[0]} rows and {teacher[1]} columns, the "
                f"student's {student[0]} and {student[1]}",
                "choose a teacher trained with the student's --hop_ms, --clip_ms and --model",
            )
