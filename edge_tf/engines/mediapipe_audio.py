"""MediaPipe's AudioClassifier, which Android apps use, on the host.

MediaPipe and TFMOT cannot share an environment (BUILD_NOTES.md), so it runs in a process of another
Python: the one in EDGE_TF_MEDIAPIPE_PYTHON, or the one that `make android-tools` installs.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf.engines import ids
from edge_tf.engines.base import Outputs, Start, UnavailableError, log_scores
from firmware_export import children

PYTHON_VARIABLE = "EDGE_TF_MEDIAPIPE_PYTHON"
_ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-mediapipe" / "bin" / "python"
_WORKER = Path(__file__).with_name("mediapipe_worker.py")


def python() -> str | None:
    """A Python interpreter that has mediapipe; None if there is none."""
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        return named
    if _ENVIRONMENT.exists():
        return str(_ENVIRONMENT)
    return sys.executable if importlib.util.find_spec("mediapipe") else None


class MediaPipe:
    """The model for Android, run by the library that apps use.

    Scores are ordered by MediaPipe's class names, which come from the model's metadata.
    """

    id: str = ids.ANDROID_MEDIAPIPE
    name = "android (MediaPipe, waveform)"
    bit_exact = False
    start: Start = "waveform"
    most_clips = 0

    def __init__(self, model: bytes, labels: Sequence[str], sample_rate: int) -> None:
        """
        Args:
          model: a .tflite file with metadata, waveform in.
          labels: in the order of the logits.
          sample_rate: of the clips, Hz.
        """
        self._model = model
        self._labels = list(labels)
        self._sample_rate = sample_rate

    def run(self, clips_in: np.ndarray) -> Outputs:
        """clips_in: (clips, samples) int16.

        Raises:
          UnavailableError: MediaPipe is not installed, or rejects the model; with its reason.
        """
        interpreter = python()
        if interpreter is None:
            raise UnavailableError("MediaPipe is not installed; run: make android-tools")
        with children.folder() as folder:
            (folder / "model.tflite").write_bytes(self._model)
            np.save(folder / "clips.npy", np.asarray(clips_in))
            command = [interpreter, str(_WORKER), str(folder), str(self._sample_rate)]
            try:
                done = children.run(command)
            except OSError as error:
                raise UnavailableError(f"{interpreter} cannot be started ({error})") from None
            if done.returncode:
                reason = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
                raise UnavailableError(f"MediaPipe: {reason[-1]}")
            scores = np.load(folder / "scores.npy")
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if sorted(result["labels"]) != sorted(self._labels):
            raise UnavailableError(f"MediaPipe reads the labels {', '.join(result['labels'])}")
        order = [result["labels"].index(label) for label in self._labels]
        return log_scores(scores[:, order], result["seconds"])
