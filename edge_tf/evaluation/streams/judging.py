"""What a detector heard in sound of known content: hits, false accepts, misses, latency."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_tf.evaluation.streams.stream_scene import Event

# A word counts as detected up to this time after its end: as long as it is in a window of 1 s.
LATENESS_S = 1.0
# Up to this time after its end, another detection of it is called a second one: window, smoothing,
# and a pause that began with an early detection.
SECOND_S = 2.5


@dataclasses.dataclass(frozen=True)
class Listening:
    """How logits were made, the same for all parts.

    Attributes:
      labels: in the order of the logits.
      logit_scale: their step.
      frame_period: samples from one frame to the next.
      sample_rate: Hz.
      skipped: frames at the beginning of a part that do not reach the detector, because no whole
        window has passed.
    """

    labels: Sequence[str]
    logit_scale: float
    frame_period: int
    sample_rate: int
    skipped: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class HeardPart:
    """A piece of sound that was listened to from its beginning, and what is in it.

    Attributes:
      kind: of sound, such as "music", for the table of false accepts.
      hours: its length.
      logits: int8 (frames, classes).
      events: the keywords in it, in order; none in other sound.
    """

    kind: str
    hours: float
    logits: np.ndarray
    events: Sequence[Event] = ()


class Judged(NamedTuple):
    """What the detections of a part are.

    Attributes:
      delays: per event, samples from the end of the word to its detection, negative before it;
        None if it was missed.
      false_accepts: detections that are no hit, second ones among them.
      seconds: second and later detections of a word that was detected.
    """

    delays: list[int | None]
    false_accepts: int
    seconds: int


def judge(
    found: Sequence[tuple[int, int]], events: Sequence[Event], frame_period: int, sample_rate: int
) -> Judged:
    """Compares detections with the words in a part.

    A detection belongs to the first word of its class that has begun, ended less than LATENESS_S
    ago and was not detected yet. All others are false accepts.

    Args:
      found: frames and classes, in order.
      events: in order.
      frame_period: samples from one frame to the next.
      sample_rate: Hz.
    """
    late, second = LATENESS_S * sample_rate, SECOND_S * sample_rate
    starts = np.array([event.start for event in events])
    delays: list[int | None] = [None] * len(events)
    false_accepts = seconds = 0
    oldest = 0  # events before it have ended too long ago
    for frame, label in found:
        sample = frame * frame_period
        while oldest < len(events) and sample > events[oldest].end + second:
            oldest += 1
        begun = range(oldest, int(np.searchsorted(starts, sample, side="right")))
        mine = [at for at in begun if events[at].label == label]
        due = [at for at in mine if delays[at] is None and sample <= events[at].end + late]
        if due:
            delays[due[0]] = sample - events[due[0]].end
            continue
        false_accepts += 1
        seconds += any(delays[at] is not None for at in mine)
    return Judged(delays, false_accepts, seconds)
