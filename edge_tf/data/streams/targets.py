"""What the network should say at each window of a stream: a word, other sound, or nothing said.

A window counts as the word's if it ends shortly after the word: then the whole word has been heard,
and a detection comes in time. Around that, while the word is partly heard or on its way out, the
word and no word are equally right; only another word is wrong.
"""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from edge_tf.data.dataset import SILENCE, UNKNOWN
from edge_tf.data.streams.mixing import Spoken

RIGHT, ALLOWED = 1.0, 0.5
"""In targets: what a window is, and what a detector would not tell from it."""


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of a network, as streams know them.

    Attributes:
      count: of all.
      words: class of word 1, 2, ... of a stream.
      other: class of windows with other sound.
      quiet: class of windows in which nothing is said; it may be the same.
    """

    count: int
    words: tuple[int, ...]
    other: int
    quiet: int

    @classmethod
    def of(cls, labels: Sequence[str], background: Collection[str] = ()) -> "Classes":
        """Of a network's labels.

        Args:
          labels: in the order of the logits.
          background: further labels that detectors do not report.

        Raises:
          ValueError: not exactly one background class besides _silence_, or no word.
        """
        never = (SILENCE, UNKNOWN, *background)
        other = [label for label in labels if label in never and label != SILENCE]
        words = tuple(at for at, label in enumerate(labels) if label not in never)
        if len(other) != 1 or not words:
            raise ValueError(f"{len(words)} words, and {len(other)} classes of other sound")
        quiet = SILENCE if SILENCE in labels else other[0]
        return cls(len(labels), words, labels.index(other[0]), labels.index(quiet))

    @property
    def background(self) -> tuple[int, ...]:
        """Classes that are no word."""
        return tuple(sorted({self.other, self.quiet}))


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
      undecided_s: the word and no word are equally right for windows that end so long before the
        word's end or less, or so long after it and a window's length or less: all of these still
        hold its end.
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

    def targets(
        self, words: Sequence[Spoken], classes: Classes, others: Sequence[Spoken] = ()
    ) -> np.ndarray:
        """(windows, classes) float32: RIGHT, ALLOWED or 0; only zeros where nothing is asked.

        Args:
          words: of the stream.
          classes: of the network.
          others: where other sound is.
        """
        seconds = self.ends * self.hop / self.rate
        window_s = self.window * self.hop / self.rate
        found = np.zeros((len(seconds), classes.count), np.float32)
        found[:, classes.background] = ALLOWED
        right = np.full(len(seconds), classes.quiet)
        for sound in others:
            first, last = sound.start / self.rate, sound.end / self.rate
            right[(seconds > first) & (seconds - window_s < last)] = classes.other
        found[np.arange(len(seconds)), right] = RIGHT
        for word in words:
            end = word.end / self.rate
            before, after = self.undecided_s
            around = (seconds >= end - before) & (seconds < end + window_s + after)
            # Its class and all that are no word; another word around here adds its own.
            for label in (*classes.background, classes.words[word.label - 1]):
                found[around, label] = RIGHT
        for word in words:
            end = word.end / self.rate
            first, last = self.word_s
            is_word = (seconds >= end + first) & (seconds <= end + last)
            found[is_word] = 0.0
            found[is_word, classes.words[word.label - 1]] = RIGHT
        found[(found == RIGHT).all(axis=1)] = 0.0  # any answer is right
        found[self.ends - self.window + 1 < self.unsettled] = 0.0
        return found
