"""The inference graph of a model: norms become what they are once statistics stand still."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.sub_spectral_norm import SubSpectralNorm


class _RowAffine(keras.layers.Layer):
    """y[:, f, :, c] = x * scale[f, c] + offset[f, c]: a sub-band norm at inference."""

    def __init__(self, scale: np.ndarray, offset: np.ndarray, **kwargs) -> None:
        super().__init__(**kwargs)
        self._scale = scale[np.newaxis, :, np.newaxis, :]
        self._offset = offset[np.newaxis, :, np.newaxis, :]

    def call(self, inputs):
        return inputs * tf.constant(self._scale) + tf.constant(self._offset)

    def get_config(self):
        raise TypeError("a folded model is for conversion, it is not saved")


def inference_model(model: keras.Model) -> keras.Model:
    """A copy for conversion, with the same outputs in inference mode.

    Sub-band norms become one multiplication and addition with constants for each (row, channel);
    batch norms stay, since the TFLite converter folds them into the convolution before them, and
    so do dropouts, which it drops. The batch is 1: with a dynamic one, dilated convolutions turn
    into SPACE_TO_BATCH_ND and float ops.

    Args:
      model: a functional model of this library.
    """
    folded = keras.models.clone_model(
        model,
        input_tensors=keras.Input(batch_shape=(1, *model.input_shape[1:]), name="features"),
        clone_function=_fold_layer,
    )
    for source in model.layers:
        if source.weights and not isinstance(source, SubSpectralNorm):
            folded.get_layer(source.name).set_weights(source.get_weights())
    return folded


def _fold_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    if not isinstance(layer, SubSpectralNorm):
        return layer.__class__.from_config(layer.get_config())
    scale, offset = (t.numpy() for t in layer.scale_and_offset())
    rows = layer.input_shape[1] // layer.sub_bands
    return _RowAffine(
        np.repeat(scale, rows, axis=0), np.repeat(offset, rows, axis=0), name=layer.name
    )
