"""Dataset: labels, and for each split the clips with their labels. Nothing is decoded here."""

import dataclasses
from pathlib import Path

SPLITS = ("training", "validation", "testing")
SILENCE = "_silence_"
UNKNOWN = "_unknown_"
NOISE_FOLDER = "_background_noise_"


@dataclasses.dataclass(frozen=True)
class Clip:
    """One clip of one second (FrontendConfig.clip_samples).

    Attributes:
      label: index into Dataset.labels.
      path: WAV file below Dataset.root, or "" for digital silence.
      start: None for a file that is one clip; else the clip begins there, in seconds.
      gain: factor on the samples.
    """

    label: int
    path: str
    start: float | None = None
    gain: float = 1.0


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A classification task over clips.

    Attributes:
      root: folder that clip and noise paths are relative to.
      labels: names in the order of the logits.
      splits: "training", "validation", "testing" to their clips; speakers are disjoint.
      noise: background recordings.
      description: where the split comes from, for the record.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[Clip, ...]]
    noise: tuple[str, ...]
    description: str

    def counts(self, split: str) -> dict[str, int]:
        """Clips of a split for each label."""
        result = dict.fromkeys(self.labels, 0)
        for clip in self.splits[split]:
            result[self.labels[clip.label]] += 1
        return result
