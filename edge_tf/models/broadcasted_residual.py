"""Building blocks of broadcasted residual networks (arXiv:2106.04140, fig. 2)."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models.time_axis import TimeAxis

layers = keras.layers


def kernel_init(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in +-1/sqrt(fan_in), as used for the published results."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def pointwise(filters: int, x: tf.Tensor, name: str) -> tf.Tensor:
    """1x1 convolution without bias."""
    init = kernel_init(x.shape[-1])
    return layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=init, name=name)(x)


def depthwise(kernel: tuple[int, int], x: tf.Tensor, name: str, **arguments: Any) -> tf.Tensor:
    """Depthwise convolution without bias; kernel is (rows, frames)."""
    init = kernel_init(kernel[0] * kernel[1])
    return layers.DepthwiseConv2D(
        kernel, use_bias=False, depthwise_initializer=init, name=name, **arguments
    )(x)


def batch_norm(x: tf.Tensor, name: str) -> tf.Tensor:
    """Batch normalization with PyTorch's defaults, which the published networks have."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def block(
    x: tf.Tensor,
    filters: int,
    name: str,
    time: TimeAxis,
    sub_bands: int,
    stride: int = 1,
    dilation: int = 1,
    dropout: float = 0.1,
) -> tf.Tensor:
    """BC-ResBlock (fig. 2): y = ReLU(x + f2(x) + BC(f1(avgpool(f2(x))))).

    A transition block (number of channels changes) begins f2 with a 1x1 convolution and has no
    identity shortcut.

    Args:
      x: (batch, F, T, C), C may differ from filters.
      filters: channels of the output.
      name: prefix of the names of its layers.
      time: context for convolutions over time.
      sub_bands: of the norm in f2; divides the rows after the stride.
      stride: over frequency, of f2.
      dilation: over time, of f1.
      dropout: rate of the channel dropout in f1.

    Returns:
      (batch, F / stride, T, filters).
    """
    transition = x.shape[-1] != filters
    shortcut = x
    if transition:
        x = pointwise(filters, x, f"{name}_f2_expand")
        x = layers.ReLU(name=f"{name}_f2_expand_relu")(batch_norm(x, f"{name}_f2_expand_bn"))
    if stride == 1:
        x = depthwise((3, 1), x, f"{name}_f2_depthwise", padding="same")
    else:
        # One row of zeros on both sides, then "valid": "same" would use the other rows.
        x = layers.ZeroPadding2D((1, 0), name=f"{name}_f2_pad")(x)
        x = depthwise((3, 1), x, f"{name}_f2_depthwise", strides=(stride, 1))
    x = SubSpectralNorm(sub_bands, name=f"{name}_f2_ssn")(x)

    y = layers.AveragePooling2D((x.shape[1], 1), name=f"{name}_f1_pool")(x)
    ahead, padding = time.ahead(name, dilation), "same"
    if not time.centred:
        y, padding = time.context(y, 2 * dilation - ahead, ahead, f"{name}_f1_pad"), "valid"
    y = depthwise((1, 3), y, f"{name}_f1_depthwise", padding=padding, dilation_rate=(1, dilation))
    y = layers.Activation("swish", name=f"{name}_f1_swish")(batch_norm(y, f"{name}_f1_bn"))
    y = pointwise(filters, y, f"{name}_f1_pointwise")
    y = layers.SpatialDropout2D(dropout, name=f"{name}_f1_dropout")(y)

    x = time.late(x, ahead, f"{name}_f2_delay")
    x = layers.Add(name=f"{name}_broadcast")([x, y])
    if not transition:
        shortcut = time.late(shortcut, ahead, f"{name}_shortcut_delay")
        x = layers.Add(name=f"{name}_shortcut")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)
