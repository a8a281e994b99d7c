"""The data of a run, reloaded by the stages after training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_tf import run_dir
from edge_tf.data import clip_list, waveform_cache
from edge_tf.data.dataset import Dataset, Split
from edge_tf.data.streams import clip_sounds
from edge_tf.errors import UserError
from edge_tf.run_records import TrainRecord
from edge_tf.settings import DataFlags


class RunData:
    """Splits of the dataset that a run was trained on, and their features.

    Args:
      run: a run that has finished training.
      load_dataset: maps the recorded data flags to the dataset.
      cache: folder of decoded clips.

    Raises:
      UserError: training has not finished, the data is missing or its labels have changed.
    """

    def __init__(
        self,
        run: run_dir.RunDirectory,
        load_dataset: Callable[[DataFlags], Dataset],
        cache: Path,
    ) -> None:
        self.frontend = run.frontend()
        self.labels = run.labels()
        self._recorded = run.stage(TrainRecord)
        self._dataset = load_dataset(self._recorded.data)
        self._cache = cache
        self._run = run
        self._decoded: dict[Split, waveform_cache.Waveforms] = {}
        if list(self._dataset.labels) != self.labels:
            raise UserError(
                f"{self._dataset.root} no longer has the labels in {run / run_dir.LABELS}",
                "restore the data, or train again into a new --run_dir",
            )

    def clips(self, split: Split) -> waveform_cache.Waveforms:
        """A split, decoded. Raises UserError if it has changed since training."""
        if split in self._decoded:
            return self._decoded[split]
        waves = waveform_cache.load(
            self._dataset,
            split,
            self.frontend.sample_rate,
            self.frontend.clip_samples,
            self._cache,
        )
        before = self._recorded.data_fingerprint.get(split)
        if before not in (None, waves.fingerprint):
            path = self._run / run_dir.CLIPS
            what = ""
            if path.exists():
                what = f": {clip_list.difference(path, split, waves, self.labels)}"
            raise UserError(
                f"the {split} clips in {self._dataset.root} have changed since training{what}",
                f"restore them, name where they are now with {self._places()}, or train again "
                "into a new --run_dir",
            )
        self._decoded[split] = waves
        return waves

    def _places(self) -> str:
        """The flags that say where the data is."""
        data = self._recorded.data
        flags = ["--data_dir"]
        flags += ["--split_lists"] * bool(data.split_lists) + ["--test_dir"] * bool(data.test_dir)
        return " or ".join(flags)

    def training_devices(self) -> tuple[str, ...]:
        """The recording devices that the model was trained on, sorted; empty if unknown."""
        return self._dataset.devices("training")

    def noise(self, split: Split = "training") -> list[np.ndarray]:
        """Background recordings, each (n,) int16.

        Of a run that was trained on streams of its clips, the part of each that belongs to the
        split; else the whole, to which training also listened.
        """
        streams = self._recorded.streams
        if streams is not None and streams.takes is None:
            return clip_sounds.noise_of(self._dataset, split)
        return waveform_cache.load_noise(
            self._dataset, self.frontend.sample_rate, self.frontend.clip_samples
        )

    def features(self, samples: np.ndarray) -> np.ndarray:
        """(clips, clip_samples) int16 to (clips, mel_bands, frames, 1) float32."""
        from edge_tf.data import pipeline

        return np.concatenate(list(pipeline.evaluation_batches(samples, self.frontend)))


def spread_over_labels(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Rows of about `count` clips, spread evenly over the labels, in ascending order."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        mine = shuffled[labels[shuffled] == label]
        rank[mine] = np.arange(len(mine))
    return np.sort(np.lexsort((shuffled, rank))[:count])
