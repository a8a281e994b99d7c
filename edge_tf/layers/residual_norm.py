"""Residual Normalization: FreqIN plus a share of its input (arXiv:2111.06531)."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf import instance_statistics
from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNormRule, normalized
from edge_tf.layers.rule import Builder, N
from edge_tf.layers.weighted_instance_norm import WeightedInstanceNorm, weighted


@keras.saving.register_keras_serializable("edge_tf")
class ResidualNorm(WeightedInstanceNorm):
    """ResNorm(x) = lambda * x + FreqIN(x) (arXiv:2111.06531, eq. 2; arXiv:2206.13909).

    FreqIN normalizes each frequency row of each clip over channels and time, see
    FrequencyInstanceNorm. It removes what a microphone adds to log-mel rows, and with it what
    distinguishes stationary sounds; the share of x restores some of that. An offset d of a row
    becomes lambda * d.

    No weights: training and inference are the same.

    Args:
      weight: lambda, 0 to 1.
      epsilon: added to the variances.

    Input and output shape: (batch, F, T, C).

    Raises:
      ValueError: an argument is out of range.
    """

    def __init__(self, weight: float = 0.1, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(weight, epsilon, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return instance_statistics.residual_norm(inputs, self.weight, self.epsilon)


class ResidualNormRule(FrequencyInstanceNormRule):
    """FreqIN and, unless lambda is 0, an addition."""

    layer = ResidualNorm

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        x = inputs[0]
        normed = normalized(x, (2, 3), layer.epsilon, build)
        return build.add(weighted(x, layer.weight, build), normed) if layer.weight else normed
