"""What the C detector finds in the logits of a whole stream, for all frames at once."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from firmware_export.runtime import detector as c_detector
from firmware_export.runtime.detector import DetectorConfig

_BLOCK = 4_096


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Smoothed scores, 0 to detector.ONE.

    Attributes:
      scores: int64 (frames, classes).
      best: (frames,) the class with the highest score, the first of equals.
      top: (frames,) its score.
    """

    scores: np.ndarray
    best: np.ndarray
    top: np.ndarray


class Answer(NamedTuple):
    """What a second stage says of a hit.

    Attributes:
      is_yes: whether the hit is told; without an answer before the end of the sound it is not.
      frame: of the answer.
    """

    is_yes: bool
    frame: int


# Maps the frame and the class of a hit to the answer.
Ask = Callable[[int, int], Answer]


def detections(
    logits: np.ndarray,
    logit_scale: float,
    config: DetectorConfig,
    labels: Sequence[str],
    skipped: int = 0,
) -> list[tuple[int, int]]:
    """Frames and classes that `config` detects, in order.

    Args:
      logits: int8 (frames, classes).
      logit_scale: their step.
      config, labels: as for the C detector, which detects the same.
      skipped: number of frames at the beginning that do not reach the detector.
    """
    found = smoothed(probabilities(logits, logit_scale, skipped), config.smoothing)
    return detected(found, config, labels)


def probabilities(logits: np.ndarray, logit_scale: float, skipped: int = 0) -> np.ndarray:
    """Like detector.probabilities, for all frames at once: int64 (frames, classes).

    Those of skipped frames are 0, as before the first frame.
    """
    table = np.zeros(256, np.int64)
    exponentials = c_detector.exponentials(logit_scale)
    table[: len(exponentials)] = exponentials
    wide = logits.astype(np.int64)
    powers = table[wide.max(axis=1, keepdims=True) - wide]
    total = powers.sum(axis=1, keepdims=True)
    found: np.ndarray = (powers * c_detector.ONE + total // 2) // total
    found[:skipped] = 0
    return found


def smoothed(values: np.ndarray, smoothing: int) -> Scores:
    """Means of the last `smoothing` probabilities, those before the first frame being 0."""
    sums = np.cumsum(values, axis=0)
    sums[smoothing:] -= sums[:-smoothing].copy()
    scores = sums // smoothing
    best = scores.argmax(axis=1)
    return Scores(scores, best, scores[np.arange(len(best)), best])


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
    """Where a word is the best class and above the threshold.

    Attributes:
      found: all scores.
      config: of the detector.
      frames, classes: (n,) of the candidates, in order.
      ends: indices of candidates before which there is one of another class; n at the end.
    """

    found: Scores
    config: DetectorConfig
    frames: np.ndarray
    classes: np.ndarray
    ends: np.ndarray


def candidates(found: Scores, config: DetectorConfig, labels: Sequence[str]) -> Candidates:
    """Candidates of `config`, whose smoothing is that of the scores."""
    background = np.array(config.background_mask(labels))
    frames = np.flatnonzero((found.top >= config.threshold_score) & ~background[found.best])
    classes = found.best[frames]
    ends = np.append(np.flatnonzero(np.diff(classes)) + 1, len(frames))
    return Candidates(found, config, frames, classes, ends)


def detected(found: Scores, config: DetectorConfig, labels: Sequence[str]) -> list[tuple[int, int]]:
    """Frames and classes that `config` detects, in order; its smoothing is that of the scores."""
    return told(candidates(found, config, labels))


def told(hits: Candidates, ask: Ask | None = None) -> list[tuple[int, int]]:
    """Frames and classes that are detected, in order.

    Args:
      hits: of the detector; the C detector detects the same.
      ask: the second stage; None: each hit is a detection.
    """
    found, config, ends = hits.found, hits.config, hits.ends
    frames, classes = hits.frames, hits.classes
    held: set[int] = set()
    heard: list[tuple[int, int]] = []
    at = listens = 0  # from the frame `listens` on, no refractory period is left
    while at < len(frames):
        frame, label = int(frames[at]), int(classes[at])
        if label in held:
            free = _first_below(found.scores[:, label], listens, config.rearm_score)
            if free > frame:
                of_another = int(ends[np.searchsorted(ends, at, side="right")])
                at = min(of_another, int(np.searchsorted(frames, free)))
                continue
        held = {
            other
            for other in held
            if _first_below(found.scores[:, other], listens, config.rearm_score, frame) > frame
        }
        held.add(label)
        answer = ask(frame, label) if ask else Answer(True, frame)
        if answer.is_yes:
            heard.append((answer.frame, label))
            listens = frame + config.refractory_hops + 1
        else:
            listens = answer.frame + 1
        at = int(np.searchsorted(frames, listens))
    return heard


def _first_below(scores: np.ndarray, begin: int, limit: int, last: int | None = None) -> int:
    """The first index from `begin` to `last` with a score below `limit`; else the one after."""
    end = len(scores) if last is None else last + 1
    for at in range(begin, end, _BLOCK):
        below = scores[at : min(at + _BLOCK, end)] < limit
        if below.any():
            return at + int(below.argmax())
    return end
