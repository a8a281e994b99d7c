"""Takes of a word: where in the sound it was said, and whether it can be learnt from.

All in integers, as enroller.c computes it. A level is the mean of a frame's features, 0 to 255: it
is proportional to the logarithm of the sound's energy. The place of the word is the window whose
levels, weighted by a triangle, are the highest: the word is then in its middle.
"""

import dataclasses
import enum
import math

import numpy as np

from firmware_export.frontend.config import LogMel

_CONTRAST_DB, _FALL_DB = 10.0, 20.0
_LOUD_S = 0.1
_EDGE_S = 0.03
_CLIPPED_S = 0.001
_LOUDEST = 255
FULL_SCALE = 32_700
"""The magnitude from which a sample counts as clipped."""


class Verdict(enum.IntEnum):
    """What becomes of a take; the codes are those of enroller.h."""

    TAKEN = 0
    SHORT = 1
    """Less sound than a window."""
    SILENT = 2
    """Nothing stands out of the background."""
    CLIPPED = 3
    CUT_OFF = 4
    """The word touches the beginning or end of the window."""
    UNLIKE = 5
    """The takes before it sound otherwise."""
    FULL = 6
    """There are as many takes as a word may have."""


@dataclasses.dataclass(frozen=True)
class TakeLimits:
    """From when on a take is refused.

    Attributes:
      frames: of a window.
      loud: frames that a word lasts at least: the peak of a window is the level that so many reach,
        its floor the one that so many do not exceed, or the mean of the quietest half window of the
        take, if that is lower.
      contrast: from floor to peak, in steps of a level; what has less is silent.
      fall: steps below the peak down to which levels are the word's, if half the contrast is not
        less.
      edge: frames at both ends of a window in which there must be no such levels.
      clipped: samples at full scale from which a take is clipped.
    """

    frames: int
    loud: int
    contrast: int
    fall: int
    edge: int
    clipped: int

    @classmethod
    def of(cls, frontend: LogMel, scale: float) -> "TakeLimits":
        """Those of a front-end.

        Args:
          frontend: without normalization.
          scale: of the model's input: its features are natural logarithms of energies.
        """
        per_second = frontend.sample_rate / frontend.hop
        step = math.log(10.0) / 10.0 / scale  # of a dB
        most = max(1, frontend.frames // 3)
        return cls(
            frames=frontend.frames,
            loud=min(most, max(1, round(_LOUD_S * per_second))),
            contrast=max(1, round(_CONTRAST_DB * step)),
            fall=max(1, round(_FALL_DB * step)),
            edge=min(most, max(1, round(_EDGE_S * per_second))),
            clipped=max(1, round(_CLIPPED_S * frontend.sample_rate)),
        )

    @property
    def half(self) -> int:
        """Frames of half a triangle."""
        return (self.frames + 1) // 2


class Take:
    """The sound of one take, frame by frame; it keeps the embedding at the place of the word."""

    def __init__(self, limits: TakeLimits) -> None:
        self._limits = limits
        self._clipped = self._heard = 0
        self._ring = [0] * (2 * limits.half)
        self._newer = self._older = self._weighted = 0
        self._best: int | None = None
        self._quietest = _LOUDEST * limits.half
        self._levels: list[int] = []
        self._embedding: np.ndarray | None = None

    def hear(self, pcm: np.ndarray) -> None:
        """Counts the samples at full scale of (n,) int16."""
        self._clipped += int(np.count_nonzero(np.abs(pcm.astype(np.int32)) >= FULL_SCALE))

    def push(self, frame: np.ndarray, embedding: np.ndarray | None) -> None:
        """Takes the next frame.

        Args:
          frame: (bands,) int8 features.
          embedding: (size,) int8, of the window that ends with it; None: it was not computed.
        """
        half, level = self._limits.half, level_of(frame)
        middle = self._ring[half]
        self._newer += level - middle
        self._older += middle - self._ring[0]
        self._weighted += self._newer - self._older
        self._ring = [*self._ring[1:], level]
        self._heard += 1
        if self._heard >= half:
            self._quietest = min(self._quietest, self._newer)
        if embedding is None or self._heard < self._limits.frames:
            return
        if self._best is None or self._weighted > self._best:
            self._best = self._weighted
            self._levels = self._ring[-self._limits.frames :]
            self._embedding = embedding.copy()

    def judge(self) -> tuple[Verdict, np.ndarray | None]:
        """Whether a word can be learnt from it, and the embedding, None without a whole window."""
        limits, levels = self._limits, self._levels
        if self._best is None:
            return Verdict.SHORT, None
        ordered = sorted(levels)
        peak = ordered[-limits.loud]
        floor = min(ordered[limits.loud - 1], self._quietest // limits.half)
        ends = [*levels[: limits.edge], *levels[-limits.edge :]]
        if self._clipped >= limits.clipped:
            verdict = Verdict.CLIPPED
        elif peak - floor < limits.contrast:
            verdict = Verdict.SILENT
        elif max(ends) > peak - min((peak - floor) // 2, limits.fall):
            verdict = Verdict.CUT_OFF
        else:
            verdict = Verdict.TAKEN
        return verdict, self._embedding


def level_of(frame: np.ndarray) -> int:
    """The level of a frame of int8 features, 0 to 255."""
    return int((frame.astype(np.int32) + 128).sum()) // len(frame)
