"""Freq-MixStyle: mixes the frequency responses of training clips."""

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.stock import IdentityRule


@keras.saving.register_keras_serializable("edge_tf")
class FrequencyMixStyle(keras.__internal__.layers.BaseRandomLayer):
    """Mixes per-frequency statistics of each instance with those of another one of the batch.

    MixStyle (arXiv:2104.02008, sec. 3) with moments over channels and time instead of over the
    image, since microphones differ in their frequency response (Kim et al., arXiv:2206.12513;
    as Freq-MixStyle: Schmid et al., DCASE 2022 task 1 technical report). In training, for
    instance n and a random permutation m of the batch, with w[n] drawn from Beta(alpha, alpha):

        mean[n, f], std[n, f]: over time and channels of x[n, f]; std = sqrt(var + epsilon)
        y[n, f] = (x[n, f] - mean[n, f]) / std[n, f] * (w std[n, f] + (1 - w) std[m, f])
                  + w mean[n, f] + (1 - w) mean[m, f]

    for a share `probability` of the batches. Moments are constants to the gradient, labels are
    unchanged. In inference y = x; the layer has no weights.

    Args:
      probability: share of the batches that are mixed.
      alpha: of the Beta distribution; the smaller, the closer weights are to 0 or 1.
      epsilon: added to the variance.
      seed: of the layer's own generator; None derives it from Keras' seed.

    Input and output shape: (batch, F, T, C), any of them unknown.

    Raises:
      ValueError: an argument is out of range.
    """

    def __init__(
        self,
        probability: float = 0.5,
        alpha: float = 0.3,
        epsilon: float = 1e-6,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Its own generator even if dropouts have none: its state can be set and restored.
        super().__init__(seed=seed, force_generator=True, **kwargs)
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"probability={probability} is not between 0 and 1")
        if not 0.0 < alpha < math.inf or not epsilon > 0.0:
            raise ValueError("alpha must be finite and above 0, and epsilon above 0")
        self.probability = probability
        self.alpha = alpha
        self.epsilon = epsilon
        self.seed = seed
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if training is None:
            training = keras.backend.learning_phase()
        if not training:
            return tf.identity(inputs)
        batch = tf.shape(inputs)[0]
        seeds = [self._random_generator.make_seed_for_stateless_op() for _ in range(3)]
        mixed = tf.random.stateless_uniform([], seeds[0]) < self.probability
        others = tf.argsort(tf.random.stateless_uniform([batch], seeds[1]))
        gammas = tf.random.stateless_gamma([2, batch, 1, 1, 1], seeds[2], self.alpha)
        # For a small alpha both may underflow.
        gammas = tf.maximum(gammas, 1e-30)
        weights = tf.cast(gammas[0] / (gammas[0] + gammas[1]), inputs.dtype)

        mean, variance = tf.nn.moments(inputs, axes=[2, 3], keepdims=True)
        deviation = tf.sqrt(variance + self.epsilon)
        mean, deviation = tf.stop_gradient(mean), tf.stop_gradient(deviation)
        new_mean = weights * mean + (1.0 - weights) * tf.gather(mean, others)
        new_deviation = weights * deviation + (1.0 - weights) * tf.gather(deviation, others)
        outputs = (inputs - mean) / deviation * new_deviation + new_mean
        return tf.where(mixed, outputs, inputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "probability": self.probability,
            "alpha": self.alpha,
            "epsilon": self.epsilon,
            "seed": self.seed,
        }


class FrequencyMixStyleRule(IdentityRule):
    """Active only in training."""

    layer = FrequencyMixStyle
