"""The stage "train": a dataset and settings in, float.keras in the run directory out."""

import dataclasses
import functools
import logging
from collections.abc import Callable

from edge_tf import files, keras_file, records, run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import clip_list, pipeline, sampling, waveform_cache
from edge_tf.models import build_model, run_model
from edge_tf.run_records import EpochRecord, FrontendFile
from edge_tf.settings import TrainingSettings
from edge_tf.training import device_translation, stream_fit
from edge_tf.training.fewshot import fewshot_fit
from edge_tf.training.fitted import Fitted
from edge_tf.training.loop import Trainer
from edge_tf.training.request import WRITES, Request
from edge_tf.training.step import SgdStep, seed_everything

_log = logging.getLogger(__name__)


def train(run: run_dir.RunDirectory, request: Request) -> EpochRecord:
    """Trains, or resumes an interrupted training with the same settings.

    Writes labels.txt, frontend.json, history.json, clips.json and float.keras.

    Args:
      run: the run directory, which has no other training.
      request: what to train.

    Returns:
      The last epoch's record.

    Raises:
      UserError: noise cannot be read, or the checkpoints are of another training.
    """
    record = request.record
    fitted = _fitting(request)(run, request)
    files.write_text(run / run_dir.LABELS, "".join(f"{label}\n" for label in record.labels))
    frontend = FrontendFile(frontend=record.frontend)
    files.write_json(run / run_dir.FRONTEND, records.to_json(frontend))
    files.write_json(run / run_dir.HISTORY, records.to_json(fitted.history))
    clip_list.save(run / run_dir.CLIPS, request.splits, record.labels)
    with files.atomic_path(run / run_dir.FLOAT_MODEL) as temporary:
        keras_file.save(fitted.model, temporary)
    run.record(
        dataclasses.replace(
            record,
            files=run.hashes(*WRITES, run_dir.DUMMIES),
            chosen_epoch=fitted.chosen_epoch,
            mined=fitted.mined,
        )
    )
    return fitted.history[-1]


def _fitting(request: Request) -> Callable[[run_dir.RunDirectory, Request], Fitted]:
    """What trains on streams, on episodes or on clips."""
    if request.record.streams is not None:
        return stream_fit.fit
    return _fit if request.record.fewshot is None else fewshot_fit.fit


def _fit(run: run_dir.RunDirectory, request: Request) -> Fitted:
    """Trains on clips."""
    record, training = request.record, request.splits["training"]
    frontend, augmentation, settings = record.frontend, record.augmentation, record.recipe
    noise = waveform_cache.load_noise(request.dataset, frontend.sample_rate, frontend.clip_samples)
    _tell_of_clips(training, settings, frontend)
    translator = None
    if augmentation.translator_probability > 0.0:
        translator = device_translation.of_run(run.path, training, frontend, settings.seed)
    seed_everything(settings.seed)
    model = build_model(
        record.model.name,
        num_classes=len(record.labels),
        input_shape=frontend.feature_shape,
        **run_model.arguments(record.model),
    )
    trainer = Trainer(SgdStep(model, settings), run.path, request.settings())
    augmenter = Augmenter(augmentation, noise, frontend.sample_rate, translator)
    classes = len(record.labels)
    validation = request.splits["validation"]
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
        functools.partial(
            trainer.step.accuracy,
            pipeline.evaluation_batches(validation.samples, frontend),
            validation.labels,
        ),
    )
    return Fitted(model, history)


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
