"""What a training is asked to do, and whether a run has done it; needs no TensorFlow."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_tf import files, other_settings, records, run_dir
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import leaks, waveform_cache
from edge_tf.data.dataset import SPLITS, Dataset, Split
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from edge_tf.run_records import EpochRecord, TrainRecord
from edge_tf.settings import (
    DataFlags,
    FewShotTraining,
    ModelConfig,
    StreamTraining,
    TrainingSettings,
)

_RESULTS = ("chosen_epoch", "mined")
# Location and name of the data, what is said of it, and results: training does not depend on them.
_NOT_ASKED = ("data", "data_description", "data_checks", "data_notes", "files", *_RESULTS)
# Of sound for streams and of first weights, whose content has a digest.
_PLACES = ("takes", "recordings", "negatives", "hard_negatives", "rooms", "start_from")
_TRAINED_ON: tuple[Split, ...] = ("training", "validation")
CHECKPOINT_STATE = "checkpoints/state.json"
WRITES = (run_dir.FLOAT_MODEL, run_dir.LABELS, run_dir.HISTORY)


@dataclasses.dataclass(frozen=True)
class Request:
    """A training: its record, and its clips.

    Attributes:
      record: as config.json gets it, without `files`.
      dataset: the task.
      splits: decoded; test clips, too, since what is wrong with them is told before hours.
    """

    record: TrainRecord
    dataset: Dataset
    splits: Mapping[Split, Waveforms]

    def settings(self) -> JsonObject:
        """What determines the weights, as JSON."""
        return settings_of(self.record)


def settings_of(record: TrainRecord) -> JsonObject:
    """What determines the weights of a training, as JSON: its test clips are not among it."""
    fields = {k: v for k, v in records.to_json(record).items() if k not in _NOT_ASKED}
    clips = {k: v for k, v in record.data_fingerprint.items() if k in _TRAINED_ON}
    found = {**fields, "data_fingerprint": clips}
    if isinstance(streams := found.get("streams"), dict):
        found["streams"] = {k: v for k, v in streams.items() if k not in _PLACES}
    if isinstance(fewshot := found.get("fewshot"), dict):
        found["fewshot"] = {k: v for k, v in fewshot.items() if k != "test_digest"}
    return found


def of(
    run: run_dir.RunDirectory,
    dataset: Dataset,
    data_flags: DataFlags,
    model_config: ModelConfig,
    frontend: FrontendConfig,
    augmentation: AugmentationConfig,
    settings: TrainingSettings,
    cache: Path,
    streams: Callable[[Mapping[Split, Waveforms]], StreamTraining] | None = None,
    fewshot: Callable[[Mapping[Split, Waveforms]], FewShotTraining] | None = None,
) -> Request:
    """Decodes the clips, and compares the training with the one that the run has.

    Args:
      run: the run directory; created if missing.
      dataset: the task.
      data_flags: recorded, so that later stages find the same data.
      model_config, frontend, augmentation, settings: what to train and how.
      cache: folder of decoded clips.
      streams: for a training on streams: what they are mixed of, for the decoded clips.
      fewshot: for a training on episodes: how, for the decoded clips.

    Raises:
      UserError: data cannot be read, the run directory contains another training, or a streaming
        model is to use features that need a whole window.
    """
    if model_config.lookahead is not None and frontend.normalization != "none":
        raise UserError(
            f"normalization={frontend.normalization} takes statistics over a whole window, but a "
            "stream has one frame at a time",
            "train with --nostreaming, or without normalization",
        )
    run.create()
    splits: dict[Split, Waveforms] = {
        split: waveform_cache.load(
            dataset, split, frontend.sample_rate, frontend.clip_samples, cache
        )
        for split in SPLITS
    }
    checks = leaks.check(dataset, splits, frontend.sample_rate, cache)
    leaks.warn(checks)
    record = TrainRecord(
        data=data_flags,
        data_description=dataset.description,
        data_fingerprint={split: clips.fingerprint for split, clips in splits.items()},
        labels=dataset.labels,
        model=model_config,
        frontend=frontend,
        augmentation=augmentation,
        recipe=settings,
        data_checks=checks,
        data_notes=dataset.notes,
        streams=streams(splits) if streams else None,
        fewshot=fewshot(splits) if fewshot else None,
    )
    refuse_another(run, record)
    return Request(record, dataset, splits)


def refuse_another(run: run_dir.RunDirectory, record: TrainRecord) -> None:
    """A finished run is not overwritten by a training with other settings, nor by another test.

    Raises:
      UserError: the run has finished another training.
    """
    before = run.find(TrainRecord)
    if before is None:
        return
    what, way_out = f"{run.path} contains a finished training", "choose a new --run_dir"
    other_settings.refuse(what, settings_of(before), settings_of(record), way_out)
    tested = before.data_fingerprint.get("testing")  # older runs do not know
    if tested not in (None, record.data_fingerprint.get("testing")):
        raise UserError(f"{what} with other settings (other test clips)", way_out)


def streams(run: run_dir.RunDirectory) -> bool | None:
    """Whether the training that a run has is for streams, also one that was interrupted.

    None if there is none.
    """
    record = run.find(TrainRecord) if (run / "config.json").exists() else None
    if record is not None:
        return record.model.lookahead is not None
    state = run / CHECKPOINT_STATE
    if not state.exists():
        return None
    document = files.read_json(state)
    try:
        return document["fingerprint"]["model"].get("lookahead") is not None
    except (KeyError, TypeError, AttributeError):
        return None  # resuming says what is wrong with it


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
