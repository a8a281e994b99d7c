"""Runs MediaPipe's AudioClassifier on clips; a program for a Python that has mediapipe.

FOLDER contains model.tflite and clips.npy, (clips, samples) int16. The program adds scores.npy,
(clips, classes) float32, and result.json: class names and the median of the seconds per clip.

python mediapipe_worker.py FOLDER SAMPLE_RATE
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from mediapipe.tasks.python import audio
from mediapipe.tasks.python.components.containers import AudioData


def main(folder: Path, sample_rate: int) -> None:
    clips = np.load(folder / "clips.npy", mmap_mode="r")
    labels: list[str] = []
    rows, seconds = [], []
    with audio.AudioClassifier.create_from_model_path(str(folder / "model.tflite")) as classifier:
        for clip in clips:
            sound = AudioData.create_from_array(clip.astype(np.float32) / 32768, sample_rate)
            began = time.perf_counter()
            results = classifier.classify(sound)
            seconds.append(time.perf_counter() - began)
            if len(results) != 1:
                sys.exit(f"a clip of {clip.size} samples produces {len(results)} results, not one")
            (head,) = results[0].classifications
            labels = labels or [category.category_name for category in head.categories]
            found = {category.category_name: category.score for category in head.categories}
            rows.append([found[label] for label in labels])
    np.save(folder / "scores.npy", np.array(rows, np.float32))
    result = {"labels": labels, "seconds": statistics.median(seconds)}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
