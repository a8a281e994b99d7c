"""BC-ResNet: broadcasted residual learning for keyword spotting (arXiv:2106.04140)."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.sub_spectral_norm import SubSpectralNorm

layers = keras.layers

TAUS = (1, 1.5, 2, 3, 6, 8)
SUB_BANDS = 5
# Table 1 of the paper: number of blocks, frequency stride of the first one; dilation is 2 ** stage.
STAGES = ((2, 1), (2, 2), (4, 2), (4, 1))


def channels(tau: float) -> list[int]:
    """Channels of the stem, the four stages and the tail for a width multiplier tau."""
    base = int(8 * tau)
    return [2 * base, base, int(1.5 * base), 2 * base, int(2.5 * base), 4 * base]


def _kernel_init(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in +-1/sqrt(fan_in), which the published figures were trained from."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def _pointwise(filters: int, x: tf.Tensor, name: str) -> tf.Tensor:
    init = _kernel_init(x.shape[-1])
    return layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=init, name=name)(x)


def _depthwise(kernel: tuple[int, int], x: tf.Tensor, name: str, **arguments: Any) -> tf.Tensor:
    init = _kernel_init(kernel[0] * kernel[1])
    return layers.DepthwiseConv2D(
        kernel, use_bias=False, depthwise_initializer=init, name=name, **arguments
    )(x)


def _batch_norm(x: tf.Tensor, name: str) -> tf.Tensor:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _block(
    x: tf.Tensor, filters: int, stride: int, dilation: int, dropout: float, name: str
) -> tf.Tensor:
    """BC-ResBlock (fig. 2): y = ReLU(x + f2(x) + BC(f1(avgpool(f2(x))))).

    A transition block (other number of channels) begins f2 with a 1x1 convolution and has no
    identity shortcut.
    """
    transition = x.shape[-1] != filters
    shortcut = x
    if transition:
        x = _pointwise(filters, x, f"{name}_f2_expand")
        x = layers.ReLU(name=f"{name}_f2_expand_relu")(_batch_norm(x, f"{name}_f2_expand_bn"))
    if stride == 1:
        x = _depthwise((3, 1), x, f"{name}_f2_depthwise", padding="same")
    else:
        # One row of zeros on both sides, then "valid": "same" takes the other rows.
        x = layers.ZeroPadding2D((1, 0), name=f"{name}_f2_pad")(x)
        x = _depthwise((3, 1), x, f"{name}_f2_depthwise", strides=(stride, 1))
    x = SubSpectralNorm(SUB_BANDS, name=f"{name}_f2_ssn")(x)

    y = layers.AveragePooling2D((x.shape[1], 1), name=f"{name}_f1_pool")(x)
    y = _depthwise((1, 3), y, f"{name}_f1_depthwise", padding="same", dilation_rate=(1, dilation))
    y = layers.Activation("swish", name=f"{name}_f1_swish")(_batch_norm(y, f"{name}_f1_bn"))
    y = _pointwise(filters, y, f"{name}_f1_pointwise")
    y = layers.SpatialDropout2D(dropout, name=f"{name}_f1_dropout")(y)

    x = layers.Add(name=f"{name}_broadcast")([x, y])
    if not transition:
        x = layers.Add(name=f"{name}_shortcut")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def build(
    tau: float = 1,
    num_classes: int = 12,
    input_shape: tuple[int, int, int] = (40, 101, 1),
    dropout: float = 0.1,
) -> keras.Model:
    """BC-ResNet-tau of Table 1: (batch, 40, T, 1) log-mel features to (batch, num_classes) logits.

    Trainable parameters for 12 classes at tau 1, 1.5, 2, 3, 6, 8: 9,232, 17,154, 27,284, 54,168,
    187,812, 321,068.

    Args:
      tau: width multiplier; the paper's six are in TAUS, others work.
      num_classes: size of the logits.
      input_shape: (mel bands, frames, 1); mel bands must be 40, which the 5-row tail fixes.
      dropout: rate of the channel dropout in f1.

    Raises:
      ValueError: an argument does not fit the architecture.
    """
    if int(8 * tau) < 1 or num_classes < 2:
        raise ValueError(f"tau={tau} and num_classes={num_classes} give no network")
    if len(input_shape) != 3 or input_shape[0] != 40 or input_shape[2] != 1:
        raise ValueError(f"input_shape={input_shape} must be (40, frames, 1)")
    stem, *stages, tail = channels(tau)

    inputs = keras.Input(input_shape, name="features")
    x = layers.ZeroPadding2D(2, name="stem_pad")(inputs)
    x = layers.Conv2D(
        stem, 5, strides=(2, 1), use_bias=False, kernel_initializer=_kernel_init(25), name="stem"
    )(x)
    x = layers.ReLU(name="stem_relu")(_batch_norm(x, "stem_bn"))
    for i, ((blocks, stride), filters) in enumerate(zip(STAGES, stages, strict=True)):
        for j in range(blocks):
            name = f"stage{i}_block{j}"
            x = _block(x, filters, stride if j == 0 else 1, 2**i, dropout, name)
    x = layers.ZeroPadding2D((0, 2), name="tail_pad")(x)
    x = _depthwise((5, 5), x, "tail_depthwise")
    x = _pointwise(tail, x, "tail_pointwise")
    x = layers.ReLU(name="tail_relu")(_batch_norm(x, "tail_bn"))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(
        num_classes,
        kernel_initializer=_kernel_init(tail),
        bias_initializer=_kernel_init(tail),
        name="classifier",
    )(x)
    return keras.Model(inputs, logits, name=f"bc_resnet_{tau:g}".replace(".", "_"))
