"""The inference graph of a model: norms become what they are once statistics stand still.

A layer is replaced by one of the small layers below, or copied. Each replacement computes the
same function; what changes is how well it quantizes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.sub_spectral_norm import SubSpectralNorm

MakeLayer = Callable[[], keras.layers.Layer]


def inference_model(model: keras.Model, shift: np.ndarray | None = None) -> keras.Model:
    """A copy for conversion, with the same outputs in inference mode.

    Sub-band norms become a multiplication and an addition with constants for each (row, channel),
    as much of them as possible moved into the depthwise convolution before; linear dense layers
    become 1x1 convolutions. Batch norms stay, since the TFLite converter folds them into the
    convolution before them, and so do dropouts, which it drops. The batch is 1: with a dynamic
    one, dilated convolutions turn into SPACE_TO_BATCH_ND and float ops.

    Args:
      model: a functional model of this library.
      shift: (classes,) added to the logits, for a model that ends in a linear dense layer.
    """
    replacements = _plan(model)
    last = model.layers[-1]
    if shift is not None and ends_in_dense(model):
        bias = _bias(last) + shift
        replacements[last.name] = _bind(_DenseAsConvolution, last.name, last.kernel, bias)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name in replacements:
            return replacements[layer.name]()
        return layer.__class__.from_config(layer.get_config())

    inputs = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="features")
    folded = keras.models.clone_model(model, input_tensors=inputs, clone_function=copy)
    for source in model.layers:
        if source.weights and source.name not in replacements:
            folded.get_layer(source.name).set_weights(source.get_weights())
    return folded


def ends_in_dense(model: keras.Model) -> bool:
    """Whether the logits come straight from a linear dense layer, whose bias can shift them."""
    last = model.layers[-1]
    return isinstance(last, keras.layers.Dense) and _is_linear_on_vectors(last)


def _plan(model: keras.Model) -> dict[str, MakeLayer]:
    """Layer names to what makes their replacement."""
    plan: dict[str, MakeLayer] = {}
    for layer in model.layers:
        if isinstance(layer, SubSpectralNorm):
            plan |= _fold_sub_bands(layer)
        elif isinstance(layer, keras.layers.Dense) and _is_linear_on_vectors(layer):
            plan[layer.name] = _bind(_DenseAsConvolution, layer.name, layer.kernel, _bias(layer))
        elif isinstance(layer, keras.layers.AveragePooling2D) and _pools_everything(layer):
            plan[layer.name] = _bind(_RowMean, layer.name, layer.input_shape[1])
    return plan


def _bind(make: type, name: str, *constants: Any) -> MakeLayer:
    arrays = [np.asarray(constant, np.float32) for constant in constants]
    return lambda: make(*arrays, name=name)


def _fold_sub_bands(norm: SubSpectralNorm) -> dict[str, MakeLayer]:
    """The norm as scale and offset, and the convolution before it with its share of both.

    With a factor a and a bias b for each channel in the convolution, what is left for row f is

        y = r[f] * (a * conv(x) + b) + (offset[f] - r[f] * b),    r = scale / a.

    TFLite quantizes r with one step for all rows and channels. Raw scales differ between channels
    by orders of magnitude; with a the largest of a channel's, r is within [-1, 1], and with b the
    least-squares fit of the offsets to r, what is left to add is small.
    """
    scale, offset = (t.numpy() for t in norm.scale_and_offset())
    before = _only_source(norm)
    plan: dict[str, MakeLayer] = {}
    if before is not None:
        factor = np.abs(scale).max(axis=0)
        factor = np.where(factor > 0, factor, 1.0)
        scale = scale / factor
        squares = np.square(scale).sum(axis=0)
        bias = (scale * offset).sum(axis=0) / np.where(squares > 0, squares, 1.0)
        offset = offset - scale * bias
        kernel = before.depthwise_kernel.numpy() * factor[:, np.newaxis]
        plan[before.name] = lambda: _DepthwiseWithBias(kernel, bias, before, name=before.name)
    plan[norm.name] = _bind(_BandAffine, norm.name, scale, offset)
    return plan


def _only_source(norm: SubSpectralNorm) -> keras.layers.DepthwiseConv2D | None:
    """The bias-free depthwise convolution whose output goes to this norm and nowhere else."""
    source = norm.inbound_nodes[0].inbound_layers
    if not isinstance(source, keras.layers.DepthwiseConv2D):
        return None
    alone = len(source.outbound_nodes) == 1 and len(source.inbound_nodes) == 1
    linear = source.activation is keras.activations.linear
    return source if alone and linear and not source.use_bias else None


def _is_linear_on_vectors(layer: keras.layers.Dense) -> bool:
    linear = layer.activation is keras.activations.linear
    return linear and len(layer.input_shape) == 2


def _bias(layer: keras.layers.Dense) -> np.ndarray:
    return layer.bias.numpy() if layer.use_bias else np.zeros(layer.units, np.float32)


def _pools_everything(layer: keras.layers.AveragePooling2D) -> bool:
    """Over all rows of a frame, one frame at a time."""
    return layer.pool_size == (layer.input_shape[1], 1) and layer.padding == "valid"


class _Folded(keras.layers.Layer):
    """A layer of constants; it lives from folding to conversion."""

    def get_config(self) -> dict[str, Any]:
        raise TypeError("a folded model is for conversion, it is not saved")


class _BandAffine(_Folded):
    """y[:, f, :, c] = x * scale[s, c] + offset[s, c], f in sub-band s: the norm at inference.

    The rows of a sub-band are taken for one long row, so that the file has a constant a sub-band
    and not one a row; in memory nothing moves.
    """

    def __init__(self, scale: np.ndarray, offset: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._scale = scale[np.newaxis, :, np.newaxis, :]
        self._offset = offset[np.newaxis, :, np.newaxis, :]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        bands, channels = self._scale.shape[1], self._scale.shape[3]
        joined = tf.reshape(inputs, [1, bands, -1, channels])
        outputs = joined * tf.constant(self._scale) + tf.constant(self._offset)
        return tf.reshape(outputs, inputs.shape)


class _RowMean(_Folded):
    """The mean over all frequency rows as a depthwise convolution.

    AVERAGE_POOL_2D must give its output the step of its input, and a mean is several times smaller
    than what goes into it; a convolution has an output step of its own, and equal weights are
    exact in int8.
    """

    def __init__(self, rows: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rows = int(rows)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = np.full((self._rows, 1, inputs.shape[-1], 1), 1.0 / self._rows, np.float32)
        return tf.nn.depthwise_conv2d(inputs, tf.constant(kernel), [1, 1, 1, 1], "VALID")


class _DepthwiseWithBias(_Folded):
    """A depthwise convolution with other weights and a bias."""

    def __init__(
        self,
        kernel: np.ndarray,
        bias: np.ndarray,
        like: keras.layers.DepthwiseConv2D,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._kernel, self._bias = kernel.astype(np.float32), bias.astype(np.float32)
        self._strides = [1, *like.strides, 1]
        self._dilations = list(like.dilation_rate)
        self._padding = like.padding.upper()

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = tf.nn.depthwise_conv2d(
            inputs,
            tf.constant(self._kernel),
            self._strides,
            self._padding,
            dilations=self._dilations,
        )
        return outputs + tf.constant(self._bias)


class _DenseAsConvolution(_Folded):
    """A dense layer as a 1x1 convolution of one pixel, which BC-ResNet's classifier is anyway.

    LiteRT's reference FULLY_CONNECTED rounds an accumulator once, TFLite Micro's twice, so about
    one output in 400 differs by one step (LiteRT 2.3.0); in CONV_2D both round alike.
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kernel = kernel[np.newaxis, np.newaxis]
        self._bias = bias

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        pixel = tf.reshape(inputs, [1, 1, 1, self._kernel.shape[2]])
        outputs = tf.nn.conv2d(pixel, tf.constant(self._kernel), strides=1, padding="VALID")
        return tf.reshape(outputs + tf.constant(self._bias), [1, self._bias.shape[0]])
