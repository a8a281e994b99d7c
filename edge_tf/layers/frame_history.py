"""Layers that keep frames between blocks, so that a network can run on a stream."""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class _PastFrames(keras.layers.Layer):
    """Keeps the last `frames` frames of its input from one call to the next; zeros at first.

    Raises:
      ValueError: frames is not positive, or an axis other than time has no static size.
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
        """Clears the state: zeros precede the next frame, as they do the first."""
        self.past.assign(tf.zeros_like(self.past))

    def with_past(self, inputs: tf.Tensor) -> tf.Tensor:
        """Past frames followed by the inputs, (batch, F, frames + T, C); keeps the last frames."""
        together = tf.concat([self.past, inputs], axis=2)
        self.past.assign(together[:, :, -self.frames :])
        return together

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable("edge_tf")
class FrameHistory(_PastFrames):
    """Prepends past frames to new ones: a stream's equivalent of zero padding on the left.

    On whole windows the same network has ZeroPadding2D here. Padding of r frames on the right
    becomes a history that is r frames longer: the output is r frames late.

    Args:
      frames: L, number of past frames before the new ones.

    Input shape: (batch, F, T, C), any T of at least 1; batch, F and C static.
    Output shape: (batch, F, L + T, C).
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.with_past(inputs)


@keras.saving.register_keras_serializable("edge_tf")
class Delay(_PastFrames):
    """The same frames, delayed: for a path parallel to one that waits for future frames.

    Args:
      frames: the delay.

    Input and output shape: (batch, F, T, C); batch, F and C static.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.with_past(inputs)[:, :, : -self.frames]


@keras.saving.register_keras_serializable("edge_tf")
class SlidingMean(_PastFrames):
    """The mean over all rows of the last W frames, at each frame: global pooling of a stream.

    Frames before the first count as zeros, so the W-th output is the first mean of a whole window.

    Args:
      frames: W - 1, the past frames of a window.

    Input shape: (batch, F, T, C); batch, F and C static.
    Output shape: (batch, T, C).
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        row_means = tf.reduce_mean(self.with_past(inputs), axis=1, keepdims=True)
        window = [1, 1, self.frames + 1, 1]
        return tf.nn.avg_pool2d(row_means, window, 1, "VALID")[:, 0]
