"""Frequency-wise instance normalization: removes a microphone's effect on the spectrum."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf import instance_statistics
from edge_tf.layers.rule import Builder, LayerRule, N


@keras.saving.register_keras_serializable("edge_tf")
class FrequencyInstanceNorm(keras.layers.Layer):
    """Normalizes each frequency row of each clip separately (FreqIN; arXiv:2111.06531, sec. 2).

    For clip n and row f, with moments over channels and time:

        y[n, f] = (x[n, f] - mean(x[n, f])) / sqrt(var(x[n, f]) + epsilon)

    On log-mel features a filter that does not change over time, such as a microphone's response,
    adds a constant to each row, which cancels out here. No weights, no moving moments: training
    and inference are the same.

    Args:
      epsilon: added to the variance.

    Input and output shape: (batch, F, T, C).

    Raises:
      ValueError: epsilon is not above 0.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(f"epsilon={epsilon} must be above 0")
        self.epsilon = epsilon
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return instance_statistics.frequency_instance_norm(inputs, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


def normalized(x: N, axes: tuple[int, ...], epsilon: float, build: Builder[N]) -> N:
    """(x - mean) / sqrt(variance + epsilon) with moments over axes."""
    centred = build.subtract(x, build.mean(x, axes))
    variance = build.mean(build.multiply(centred, centred), axes)
    return build.multiply(centred, build.inverse_root(variance, epsilon))


class FrequencyInstanceNormRule(LayerRule):
    """Moments are computed on the device, since each clip has its own.

    In quantization-aware training the output is rounded; in the int8 graph, so are the moments.
    """

    layer: type = FrequencyInstanceNorm

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        return normalized(inputs[0], (2, 3), layer.epsilon, build)
