"""The time axis of a network: one definition serves both whole windows and streams.

A model's build function asks a TimeAxis for everything that reads more than one frame. On whole
windows that is zero padding and global pooling; on streams it is past frames, delayed paths and a
sliding mean.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.frame_history import Delay, FrameHistory, SlidingMean

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class TimeAxis:
    """How the network being built handles time.

    Attributes:
      lookaheads: future frames that each part of the network reads; empty: all parts are centred,
        as published.
      window: frames of a whole window.
      streams: frames arrive in blocks, not as whole windows.
      every: 0: one output, for a whole window. A number: a recording of any length, and an output
        for each window in it that begins a multiple of so many frames after the first.
    """

    lookaheads: Mapping[str, int]
    window: int
    streams: bool = False
    every: int = 0

    def inputs(self, shape: tuple[int, int | None, int]) -> tf.Tensor:
        """The network's input; a stream has batch size 1."""
        return keras.Input(shape, 1 if self.streams else None, name="features")

    @property
    def centred(self) -> bool:
        return not self.lookaheads

    def ahead(self, part: str, centred: int) -> int:
        """Future frames that a part reads; `centred` if all parts are centred."""
        return self.lookaheads.get(part, centred)

    def context(self, x: tf.Tensor, before: int, after: int, name: str, rows: int = 0) -> tf.Tensor:
        """x with frames before and after it, and rows of zeros above and below.

        In a stream the frames after are future ones, so what reads this is `after` frames late.
        """
        if not self.streams:
            return layers.ZeroPadding2D((rows, (before, after)), name=name)(x)
        x = FrameHistory(before + after, name=name)(x)
        return layers.ZeroPadding2D((rows, 0), name=f"{name}_rows")(x) if rows else x

    def late(self, x: tf.Tensor, frames: int, name: str) -> tf.Tensor:
        """x, delayed to match a parallel path that waited for this many frames."""
        return Delay(frames, name=name)(x) if self.streams and frames else x

    def mean(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """The mean over a window and all rows: (batch, channels); (batch, T, channels) of many."""
        if self.streams:
            return SlidingMean(self.window - 1, name=name)(x)
        if self.every:
            x = layers.AveragePooling2D((x.shape[1], self.window), (1, self.every), name=name)(x)
            return layers.Reshape((-1, x.shape[-1]), name=f"{name}_windows")(x)
        return layers.GlobalAveragePooling2D(name=name)(x)


def copy_weights(window: keras.Model, stream: keras.Model) -> None:
    """Copies the weights of a network for whole windows to its streaming form."""
    for layer in window.layers:
        if layer.weights:
            stream.get_layer(layer.name).set_weights(layer.get_weights())


def reset(stream: keras.Model) -> None:
    """Resets a streaming network to its state before the first frame."""
    for layer in stream.layers:
        if isinstance(layer, FrameHistory | Delay | SlidingMean):
            layer.reset()
