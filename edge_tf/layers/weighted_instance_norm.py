"""Base of ResNorm and RFN: a weight lambda in addition to FreqIN's epsilon."""

from typing import Any

import numpy as np

from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNorm
from edge_tf.layers.rule import Builder, N


class WeightedInstanceNorm(FrequencyInstanceNorm):
    """A norm of two parts; subclasses define them.

    Args:
      weight: lambda, 0 to 1.
      epsilon: added to the variances.

    Raises:
      ValueError: an argument is out of range.
    """

    def __init__(self, weight: float, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(epsilon, **kwargs)
        if not 0 <= weight <= 1:
            raise ValueError(f"weight={weight} must be in 0 to 1")
        self.weight = weight

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}


def weighted(x: N, factor: float, build: Builder[N]) -> N:
    """factor * x."""
    scale = np.full((1, 1, 1, x.shape[3]), factor, np.float32)
    return build.affine(x, scale, np.zeros_like(scale))
