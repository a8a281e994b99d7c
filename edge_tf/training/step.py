"""One step of SGD as BC-ResNet was trained with (arXiv:2106.04140, sec. 4.1)."""

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Hyper-parameters; the defaults are BC-ResNet's published ones but for the epochs.

    Attributes:
      epochs: passes over the training clips; the last epoch's weights are the result.
      batch_size: clips a step.
      peak_rate: highest learning rate, after the warm-up.
      momentum: of SGD.
      weight_decay: w enters its own gradient with this factor, for every trainable variable,
        norms and biases included (L2, not decoupled).
      seed: of initial weights, order, augmentation and dropout.
    """

    epochs: int = 20
    batch_size: int = 100
    peak_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2 or self.peak_rate <= 0:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate above 0")


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow, and gives dropout layers generators of their own.

    To be called before the model is built.
    """
    keras.backend.experimental.enable_tf_random_generator()
    keras.utils.set_random_seed(seed)


class SgdStep:
    """A model with its optimizer.

    Args:
      model: from features to logits.
      recipe: hyper-parameters.
    """

    def __init__(self, model: keras.Model, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        self.optimizer = keras.optimizers.SGD(0.0, momentum=recipe.momentum)
        self.optimizer.build(model.trainable_variables)
        found = (_dropout_generator(layer) for layer in model.layers)
        self._generators = [generator for generator in found if generator is not None]
        signature = [
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ]
        # Nothing here needs autograph, and tracing without it takes a third of the time.
        self._update = tf.function(self._trace, input_signature=signature, autograph=False)
        self._logits = tf.function(
            lambda features: model(features, training=False),
            input_signature=signature[:1],
            autograph=False,
        )

    def begin_epoch(self, epoch: int) -> None:
        """Makes what dropout draws depend on the seed and this epoch alone, resumed or not."""
        rng = np.random.default_rng([self.recipe.seed, epoch])
        for generator in self._generators:
            generator.reset_from_seed(int(rng.integers(2**31)))

    def __call__(
        self, features: tf.Tensor, labels: tf.Tensor, rate: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One update at learning rate `rate`.

        Args:
          features: (batch, mel_bands, frames, 1) float32.
          labels: (batch,) int32.
          rate: learning rate.

        Returns:
          Mean cross-entropy and number of clips classified right, before the update.
        """
        self.optimizer.learning_rate.assign(rate)
        return self._update(features, labels)

    def _trace(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(features, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, variables)
        decay = self.recipe.weight_decay
        pairs = [(g + decay * w, w) for g, w in zip(gradients, variables, strict=True)]
        self.optimizer.apply_gradients(pairs)
        hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def accuracy(self, batches: tf.data.Dataset, labels: np.ndarray) -> float:
        """Share of clips whose largest logit is their label's.

        Args:
          batches: features in the order of labels.
          labels: (clips,) int.
        """
        logits = np.concatenate([self._logits(features).numpy() for features in batches])
        return float(np.mean(np.argmax(logits, axis=1) == labels))


def _dropout_generator(layer: keras.layers.Layer) -> tf.random.Generator | None:
    """Keras checkpoints a layer's generator in SavedModels only, so it is reached for here."""
    source = getattr(layer, "_random_generator", None)
    if source is None:
        return None
    source._maybe_init()
    return source._generator
