"""What a folder needs to detect words in sound."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_export.frontend.config import LogMel
from firmware_export.runtime.detector import DetectorConfig, frames_between
from firmware_export.runtime.second_stage import Second


@dataclasses.dataclass(frozen=True)
class Sound:
    """A few clips as sound, with the features that the integer front-end computes from them.

    Attributes:
      wav: int16 [n, samples].
      features: int8 [n, ...shape of the model's input without its batch].
    """

    wav: np.ndarray
    features: np.ndarray


@dataclasses.dataclass(frozen=True)
class Spotting:
    """What a folder needs to detect words in sound.

    Attributes:
      labels: in the order of the logits.
      frontend: fields of the front-end, the "frontend" part of a run's frontend.json.
      detector: when a class is detected.
      sound: clips for the self-test of the front-end.
      frames_per_decision: frames from one call of the detector to the next; None: each frame of a
        stream, or ten windows per second.
      caveat: what the detector lacks of what was asked for, for the reader; "" for nothing.
      second: a larger network that is asked about each hit of the detector; None: there is none.
    """

    labels: Sequence[str]
    frontend: dict[str, Any]
    detector: DetectorConfig = dataclasses.field(default_factory=DetectorConfig)
    sound: Sound | None = None
    frames_per_decision: int | None = None
    caveat: str = ""
    second: Second | None = None

    def frames_between(self, streaming: bool) -> int:
        """`frames_per_decision`, or its default."""
        if self.frames_per_decision is not None:
            return self.frames_per_decision
        config = LogMel.from_dict(self.frontend)
        return 1 if streaming else frames_between(config.sample_rate, config.hop)
