"""One step of training, as in BC-ResNet's recipe (arXiv:2106.04140, sec. 4.1) or with Adam."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.settings import TrainingSettings
from edge_tf.training.objective import CrossEntropy, Objective

# Maps a variable and its gradient, weight decay included, to the gradient for the optimizer.
GradientRule = Callable[[tf.Variable, tf.Tensor], tf.Tensor]


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow, and gives dropout layers their own generators.

    Call it before the model is built.
    """
    keras.backend.experimental.enable_tf_random_generator()
    keras.utils.set_random_seed(seed)


class SgdStep:
    """A model with its optimizer.

    Args:
      model: maps features to logits.
      settings: hyper-parameters.
      objective: what is minimized; cross-entropy with the labels if None.
      gradient_rule: changes gradients before the update; None: unchanged.
      after_update: called, and traced, after each update; masks are applied there.
      state: further objects for the checkpoint, by name.
      label_size: columns of the labels; None: the labels have the shape of the model's output.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: TrainingSettings,
        objective: Objective | None = None,
        gradient_rule: GradientRule | None = None,
        after_update: Callable[[], None] | None = None,
        state: dict[str, Any] | None = None,
        label_size: int | None = None,
    ) -> None:
        self.model = model
        self.settings = settings
        self.objective = objective or CrossEntropy(model)
        self._gradient_rule = gradient_rule
        self._after_update = after_update
        self._state = state or {}
        self.optimizer = (
            keras.optimizers.Adam(0.0)
            if settings.optimizer == "adam"
            else keras.optimizers.SGD(0.0, momentum=settings.momentum)
        )
        self.optimizer.build(self.objective.variables)
        trained = [model, *self.objective.trackables().values()]
        self._generators = [
            generator
            for one in trained
            if isinstance(one, keras.Model)
            for generator in dropout_generators(one)
        ]
        labels = model.output_shape[1:] if label_size is None else [label_size]
        signature = [
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None, *labels], tf.float32),
        ]
        # Nothing here needs autograph, and tracing without it takes a third of the time.
        self._update = tf.function(self._trace, input_signature=signature, autograph=False)
        self._logits = tf.function(
            lambda features: model(features, training=False),
            input_signature=signature[:1],
            autograph=False,
        )

    def trackables(self) -> dict[str, Any]:
        """All that a checkpoint must contain."""
        own = {"model": self.model, "optimizer": self.optimizer}
        return {**own, **self.objective.trackables(), **self._state}

    def begin_epoch(self, epoch: int) -> None:
        """Makes dropout depend only on the seed and this epoch, resumed or not."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        for generator in self._generators:
            generator.reset_from_seed(int(rng.integers(2**31)))

    def __call__(
        self, features: tf.Tensor, labels: tf.Tensor, rate: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One update at learning rate `rate`.

        Args:
          features: (batch, mel_bands, frames, 1) float32.
          labels: (batch, classes) float32, probabilities; for streams (batch, windows, classes),
            all 0 where nothing is asked, as in episodes; several may be the most probable.
          rate: learning rate.

        Returns:
          The loss, and the number of clips whose largest logit is their most probable label's,
          before the update; for streams and episodes, the share of those that are asked, times the
          batch.
        """
        self.optimizer.learning_rate.assign(rate)
        return self._update(features, labels)

    def _trace(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            logits, terms = self.objective(features, labels)
        gradients: dict[Any, tf.Tensor] = {}
        for term in terms:
            found = tape.gradient(term.loss, term.variables)
            for variable, gradient in zip(term.variables, found, strict=True):
                if gradient is not None:
                    before = gradients.get(variable.ref())
                    gradients[variable.ref()] = gradient if before is None else before + gradient
        decay = self.settings.weight_decay
        pairs = []
        for variable in self.objective.variables:
            if variable.ref() in gradients:
                gradient = gradients[variable.ref()] + decay * variable
                if self._gradient_rule is not None:
                    gradient = self._gradient_rule(variable, gradient)
                pairs.append((gradient, variable))
        self.optimizer.apply_gradients(pairs)
        if self._after_update is not None:
            self._after_update()
        largest = tf.one_hot(tf.argmax(logits, axis=-1), tf.shape(labels)[-1])
        hits = tf.reduce_sum(largest * labels, axis=-1) >= tf.reduce_max(labels, axis=-1)
        asked = tf.cast(tf.reduce_any(labels > 0.0, axis=-1), tf.float32)
        right = tf.reduce_sum(tf.cast(hits, tf.float32) * asked)
        right = tf.math.divide_no_nan(right, tf.reduce_sum(asked))
        return terms[0].loss, right * tf.cast(tf.shape(labels)[0], tf.float32)

    def accuracy(self, batches: tf.data.Dataset, labels: np.ndarray) -> float:
        """Share of clips whose largest logit is their label's.

        Args:
          batches: features in the order of labels.
          labels: (clips,) int.
        """
        return float(np.mean(np.argmax(self.outputs(batches), axis=1) == labels))

    def outputs(self, batches: tf.data.Dataset) -> np.ndarray:
        """Outputs of the network in inference mode, (clips, ...), for batches of features."""
        return np.concatenate([self._logits(features).numpy() for features in batches])


def dropout_generators(model: keras.Model) -> list[tf.random.Generator]:
    """Generators of a model's dropout layers; Keras checkpoints them only in SavedModels.

    Wrapped layers (quantization-aware training) count as well.
    """
    generators = []
    for layer in model.layers:
        source = getattr(getattr(layer, "layer", layer), "_random_generator", None)
        if source is not None:
            source._maybe_init()
            if source._generator is not None:
                generators.append(source._generator)
    return generators
