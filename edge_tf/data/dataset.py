"""Dataset: labels, and for each split the clips with their labels. Nothing is decoded here."""

import dataclasses
import functools
import logging
import unicodedata
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from edge_tf.errors import UserError

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)
SILENCE = "_silence_"
UNKNOWN = "_unknown_"
NOISE_FOLDER = "_background_noise_"
# Classes that sets of other tools have, and that a detector should not report.
_LIKE_BACKGROUND = ("noise", "background", "silence", "unknown", "other", "others", "garbage")
_log = logging.getLogger(__name__)

# Control characters, line and paragraph separators, and bytes that are not UTF-8.
_NOT_IN_A_LINE = ("Cc", "Zl", "Zp", "Cs")


@dataclasses.dataclass(frozen=True)
class Clip:
    """One clip, FrontendConfig.clip_samples long.

    Attributes:
      label: index into Dataset.labels.
      path: sound file below Dataset.root, or absolute, or "" for digital silence.
      start: None if the file is one clip; else the start of the clip in seconds.
      gain: factor on the samples.
      device: recording device, such as "a" or "s1"; "" if unknown.
      simulated: 0 as recorded; n >= 1 filtered by simulated device n of edge_tf.audio.devices.
    """

    label: int
    path: str
    start: float | None = None
    gain: float = 1.0
    device: str = ""
    simulated: int = 0


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A classification task over clips.

    Attributes:
      root: folder that clip and noise paths are relative to.
      labels: names in the order of the logits.
      splits: "training", "validation", "testing" to their clips; no source or location
        (scenes) is in two of them, and no speaker (words) if speakers are known.
      noise: background recordings; a path may be absolute.
      description: origin of the split, for the record.
      notes: what is left out, made or unknown, one line each, for log and record.
    """

    root: Path
    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[Clip, ...]]
    noise: tuple[str, ...]
    description: str
    notes: tuple[str, ...] = ()

    def counts(self, split: Split) -> dict[str, int]:
        """Number of clips per label in a split."""
        result = dict.fromkeys(self.labels, 0)
        for clip in self.splits[split]:
            result[self.labels[clip.label]] += 1
        return result

    def devices(self, split: Split) -> tuple[str, ...]:
        """The recording devices of a split, sorted; empty if unknown."""
        return tuple(sorted({clip.device for clip in self.splits[split]} - {""}))


def like_background(labels: Iterable[str], background: Container[str]) -> list[str]:
    """Labels that are probably no words but are not among those that detectors never report."""
    return [
        label
        for label in labels
        if label.casefold() in _LIKE_BACKGROUND and label not in background
    ]


def check_labels(labels: Iterable[str], source: Path) -> None:
    """Raises UserError for a label that cannot be a line of labels.txt in UTF-8."""
    for label in labels:
        if not label.strip() or any(unicodedata.category(c) in _NOT_IN_A_LINE for c in label):
            raise UserError(
                f"{source}: {label!r:.60} cannot be a label",
                "give it a name in UTF-8 without control characters",
            )


def told(dataset: Dataset) -> Dataset:
    """Logs the notes of a dataset, each once per process."""
    for note in dataset.notes:
        _tell(note)
    return dataset


@functools.cache
def _tell(note: str) -> None:
    _log.warning("%s", note)
