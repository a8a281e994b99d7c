"""The logits of a network for streams on sound of any length, computed a piece at a time."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from edge_tf import progress
from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig

if TYPE_CHECKING:
    import tf_keras as keras

_PIECE_S = 20


class WholeSound:
    """Runs a network on all windows of a sound; before the sound there is digital silence.

    Args:
      model: (batch, bands, frames, 1) to logits (batch, windows, classes): `build_windows`.
      frontend: of the network.
      window: frames of a window.
      every: frames from one window to the next.
      unsettled: frames before a window that its logits depend on.
    """

    def __init__(
        self,
        model: "keras.Model",
        frontend: FrontendConfig,
        window: int,
        every: int,
        unsettled: int,
    ) -> None:
        length = _PIECE_S * frontend.sample_rate
        config = dataclasses.replace(frontend, clip_samples=length)
        self._run = tf.function(
            lambda x: model(log_mel(x, config), training=False)[0],
            input_signature=[tf.TensorSpec([1, length], tf.float32)],
            autograph=False,
        )
        # The first windows of a piece have not heard enough: they are the last of the one before.
        self._unheard = -(-unsettled // every)
        windows = 1 + (config.num_frames - window) // every
        self._lead = self._unheard * every * frontend.hop
        self._step = (windows - self._unheard) * every * frontend.hop
        self._length = length

    def __call__(self, sound: np.ndarray, what: str) -> np.ndarray:
        """(windows, classes) float32: the windows that begin at frames 0, every, 2 * every...

        The last ones go beyond the sound, into silence.

        Args:
          sound: (n,) int16.
          what: names it in the progress bar.
        """
        padded = np.concatenate([np.zeros(self._lead, np.int16), sound])
        pieces = []
        starts = range(0, max(1, len(sound)), self._step)
        for at in progress.bar(starts, desc=f"listening to {what}", unit="piece"):
            piece = padded[at : at + self._length] / np.float32(32768.0)
            piece = np.pad(piece, (0, self._length - len(piece)))
            pieces.append(self._run(tf.constant(piece[np.newaxis]))[self._unheard :].numpy())
        return np.concatenate(pieces)
