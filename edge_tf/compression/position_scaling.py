"""Position-based scaled gradients: training that ends near a grid (arXiv:2005.11035).

The float model is trained, not a rounded one. Each gradient is scaled by its weight's distance to
the nearest grid point, so weights far from the grid move and weights on it stay. Plain rounding
afterwards then costs little accuracy.
"""

import tensorflow as tf
import tf_keras as keras


def grid(weights: tf.Tensor, bits: int) -> tf.Tensor:
    """Step of the symmetric grid from -max|w| to max|w|: max|w| / (2^(bits - 1) - 1).

    The range is restricted: the code -2^(bits - 1) is not used. One grid per tensor.

    Args:
      weights: any shape.
      bits: 2 or more.

    Returns:
      Scalar; 0 if all weights are 0.

    Raises:
      ValueError: bits is below 2.
    """
    return tf.reduce_max(tf.abs(weights)) / _levels(bits)


def nearest(weights: tf.Tensor, bits: int) -> tf.Tensor:
    """The weights rounded to the nearest point of their own grid; the same shape.

    Rounding again changes no bit.

    Raises:
      ValueError: bits is below 2.
    """
    levels = _levels(bits)
    peak = tf.reduce_max(tf.abs(weights))
    steps = tf.round(tf.math.divide_no_nan(weights, peak) * levels)
    # The ends are +-peak to the bit, so the result has the same grid. A product need not be: in a
    # graph, TensorFlow multiplies by 1 / levels instead of dividing.
    ends = tf.abs(steps) >= levels
    return tf.where(ends, tf.sign(steps) * peak, steps / levels * peak)


def _levels(bits: int) -> float:
    """Steps from zero to the end of the grid."""
    if bits < 2:
        raise ValueError(f"bits={bits} must be at least 2")
    return float(2 ** (bits - 1) - 1)


def scale(weight: tf.Tensor, target: tf.Tensor, strength: float, epsilon: float = 0.0) -> tf.Tensor:
    """s(w) = strength * (|w - target| + epsilon), element by element.

    A step -rate * s * gradient is to first order one of gradient descent in the space warped by
    f(w) = 2 / sqrt(strength) * sign(w - target) * (sqrt(|w - target| + epsilon) - sqrt(epsilon)),
    whose steps shrink near the target.

    Args:
      weight: any shape.
      target: where weights should settle: `nearest` for a grid, 0 for pruning.
      strength: lambda_s; 1 / epsilon with a large epsilon is plain gradient descent.
      epsilon: lets weights on target still move.
    """
    return strength * (tf.abs(weight - target) + epsilon)


def scaled_gradient(
    gradient: tf.Tensor, weight: tf.Tensor, bits: int, strength: float, epsilon: float = 0.0
) -> tf.Tensor:
    """The gradient times the scale of its weight's distance to the grid.

    Args:
      gradient: of the loss with respect to the weight, the same shape.
      weight: any shape.
      bits: of the grid.
      strength: lambda_s. It sets the size of the learning rate: with 1 the steps shrink to some
        hundredths; the published 4-bit results use 150.
      epsilon: 0 in the published code.

    Raises:
      ValueError: bits is below 2.
    """
    return gradient * scale(weight, nearest(weight, bits), strength, epsilon)


def kernels(model: keras.Model) -> list[tf.Variable]:
    """Kernels of all convolutions, depthwise too, and dense layers, including first and last."""
    found: dict[int, tf.Variable] = {}
    for layer in model.submodules:
        for name in ("kernel", "depthwise_kernel", "pointwise_kernel"):
            value = getattr(layer, name, None)
            if isinstance(value, tf.Variable):
                found[id(value)] = value
    return [variable for variable in model.variables if id(variable) in found]


def round_weights(model: keras.Model, bits: int) -> keras.Model:
    """A copy with kernels rounded to `bits`, each tensor to its own grid; still in float.

    No calibration, no training: the remaining accuracy shows how close to the grid the model was.
    Norms and biases stay as they are.

    Raises:
      ValueError: bits is below 2.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for kernel in kernels(copy):
        kernel.assign(nearest(kernel, bits))
    return copy
