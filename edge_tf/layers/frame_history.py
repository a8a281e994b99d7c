"""What a network remembers between blocks of frames, so that it can run while sound comes in."""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class _Remembering(keras.layers.Layer):
    """Keeps the last `frames` frames of its input from one call to the next; zeros at first.

    Raises:
      ValueError: frames is no positive number, or another axis than time has no static size.
    """

    def __init__(self, frames: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if frames < 1:
            raise ValueError(f"frames={frames} must be at least 1")
        self.frames = frames
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        batch, rows, _, channels = input_shape
        if batch is None or rows is None or channels is None:
            raise ValueError("batch, frequency and channel axes must have a static size")
        shape = (batch, rows, self.frames, channels)
        self.past = self.add_weight("past", shape, initializer="zeros", trainable=False)
        super().build(input_shape)

    def reset(self) -> None:
        """Forgets: zeros stand before the next frame, as before the first."""
        self.past.assign(tf.zeros_like(self.past))

    def with_past(self, inputs: tf.Tensor) -> tf.Tensor:
        """The last frames and these, (batch, F, frames + T, C); remembers the end of it."""
        together = tf.concat([self.past, inputs], axis=2)
        self.past.assign(together[:, :, -self.frames :])
        return together

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable("edge_tf")
class FrameHistory(_Remembering):
    """The last frames before the new ones: zero padding on the left, of a stream.

    On whole windows the same network has ZeroPadding2D here. Padding on the right of r frames is a
    history that is r frames longer: the output comes r frames late.

    Args:
      frames: L, how many past frames stand before the new ones.

    Input shape: (batch, F, T, C), any T of at least 1; batch, F and C static.
    Output shape: (batch, F, L + T, C).
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.with_past(inputs)


@keras.saving.register_keras_serializable("edge_tf")
class Delay(_Remembering):
    """The same frames, later: for a path beside one that waits for frames to come.

    Args:
      frames: how many frames later.

    Input and output shape: (batch, F, T, C); batch, F and C static.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.with_past(inputs)[:, :, : -self.frames]


@keras.saving.register_keras_serializable("edge_tf")
class SlidingMean(_Remembering):
    """The mean over all rows of the last W frames, at each frame: global pooling of a stream.

    Zeros stand for frames before the first, so the W-th output is the first that is the mean of a
    whole window.

    Args:
      frames: W - 1, the past frames of a window.

    Input shape: (batch, F, T, C); batch, F and C static.
    Output shape: (batch, T, C).
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        lines = tf.reduce_mean(self.with_past(inputs), axis=1, keepdims=True)
        window = [1, 1, self.frames + 1, 1]
        return tf.nn.avg_pool2d(lines, window, 1, "VALID")[:, 0]
