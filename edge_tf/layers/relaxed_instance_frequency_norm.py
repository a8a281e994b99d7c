"""Relaxed instance frequency-wise normalization (arXiv:2206.12513)."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf import instance_statistics
from edge_tf.layers.weighted_instance_norm import WeightedInstanceNorm


@keras.saving.register_keras_serializable("edge_tf")
class RelaxedInstanceFrequencyNorm(WeightedInstanceNorm):
    """RFN(x) = lambda * LN(x) + (1 - lambda) * IFN(x) (arXiv:2206.12513, sec. 3).

    LN normalizes a clip over frequency, time and channels together, IFN (FreqIN, see
    FrequencyInstanceNorm) each frequency row by itself. Unlike ResidualNorm, the part that keeps
    how rows differ has no scale of its own: a gain or an offset of the whole input changes
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
