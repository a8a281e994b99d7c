"""One definition of a network for whole windows and for streams: what looks across time.

A model's build function asks a TimeAxis for everything that reads more than one frame. On whole
windows it gives padding with zeros and global pooling; on streams the frames of before, paths that
wait for others, and a sliding mean.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.frame_history import Delay, FrameHistory, SlidingMean

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class TimeAxis:
    """How the network that is being built sees time.

    Attributes:
      lookaheads: by part of the network, the frames to come that it reads; empty: all parts are
        centred, as published.
      window: frames of a whole window.
      streams: frames come in blocks, not as whole windows.
    """

    lookaheads: Mapping[str, int]
    window: int
    streams: bool = False

    def inputs(self, shape: tuple[int, int | None, int]) -> tf.Tensor:
        """The network's input; a stream has one batch."""
        return keras.Input(shape, 1 if self.streams else None, name="features")

    @property
    def centred(self) -> bool:
        return not self.lookaheads

    def ahead(self, part: str, centred: int) -> int:
        """The frames to come that a part reads; `centred` where all are centred."""
        return self.lookaheads.get(part, centred)

    def context(self, x: tf.Tensor, before: int, after: int, name: str, rows: int = 0) -> tf.Tensor:
        """x with frames before and after it, and rows of zeros above and below.

        In a stream the frames after are those that come: what reads this is `after` frames late.
        """
        if not self.streams:
            return layers.ZeroPadding2D((rows, (before, after)), name=name)(x)
        x = FrameHistory(before + after, name=name)(x)
        return layers.ZeroPadding2D((rows, 0), name=f"{name}_rows")(x) if rows else x

    def late(self, x: tf.Tensor, frames: int, name: str) -> tf.Tensor:
        """x as late as a path beside it that has waited for so many frames."""
        return Delay(frames, name=name)(x) if self.streams and frames else x

    def mean(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """The mean over a window and all rows: (batch, channels), of a stream (1, T, channels)."""
        if self.streams:
            return SlidingMean(self.window - 1, name=name)(x)
        return layers.GlobalAveragePooling2D(name=name)(x)


def copy_weights(window: keras.Model, stream: keras.Model) -> None:
    """Gives the form for streams of a network the weights of the one for whole windows."""
    for layer in window.layers:
        if layer.weights:
            stream.get_layer(layer.name).set_weights(layer.get_weights())


def reset(stream: keras.Model) -> None:
    """Lets a network for streams begin anew: no frame has been before."""
    for layer in stream.layers:
        if isinstance(layer, FrameHistory | Delay | SlidingMean):
            layer.reset()
