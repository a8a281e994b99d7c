"""Saves the sound of detections and of near misses while a stream is heard, to learn from it.

DIR/00001_fired_yes_12.34s_0.83.wav     the window of the decision, and 2 s before it
DIR/00002_near_yes_47.10s_0.41.wav
DIR/index.tsv                           file, class, score, seconds, fired or near

A near miss is a keyword whose score reaches half of the threshold and falls again, and does not
fire: the decision that is saved is that of its highest score.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.audio import wav_bytes
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.sound_streams import StreamResult
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import stream_detections
from firmware_export.runtime.detector import ONE, DetectorConfig

INDEX = "index.tsv"
_COLUMNS = ("file", "class", "score", "seconds", "kind")
_BEFORE_S = 2.0
_NEAR = 0.5  # of the threshold


@dataclasses.dataclass(frozen=True)
class _Peak:
    """The highest score so far since a keyword's score reached half of the threshold."""

    begun: int
    frame: int
    label: int
    score: int


class Keeper:
    """Takes blocks of sound with their results, and saves what is worth hearing.

    Args:
      folder: new or empty.
      labels: in the order of the logits.
      logit_scale: their step.
      detector: whose results are given.
      frontend: of the run.
      most: number of files that are saved.

    Raises:
      UserError: the folder has files, or is none.
    """

    def __init__(
        self,
        folder: Path,
        labels: Sequence[str],
        logit_scale: float,
        detector: DetectorConfig,
        frontend: FrontendConfig,
        most: int,
    ) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"--keep={folder} exists and is not empty", "name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        files.write_text(folder / INDEX, "\t".join(_COLUMNS) + "\n")
        self.fired = self.near = self.left_out = 0
        self._folder, self._most, self._labels = folder, most, labels
        self._scale, self._detector, self._frontend = logit_scale, detector, frontend
        self._background = np.array(detector.background_mask(labels))
        self._least = max(1, round(_NEAR * detector.threshold_score))
        self._deaf = frontend.num_frames - 1
        self._recent = np.zeros((detector.smoothing, len(labels)), np.int64)
        self._length = round(_BEFORE_S * frontend.sample_rate) + frontend.num_frames * frontend.hop
        self._sound = np.zeros(0, np.int16)
        self._begin = self._frames = 0  # sample of the sound that is held; frames so far
        self._peak: _Peak | None = None
        self._pause = 0  # the frame from which a keyword may come near again
        self._is_held = False  # its score has not fallen since it fired, or was saved

    @property
    def is_full(self) -> bool:
        """Whether nothing more is saved."""
        return self.fired + self.near >= self._most

    def push(self, pcm: np.ndarray, result: StreamResult) -> None:
        """Takes (n,) int16 samples and what the stream made of them."""
        self._sound = np.concatenate([self._sound, pcm.astype(np.int16)])
        for label, score, fired in self._keywords(result):
            self._decide(label, score, fired)
            self._frames += 1
        # A near miss is saved when it is over: at the latest a refractory period after it began.
        oldest = (self._frames - self._detector.refractory_hops) * self._frontend.hop
        drop = min(len(self._sound), max(0, oldest - self._length - self._begin))
        self._sound = self._sound[drop:]
        self._begin += drop

    def close(self) -> None:
        """The sound has ended: a near miss that was not over is."""
        self._save_peak()

    def _keywords(self, result: StreamResult) -> list[tuple[int, int, int]]:
        """Per frame the best keyword and its score, and what fired or -1."""
        if not len(result.logits):
            return []
        skipped = max(0, self._deaf - self._frames)
        values = stream_detections.probabilities(result.logits, self._scale, skipped)
        values = np.concatenate([self._recent, values])
        self._recent = values[-self._detector.smoothing :]
        found = stream_detections.smoothed(values, self._detector.smoothing)
        scores = np.where(self._background, -1, found.scores[self._detector.smoothing :])
        best = scores.argmax(axis=1)
        tops = scores[np.arange(len(best)), best]
        return list(zip(best.tolist(), tops.tolist(), result.detected.tolist(), strict=True))

    def _decide(self, label: int, score: int, fired: int) -> None:
        if fired >= 0:
            self._peak = None  # it was on its way to this
            self._save("fired", self._frames, fired, score)
            self._hold(self._detector.refractory_hops)
        elif score < self._least:
            self._save_peak()
            self._is_held = False
        elif not self._is_held and self._frames >= self._pause:
            peak = self._peak or _Peak(self._frames, self._frames, label, score)
            if score > peak.score:
                peak = dataclasses.replace(peak, frame=self._frames, label=label, score=score)
            self._peak = peak
            if self._frames - peak.begun >= self._detector.refractory_hops:
                self._save_peak()
                self._hold(0)

    def _hold(self, frames: int) -> None:
        self._is_held = True
        self._pause = self._frames + frames

    def _save_peak(self) -> None:
        if self._peak is not None:
            self._save("near", self._peak.frame, self._peak.label, self._peak.score)
        self._peak = None

    def _save(self, kind: str, frame: int, label: int, score: int) -> None:
        if self.is_full:
            self.left_out += 1
            return
        end = frame * self._frontend.hop - self._begin
        samples = self._sound[max(0, end - self._length) : end]
        seconds = frame * self._frontend.hop / self._frontend.sample_rate
        number = self.fired + self.near + 1
        named = re.sub(r"[^\w-]+", "-", self._labels[label])[:40]
        name = f"{number:05d}_{kind}_{named}_{seconds:.2f}s_{score / ONE:.2f}.wav"
        files.write_bytes(
            self._folder / name, wav_bytes.encode(samples, self._frontend.sample_rate)
        )
        shown = re.sub(r"\s+", " ", self._labels[label])
        row = (name, shown, f"{score / ONE:.4f}", f"{seconds:.3f}", kind)
        with (self._folder / INDEX).open("a", encoding="utf-8") as index:
            index.write("\t".join(row) + "\n")
        if kind == "fired":
            self.fired += 1
        else:
            self.near += 1
