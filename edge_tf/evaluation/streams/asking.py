"""The answers of a second stage to hits, for any settings: its network runs once a hit.

Which hits there are depends on the answers, for the first stage listens again after a no. So hits
that are new are noted and answered with no; `run` then runs the network on all of them at once, and
whoever was answered so asks again.
"""

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from edge_tf.evaluation.streams import stream_detections
from edge_tf.evaluation.streams.stream_detections import Answer, Ask
from firmware_export.runtime import second_stage
from firmware_export.runtime.second_stage import SecondConfig

# Maps int8 features (hits, frames, bands) to int8 logits (hits, frames, classes), each from anew.
Network = Callable[[np.ndarray], np.ndarray]


class Asked:
    """A second stage beside some sound.

    Args:
      features: int8 (frames, bands) of each part of the sound, as the second stage's network takes
        them.
      network: the second stage's.
      logit_scale: of its output.
      window: frames of its window.
      past, patience: of all settings that it will be asked with.

    Attributes:
      count: of questions so far.
      unheard: those of them that were answered with no because the hit was new.
    """

    def __init__(
        self,
        features: Sequence[np.ndarray],
        network: Network,
        logit_scale: float,
        window: int,
        past: int,
        patience: int,
    ) -> None:
        self._features, self._network, self._logit_scale = features, network, logit_scale
        self._window, self._past, self._patience = window, past, patience
        self._heard: dict[tuple[int, int], np.ndarray] = {}  # (frames, classes) by part and frame
        self._new: set[tuple[int, int]] = set()
        self.count = self.unheard = 0
        self._scores = functools.cache(self._of_class)

    def ask(self, part: int, config: SecondConfig) -> Ask:
        """How the detector asks about hits in a part of the sound."""
        assert (config.past, config.patience) == (self._past, self._patience)
        return lambda frame, label: self._answer(part, frame, label, config)

    def run(self) -> None:
        """Hears what is new."""
        new = sorted(self._new, key=lambda hit: (self._frames(*hit).shape, hit))
        self._new.clear()
        for _, hits in itertools.groupby(new, key=lambda hit: self._frames(*hit).shape):
            block = list(hits)
            logits = self._network(np.stack([self._frames(*hit) for hit in block]))
            flat = logits.reshape(-1, logits.shape[-1])
            found = stream_detections.probabilities(flat, self._logit_scale).reshape(logits.shape)
            found[:, : self._window - 1] = 0
            self._heard |= dict(zip(block, found, strict=True))

    def _answer(self, part: int, frame: int, label: int, config: SecondConfig) -> Answer:
        self.count += 1
        if (part, frame) not in self._heard:
            self.unheard += 1
            self._new.add((part, frame))
            return Answer(False, frame + config.longest)
        past = min(self._past, frame + 1)
        scores = self._scores(part, frame, label, config.smoothing)[past - 1 :]
        said = np.flatnonzero(scores >= config.threshold_score)
        last = past + (int(said[0]) if len(said) else self._patience)
        answered = frame + config.hop_of(last, past)
        is_yes = bool(len(said)) and answered < len(self._features[part])
        return Answer(is_yes, answered)

    def _of_class(self, part: int, frame: int, label: int, smoothing: int) -> np.ndarray:
        return second_stage.scores(self._heard[part, frame][:, label], smoothing)

    def _frames(self, part: int, frame: int) -> np.ndarray:
        """What it hears of a hit, if it says no."""
        return self._features[part][max(0, frame + 1 - self._past) : frame + 1 + self._patience]
