"""Dataset: labels, and for each split the clips with their labels. Nothing is decoded here."""

import dataclasses
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from edge_tf.errors import UserError

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)
SILENCE = "_silence_"
UNKNOWN = "_unknown_"
NOISE_FOLDER = "_background_noise_"
# Control characters, line and paragraph separators, and bytes that are not UTF-8.
_NOT_IN_A_LINE = ("Cc", "Zl", "Zp", "Cs")


@dataclasses.dataclass(frozen=True)
class Clip:
    """One clip, FrontendConfig.clip_samples long.

    Attributes:
      label: index into Dataset.labels.
      path: WAV file below Dataset.root, or "" for digital silence.
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
      splits: "training", "validation", "testing" to their clips; no speaker (words), source or
        location (scenes) is in two of them.
      noise: background recordings.
      description: origin of the split, for the record.
    """

    root: Path
    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[Clip, ...]]
    noise: tuple[str, ...]
    description: str

    def counts(self, split: Split) -> dict[str, int]:
        """Number of clips per label in a split."""
        result = dict.fromkeys(self.labels, 0)
        for clip in self.splits[split]:
            result[self.labels[clip.label]] += 1
        return result

    def devices(self, split: Split) -> tuple[str, ...]:
        """The recording devices of a split, sorted; empty if unknown."""
        return tuple(sorted({clip.device for clip in self.splits[split]} - {""}))


def check_labels(labels: Iterable[str], source: Path) -> None:
    """Raises UserError for a label that cannot be a line of labels.txt in UTF-8."""
    for label in labels:
        if not label.strip() or any(unicodedata.category(c) in _NOT_IN_A_LINE for c in label):
            raise UserError(
                f"{source}: {label!r:.60} cannot be a label",
                "give it a name in UTF-8 without control characters",
            )
