"""SubSpectral Normalization: batch normalization per frequency sub-band (arXiv:2103.13620)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.rule import Builder, LayerRule, N, Role

AFFINE = ("sub", "all", "none")


@keras.saving.register_keras_serializable("edge_tf")
class SubSpectralNorm(keras.layers.Layer):
    """Batch normalization with separate statistics per contiguous frequency sub-band.

    For channel c and the rows f of sub-band s (arXiv:2103.13620, eq. 2-4):

        y[:, f, :, c] = gamma * (x[:, f, :, c] - mean[s, c]) / sqrt(var[s, c] + epsilon) + beta

    with moments over the batch, the rows of the band and time. With one sub-band this is batch
    normalization; with as many sub-bands as rows, one batch normalization per row.

    Args:
      sub_bands: S, number of contiguous sub-bands; must divide the number of rows.
      affine: "sub": gamma and beta per (s, c), as in BC-ResNet. "all": one gamma and beta per c,
        shared by the sub-bands. "none": neither.
      momentum: weight of the old moving moments in an update. 0.9 here is PyTorch's 0.1.
      epsilon: added to the variance.

    Input and output shape: (batch, F, T, C), F divisible by S.

    Weights: gamma and beta, (S, C) for "sub" or (1, C) for "all"; moving_mean and
    moving_variance, (S, C).

    Raises:
      ValueError: S does not divide F, F or C is not static, or an argument is out of range.
    """

    def __init__(
        self,
        sub_bands: int = 5,
        affine: str = "sub",
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sub_bands < 1:
            raise ValueError(f"sub_bands={sub_bands} must be at least 1")
        if affine not in AFFINE:
            raise ValueError(f"affine={affine!r} is not one of {', '.join(AFFINE)}")
        if not 0 <= momentum <= 1 or not epsilon > 0:
            raise ValueError("momentum must be in [0, 1] and epsilon above 0")
        self.sub_bands = sub_bands
        self.affine = affine
        self.momentum = momentum
        self.epsilon = epsilon
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        _, rows, _, channels = input_shape
        if rows is None or channels is None:
            raise ValueError("frequency and channel axes must have a static size")
        if rows % self.sub_bands:
            raise ValueError(f"{self.sub_bands} sub-bands do not divide {rows} frequency rows")
        shape = (self.sub_bands, channels)
        affine_shape = shape if self.affine == "sub" else (1, channels)
        self.gamma = self.beta = None
        if self.affine != "none":
            self.gamma = self.add_weight("gamma", affine_shape, initializer="ones")
            self.beta = self.add_weight("beta", affine_shape, initializer="zeros")
        self.moving_mean = self.add_weight(
            "moving_mean", shape, initializer="zeros", trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, initializer="ones", trainable=False
        )
        super().build(input_shape)

    def _band_affine(self) -> tuple[tf.Tensor, tf.Tensor]:
        """gamma and beta as (S, C), whatever the affine type."""
        if self.gamma is None:
            return tf.ones_like(self.moving_mean), tf.zeros_like(self.moving_mean)
        shape = tf.shape(self.moving_mean)
        return tf.broadcast_to(self.gamma, shape), tf.broadcast_to(self.beta, shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if training is None:
            training = keras.backend.learning_phase()
        training = bool(training) and self.trainable
        gamma, beta = self._band_affine()
        # One fused kernel per band is twice as fast on a CPU as moments over a reshaped tensor.
        outputs, means, variances = [], [], []
        for s, band in enumerate(tf.split(inputs, self.sub_bands, axis=1)):
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                band,
                gamma[s],
                beta[s],
                mean=self.moving_mean[s],
                variance=self.moving_variance[s],
                epsilon=self.epsilon,
                is_training=training,
                exponential_avg_factor=1.0 - self.momentum if training else 1.0,
            )
            outputs.append(y)
            means.append(mean)
            variances.append(variance)
        if training:
            self.moving_mean.assign(tf.stack(means))
            self.moving_variance.assign(tf.stack(variances))
        return tf.concat(outputs, axis=1)

    def scale_and_offset(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The inference form y = x * scale + offset; both (S, C)."""
        gamma, beta = self._band_affine()
        scale = gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, beta - self.moving_mean * scale

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sub_bands": self.sub_bands,
            "affine": self.affine,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


class SubSpectralNormRule(LayerRule):
    """A multiplication and an addition per (row, channel), mostly in the preceding convolution.

    In quantization-aware training the norm has no separate rounding: its scale multiplies each
    channel of the preceding kernel, as that kernel's step does, so rounding the kernel before or
    after is the same.
    """

    layer = SubSpectralNorm
    fuses = frozenset({Role.CONVOLUTION})

    def lower(self, layer: Any, inputs: Sequence[N], build: Builder[N]) -> N:
        rows = layer.input_shape[1] // layer.sub_bands
        scale, offset = (np.repeat(t.numpy(), rows, axis=0) for t in layer.scale_and_offset())
        return build.affine(inputs[0], scale[None, :, None, :], offset[None, :, None, :])

    def is_rounded(self, readers: Sequence[LayerRule | None]) -> bool:
        """Not in a block of broadcasted residual learning: its mean and its sum are computed from
        the block's input (conversion/rewriting/bands.py).
        """
        kinds = {rule.role if rule is not None else Role.OTHER for rule in readers}
        return kinds != {Role.SUM, Role.MEAN}

    def fold(self, layer: Any, build: Builder[N]) -> Mapping[str, N]:
        """The norm as scale and offset, and the preceding convolution with its share of both.

        With a factor a and a bias b per channel in the convolution, what is left for row f is

            y = r[f] * (a * conv(x) + b) + (offset[f] - r[f] * b),    r = scale / a.

        TFLite quantizes r with one step for all rows and channels. Raw scales differ between
        channels by orders of magnitude; with a as the channel's largest, r is within [-1, 1],
        and with b the least-squares fit of the offsets to r, what is left to add is small.
        """
        scale, offset = (t.numpy() for t in layer.scale_and_offset())
        before = _convolution_before(layer)
        folded: dict[str, N] = {}
        if before is not None:
            factor = np.abs(scale).max(axis=0)
            factor = np.where(factor > 0, factor, 1.0)
            scale = scale / factor
            squares = np.square(scale).sum(axis=0)
            bias = (scale * offset).sum(axis=0) / np.where(squares > 0, squares, 1.0)
            offset = offset - scale * bias
            folded[before.name] = build.depthwise(
                build.input((1, *before.input_shape[1:])),
                before.depthwise_kernel.numpy() * factor[:, np.newaxis],
                bias,
                tuple(before.strides),
                tuple(before.dilation_rate),
                before.padding.upper(),
            )
        folded[layer.name] = _by_band(layer, scale, offset, build)
        return folded


def _by_band(norm: Any, scale: np.ndarray, offset: np.ndarray, build: Builder[N]) -> N:
    """y[:, f, :, c] = x * scale[s, c] + offset[s, c], f in sub-band s.

    The rows of a sub-band are joined to one long row, so that the file has one constant per
    sub-band instead of per row; no data moves in memory.
    """
    _, rows, columns, channels = norm.input_shape
    bands = norm.sub_bands
    joined = build.reshape(build.input((1, rows, columns, channels)), (1, bands, -1, channels))
    scaled = build.affine(joined, scale[None, :, None, :], offset[None, :, None, :])
    return build.reshape(scaled, (1, rows, columns, channels))


def _convolution_before(norm: Any) -> keras.layers.DepthwiseConv2D | None:
    """The bias-free depthwise convolution whose output goes only to this norm."""
    source = norm.inbound_nodes[0].inbound_layers
    if not isinstance(source, keras.layers.DepthwiseConv2D):
        return None
    alone = len(source.outbound_nodes) == 1 and len(source.inbound_nodes) == 1
    linear = source.activation is keras.activations.linear
    return source if alone and linear and not source.use_bias else None
