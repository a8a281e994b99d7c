"""The stage "train": a dataset and settings in, float.keras in the run directory out."""

import logging
from pathlib import Path

from edge_tf import files, records, run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import clip_list, leaks, pipeline, sampling, waveform_cache
from edge_tf.data.dataset import SPLITS, Dataset, Split
from edge_tf.errors import UserError
from edge_tf.models import build_model, run_model
from edge_tf.records import JsonObject
from edge_tf.run_records import EpochRecord, FrontendFile, TrainRecord
from edge_tf.settings import DataFlags, ModelConfig, TrainingSettings
from edge_tf.training import device_translation
from edge_tf.training.loop import Trainer
from edge_tf.training.step import SgdStep, seed_everything

_log = logging.getLogger(__name__)

# Location and name of the data and what else training does not depend on.
_FOR_PEOPLE = ("data", "data_description", "data_checks", "data_notes")
_TRAINED_ON: tuple[Split, ...] = ("training", "validation")


def train(
    run: run_dir.RunDirectory,
    dataset: Dataset,
    data_flags: DataFlags,
    model_config: ModelConfig,
    frontend: FrontendConfig,
    augmentation: AugmentationConfig,
    settings: TrainingSettings,
    cache: Path,
) -> EpochRecord:
    """Trains, or resumes an interrupted training with the same settings.

    Writes labels.txt, frontend.json, history.json, clips.json and float.keras.

    Args:
      run: the run directory; created if missing.
      dataset: the task.
      data_flags: recorded, so that later stages find the same data.
      model_config, frontend, augmentation, settings: what to train and how.
      cache: folder of decoded clips.

    Returns:
      The last epoch's record.

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
    splits: dict[Split, waveform_cache.Waveforms] = {
        split: waveform_cache.load(
            dataset, split, frontend.sample_rate, frontend.clip_samples, cache
        )
        for split in SPLITS  # test clips, too: what can be wrong with them is told before hours
    }
    checks = leaks.check(dataset, splits, frontend.sample_rate, cache)
    leaks.warn(checks)
    noise = waveform_cache.load_noise(dataset, frontend.sample_rate, frontend.clip_samples)
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
    )
    _refuse_other_training(run, record)

    _tell_of_clips(splits["training"], settings, frontend)
    translator = None
    if augmentation.translator_probability > 0.0:
        translator = device_translation.of_run(
            run.path, splits["training"], frontend, settings.seed
        )
    seed_everything(settings.seed)
    model = build_model(
        model_config.name,
        num_classes=len(dataset.labels),
        input_shape=frontend.feature_shape,
        **run_model.arguments(model_config),
    )
    trainer = Trainer(SgdStep(model, settings), run.path, _identity(record))
    training = splits["training"]
    augmenter = Augmenter(augmentation, noise, frontend.sample_rate, translator)
    classes = len(dataset.labels)
    history = trainer.fit(
        lambda epoch: pipeline.training_batches(
            training,
            frontend,
            augmenter,
            classes,
            settings.batch_size,
            settings.seed,
            epoch,
            settings.sampling,
        ),
        sampling.size(training.labels, settings.sampling),
        pipeline.evaluation_batches(splits["validation"].samples, frontend),
        splits["validation"].labels,
    )
    files.write_text(run / run_dir.LABELS, "".join(f"{label}\n" for label in dataset.labels))
    files.write_json(run / run_dir.FRONTEND, records.to_json(FrontendFile(frontend=frontend)))
    files.write_json(run / run_dir.HISTORY, records.to_json(history))
    clip_list.save(run / run_dir.CLIPS, splits, dataset.labels)
    with files.atomic_path(run / run_dir.FLOAT_MODEL) as temporary:
        model.save(temporary)
    run.record(record)
    return history[-1]


def _identity(record: TrainRecord) -> JsonObject:
    """What a training depends on: its test clips are not among it."""
    fields = {k: v for k, v in records.to_json(record).items() if k not in _FOR_PEOPLE}
    clips = {k: v for k, v in record.data_fingerprint.items() if k in _TRAINED_ON}
    return {**fields, "data_fingerprint": clips}


def _tell_of_clips(
    clips: waveform_cache.Waveforms, settings: TrainingSettings, frontend: FrontendConfig
) -> None:
    """Logs how clips are used, where it is not once in an epoch and as a whole."""
    how = settings.sampling
    if how.rare_share:
        _log.info(
            "classes with fewer than %.0f %% of the clips of the largest are repeated up to that",
            100 * how.rare_share,
        )
    if how.epoch_clips:
        steps = how.epoch_clips // settings.batch_size
        _log.info("an epoch passes over the clips until it has %d steps; see --epochs", steps)
    if 2 * sum(clips.notes.get("cropped to their middle", {}).values()) > len(clips.labels):
        milliseconds = 1000 * frontend.clip_samples // frontend.sample_rate
        _log.warning(
            "most clips are longer than --clip_ms=%d and cropped to their middle: give a longer "
            "--clip_ms, or cut them around the word",
            milliseconds,
        )


def _refuse_other_training(run: run_dir.RunDirectory, record: TrainRecord) -> None:
    """A finished run is not overwritten by a training with other settings."""
    before = run.find(TrainRecord)
    if before is None:
        return
    old, new = _identity(before), _identity(record)
    changed = [name for name in new if old.get(name) != new[name]]
    tested = before.data_fingerprint.get("testing")  # older runs do not know
    if tested not in (None, record.data_fingerprint.get("testing")):
        changed.append("test clips")
    if changed:
        raise UserError(
            f"{run.path} contains a finished training with other settings ({', '.join(changed)})",
            "choose a new --run_dir",
        )
