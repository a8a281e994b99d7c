"""Relaxed instance frequency-wise normalization (arXiv:2206.12513)."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf import instance_statistics
from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNormRule, normalized
from edge_tf.layers.rule import Builder, N
from edge_tf.layers.weighted_instance_norm import WeightedInstanceNorm, weighted


@keras.saving.register_keras_serializable("edge_tf")
class RelaxedInstanceFrequencyNorm(WeightedInstanceNorm):
    """RFN(x) = lambda * LN(x) + (1 - lambda) * IFN(x) (arXiv:2206.12513, sec. 3).

    LN normalizes a clip over frequency, time and channels together, IFN (FreqIN, see
    FrequencyInstanceNorm) each frequency row separately. Unlike in ResidualNorm, the part that
    keeps the differences between rows is scale-free: a gain or an offset of the whole input changes
    nothing.

    No weights: training and inference are the same.

    Args:
      weight: lambda, 0 to 1.
      epsilon: added to the variances.

    Input and output shape: (batch, F, T, C).

    Raises:
      ValueError: an argument is out of range.
    """

    def __init__(self, weight: float = 0.5, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(weight, epsilon, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return instance_statistics.relaxed_norm(inputs, self.weight, self.epsilon)


class RelaxedInstanceFrequencyNormRule(FrequencyInstanceNormRule):
    """Both norms and their sum; a norm of weight 0 is left out."""

    layer = RelaxedInstanceFrequencyNorm

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        parts = ((layer.weight, (1, 2, 3)), (1 - layer.weight, (2, 3)))
        scaled = [
            weighted(normalized(inputs[0], axes, layer.epsilon, build), weight, build)
            for weight, axes in parts
            if weight
        ]
        return functools.reduce(build.add, scaled)
