"""Instance normalization of a clip's features, shared by the layers and the front-end."""

import tensorflow as tf


def frequency_instance_norm(x: tf.Tensor, epsilon: float) -> tf.Tensor:
    """FreqIN: every clip and frequency has mean 0 and variance var / (var + epsilon).

    (x - mean) / sqrt(var + epsilon), statistics over time and channels, without weights
    (arXiv:2111.06531, sec. 2). A constant added to a log-mel band, such as a microphone's frequency
    response, cancels out.

    Args:
      x: (batch, F, T, C) float.
      epsilon: added to the variance, above 0, in units of x squared.

    Returns:
      (batch, F, T, C).
    """
    return _normalized(x, [2, 3], epsilon)


def layer_norm(x: tf.Tensor, epsilon: float) -> tf.Tensor:
    """LN of arXiv:2206.12513: like FreqIN, with statistics over frequency, time and channels."""
    return _normalized(x, [1, 2, 3], epsilon)


def residual_norm(x: tf.Tensor, lam: float, epsilon: float) -> tf.Tensor:
    """ResNorm: lam * x + FreqIN(x) (arXiv:2111.06531, sec. 2, with lam 0.1).

    Args:
      x: (batch, F, T, C) float.
      lam: share of x that is kept.
      epsilon: as for FreqIN.

    Returns:
      (batch, F, T, C).
    """
    return lam * x + frequency_instance_norm(x, epsilon)


def relaxed_norm(x: tf.Tensor, lam: float, epsilon: float) -> tf.Tensor:
    """RFN: lam * LN(x) + (1 - lam) * FreqIN(x) (arXiv:2206.12513, sec. 3, with lam 0.5).

    Args:
      x: (batch, F, T, C) float.
      lam: degree of relaxation, 0 to 1.
      epsilon: for both norms.

    Returns:
      (batch, F, T, C).
    """
    return lam * layer_norm(x, epsilon) + (1.0 - lam) * frequency_instance_norm(x, epsilon)


def _normalized(x: tf.Tensor, axes: list[int], epsilon: float) -> tf.Tensor:
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)
