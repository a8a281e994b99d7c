"""What the network should say at each window of a stream: a word, other sound, or nothing said.

A window counts as the word's if it ends shortly after the word: then the whole word has been heard,
and a detection comes in time. Around that, while the word is partly heard or on its way out,
nothing is asked of the network.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edge_tf.data.streams.mixing import Spoken


@dataclasses.dataclass(frozen=True)
class Windows:
    """The windows of a stream for which the network is trained.

    Attributes:
      frames: of a stream.
      window: frames of a window.
      every: frames from one window to the next.
      unsettled: windows that begin before this frame are not trained on: the network has not yet
        heard all that it would have in a longer stream.
      hop: samples of a frame.
      word_s: a window is the word's if it ends so long after it, in seconds, from and to.
      undecided_s: nothing is asked of windows that end so long before the word's end or less, or
        so long after it and a window's length or less: all of these still hold its end.
    """

    frames: int
    window: int
    every: int
    unsettled: int
    hop: int = 160
    rate: int = 16_000
    word_s: tuple[float, float] = (0.03, 0.3)
    undecided_s: tuple[float, float] = (0.2, 0.1)

    @property
    def ends(self) -> np.ndarray:
        """The last frame of each window, (windows,)."""
        return np.arange(self.window - 1, self.frames, self.every)

    @property
    def samples(self) -> int:
        """Samples of a stream: those of its frames, the first of which ends at sample 0."""
        return (self.frames - 1) * self.hop

    def targets(self, words: Sequence[Spoken], classes: int) -> np.ndarray:
        """(windows, classes) float32: one-hot, or zeros where nothing is asked; class 0: no word.

        Args:
          words: of the stream.
          classes: number of them, with class 0.
        """
        seconds = self.ends * self.hop / self.rate
        labels = np.zeros(len(seconds), np.int64)
        window_s = self.window * self.hop / self.rate
        for word in words:
            end = word.end / self.rate
            before, after = self.undecided_s
            labels[(seconds >= end - before) & (seconds < end + window_s + after)] = -1
        for word in words:
            end = word.end / self.rate
            first, last = self.word_s
            labels[(seconds >= end + first) & (seconds <= end + last)] = word.label
        labels[self.ends - self.window + 1 < self.unsettled] = -1
        found = np.zeros((len(labels), classes), np.float32)
        found[labels >= 0, labels[labels >= 0]] = 1.0
        return found
