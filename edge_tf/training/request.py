"""What a training is asked to do, and whether a run has done it; needs no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from edge_tf import other_settings, records, run_dir
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import waveform_cache
from edge_tf.data.dataset import Dataset
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from edge_tf.run_records import EpochRecord, TrainRecord
from edge_tf.settings import DataFlags, ModelConfig, TrainingSettings

# Location and name of the data, and results, on which training does not depend.
_NOT_ASKED = ("data", "data_description", "files")
WRITES = (run_dir.FLOAT_MODEL, run_dir.LABELS, run_dir.HISTORY)


@dataclasses.dataclass(frozen=True)
class Request:
    """A training: its record, and its clips.

    Attributes:
      record: as config.json gets it, without `files`.
      dataset: the task.
      splits: training and validation, decoded.
    """

    record: TrainRecord
    dataset: Dataset
    splits: Mapping[str, Waveforms]

    def settings(self) -> JsonObject:
        """What determines the weights, as JSON."""
        return settings_of(self.record)


def settings_of(record: TrainRecord) -> JsonObject:
    """What determines the weights of a training, as JSON."""
    return {k: v for k, v in records.to_json(record).items() if k not in _NOT_ASKED}


def of(
    run: run_dir.RunDirectory,
    dataset: Dataset,
    data_flags: DataFlags,
    model_config: ModelConfig,
    frontend: FrontendConfig,
    augmentation: AugmentationConfig,
    settings: TrainingSettings,
    cache: Path,
) -> Request:
    """Decodes the clips, and compares the training with the one that the run has.

    Args:
      run: the run directory; created if missing.
      dataset: the task.
      data_flags: recorded, so that later stages find the same data.
      model_config, frontend, augmentation, settings: what to train and how.
      cache: folder of decoded clips.

    Raises:
      UserError: data cannot be read, the run directory contains another training, or a streaming
        model is to use features that need a whole window.
    """
    if model_config.lookahead is not None and frontend.normalization != "none":
        raise UserError(
            f"normalization={frontend.normalization} takes statistics over a whole window, but a "
            "stream has one frame at a time",
            "train without --streaming, or without normalization",
        )
    run.create()
    splits = {
        split: waveform_cache.load(
            dataset, split, frontend.sample_rate, frontend.clip_samples, cache
        )
        for split in ("training", "validation")
    }
    record = TrainRecord(
        data=data_flags,
        data_description=dataset.description,
        data_fingerprint={split: clips.fingerprint for split, clips in splits.items()},
        labels=dataset.labels,
        model=model_config,
        frontend=frontend,
        augmentation=augmentation,
        recipe=settings,
    )
    before = run.find(TrainRecord)
    if before is not None:
        other_settings.refuse(
            f"{run.path} contains a finished training",
            settings_of(before),
            settings_of(record),
            "choose a new --run_dir",
        )
    return Request(record, dataset, splits)


def finished(run: run_dir.RunDirectory) -> EpochRecord | None:
    """The last epoch of a run's training, if it has finished and its files are as it wrote them."""
    record = run.find(TrainRecord)
    if record is None or not run.is_unchanged(record, *WRITES, older=True):
        return None
    try:
        run.frontend()
        run.labels()
        history = records.load(run / run_dir.HISTORY, list[EpochRecord])
    except UserError:
        return None
    return history[-1] if history else None
