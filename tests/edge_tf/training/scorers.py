"""A network for tests of streams whose answer is known: are there the word's high tones?"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams.targets import Classes, Windows

WINDOWS = Windows(frames=320, window=60, every=4, unsettled=30)
FRONTEND = FrontendConfig()
CLASSES = Classes.of(("_unknown_", "lamp"))
# Tones of wake_folders: words are above, other sound is below this mel band.
_FIRST_HIGH = 24
_LOUD = 0.0  # of log-mel


class Scorer:
    """Certain that a window holds a word if its high bands are loud for a tenth of a second.

    Args:
      hears: False: certain that none does.
    """

    input_shape = (None, 40, None, 1)

    def __init__(self, hears: bool = True) -> None:
        self._hears = hears
        self._mean = keras.layers.AveragePooling2D((1, WINDOWS.window), (1, WINDOWS.every))

    def __call__(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        high = tf.reduce_max(features[:, _FIRST_HIGH:], axis=1, keepdims=True)
        low = tf.reduce_max(features[:, : _FIRST_HIGH - 4], axis=1, keepdims=True)
        loud = tf.cast(tf.logical_and(high > low, high > _LOUD), tf.float32)
        share = self._mean(loud)[:, 0, :, 0]
        word = 400.0 * (share - 10.0 / WINDOWS.window) if self._hears else 0.0 * share - 200.0
        return tf.stack([tf.zeros_like(word), tf.clip_by_value(word, -200.0, 200.0)], axis=-1)


def features_of(sound: np.ndarray) -> tf.Tensor:
    """(1, 40, frames, 1) of int16 sound."""
    import dataclasses

    from edge_tf.audio.frontend import log_mel

    config = dataclasses.replace(FRONTEND, clip_samples=len(sound))
    return log_mel(tf.constant(sound[np.newaxis] / np.float32(32768)), config)
