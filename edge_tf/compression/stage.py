"""The stage "compress": float.keras in, compressed.keras out."""

import dataclasses
import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf import files, keras_file, records, run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.compression import budget, phase_step, pruning, quantization, request
from edge_tf.compression.network import State
from edge_tf.compression.phase import Phase, epochs_of
from edge_tf.compression.settings import Settings
from edge_tf.compression.teaching.distillation import FeatureLoss, with_features
from edge_tf.data import pipeline, sampling
from edge_tf.data.run_data import RunData, spread_over_labels
from edge_tf.errors import UserError
from edge_tf.models import loading
from edge_tf.run_records import (
    CompressRecord,
    EpochRecord,
    RangesFile,
    TrainRecord,
)
from edge_tf.training.device_translation import DeviceTranslator
from edge_tf.training.loop import Trainer
from edge_tf.training.step import seed_everything

_log = logging.getLogger(__name__)

# Epochs draw order and augmentation by number; training has used the first ones.
_FIRST_EPOCH = 1000
_CALIBRATION_CLIPS = 300
_COUNTED_CLIPS = 50  # enough to count bytes in the converted file
_PREPARING_BATCHES = 50


def compress(
    run: run_dir.RunDirectory,
    data: RunData,
    settings: Settings,
    teacher_path: Path | None = None,
    *,
    to_int8: budget.ToInt8,
    renamed: Mapping[str, str] | None = None,
) -> CompressRecord:
    """Compresses a run's float model, or resumes an interrupted compression.

    Writes compressed.keras (the architecture of float.keras, pruned weights zero) and, with
    quantization-aware training, the ranges of activations to quantization.json. compression/
    contains the checkpoints of each phase and history.json.

    Args:
      run: a run that has finished training.
      data: the data of the run.
      settings: what to do.
      teacher_path: float.keras of the teacher, or None.
      to_int8: converts a model as the stage "convert" does; a byte budget is counted in its result.
      renamed: names of flags that are others in this binary; see other_settings.

    Returns:
      The record in config.json.

    Raises:
      UserError: an input is missing or does not match, or the run has another compression.
    """
    source = run.require(run_dir.FLOAT_MODEL)
    model = loading.load(source)
    chain, phases = _phases(settings)
    if settings.epochs < len(phases):
        raise UserError(
            f"--epochs={settings.epochs} is too few for {len(phases)} phases "
            f"({', '.join(phase.name for phase in phases)})",
            "give each at least one epoch",
        )
    if run.stage(TrainRecord).streams is not None:
        _log.warning(
            "this network was trained on streams, and is compressed on single clips (%d): what a "
            "detector then hears in hours of sound, pipelines.evaluate --stream tells",
            len(data.clips("training").labels),
        )
    prunes = any(phase.sparsity is not None for phase in phases)
    names = pruning.chosen(model, settings.prune) if prunes else []
    for layer in model.layers[1:]:
        quantization.config_for(layer)  # reports an unknown layer before hours of training
    if teacher_path is not None and loading.load(teacher_path).input_shape != model.input_shape:
        raise UserError(f"{teacher_path} expects different features than {source}")
    settings = budget.with_sparsity(
        run, model, names, settings, lambda: _calibration(data, _COUNTED_CLIPS), to_int8
    )
    chain, phases = _phases(settings)
    work = _Work(run, data, settings, teacher_path, names, renamed)
    state = State(model)
    for number, (phase, epochs) in enumerate(
        zip(phases, epochs_of(chain, settings.epochs), strict=True)
    ):
        state = work.run_phase(number, phase, epochs, state)
    work.write(state)
    return run.stage(CompressRecord)


def _phases(settings: Settings) -> tuple[list[list[Phase]], list[Phase]]:
    """The phases of each recipe, and all of them in order."""
    chain = [phase_step.phases_of(name, settings) for name in settings.recipes]
    return chain, [phase for recipe in chain for phase in recipe]


def _calibration(data: RunData, count: int = _CALIBRATION_CLIPS) -> np.ndarray:
    """Representative features of this many training clips."""
    training = data.clips("training")
    return data.features(training.samples[spread_over_labels(training.labels, count)])


class _Work:
    """The data and settings shared by all phases of one compression."""

    def __init__(
        self,
        run: run_dir.RunDirectory,
        data: RunData,
        settings: Settings,
        teacher_path: Path | None,
        names: Sequence[str],
        renamed: Mapping[str, str] | None,
    ) -> None:
        self._run, self._data, self._settings, self._names = run, data, settings, names
        self._training, self._validation = data.clips("training"), data.clips("validation")
        self._teacher = loading.load(teacher_path) if teacher_path else None
        self._history: list[EpochRecord] = []
        recorded = run.stage(TrainRecord)
        augmentation, self._sampling = recorded.augmentation, recorded.recipe.sampling
        translator = None
        if augmentation.translator_probability > 0.0:
            translator = DeviceTranslator.load(run.path)
        self._augmenter = Augmenter(
            augmentation, data.noise(), data.frontend.sample_rate, translator
        )
        fingerprint = self._training.fingerprint
        self._request = request.of(run, settings, fingerprint, teacher_path, renamed)
        request.note(run, self._request)

    def run_phase(self, number: int, phase: Phase, epochs: int, state: State) -> State:
        """Trains a phase, or the rest of it."""
        settings = self._settings
        seed_everything(settings.seed)
        network = phase_step.network(phase, state, lambda: _calibration(self._data))
        clips = sampling.size(self._training.labels, self._sampling)
        steps = epochs * -(-clips // settings.batch_size)
        parts = phase_step.parts(
            phase, network, settings, self._names, self._teacher, epochs, steps
        )
        folder = self._run / run_dir.COMPRESSION / f"{number}_{phase.name}"
        first = len(self._history)
        after = settings.epochs - first - epochs
        trainer = Trainer(
            parts.step, folder, records.to_json(self._request), phase.name, first, after
        )
        if parts.features is not None and trainer.resume() == 0:
            batches = _TeacherFeatures(self._teacher, parts.features, self._batches(0))
            parts.features.prepare(batches)
        history = trainer.fit(
            lambda epoch: self._batches(first + epoch),
            clips,
            functools.partial(
                parts.step.accuracy,
                pipeline.evaluation_batches(self._validation.samples, self._data.frontend),
                self._validation.labels,
            ),
        )
        for record in history:
            number = len(self._history) + 1
            self._history.append(dataclasses.replace(record, epoch=number, phase=phase.name))
        return parts.state(network, state)

    def _batches(self, epoch: int) -> tf.data.Dataset:
        settings = self._settings
        return pipeline.training_batches(
            self._training,
            self._data.frontend,
            self._augmenter,
            len(self._run.labels()),
            settings.batch_size,
            settings.seed,
            _FIRST_EPOCH + epoch,
            how=self._sampling,
        )

    def write(self, state: State) -> None:
        """Writes the result and the record of how it was made."""
        ranges = self._run / run_dir.QUANTIZATION
        with files.atomic_path(self._run / run_dir.COMPRESSED_MODEL) as temporary:
            keras_file.save(state.exported(), temporary)
            if state.ranges is None:
                ranges.unlink(missing_ok=True)
            else:
                files.write_json(ranges, records.to_json(RangesFile(ranges=state.ranges)))
        folder = self._run / run_dir.COMPRESSION
        files.write_json(folder / run_dir.HISTORY, records.to_json(self._history))
        self._run.record(
            CompressRecord(
                **vars(self._request),
                zeros={name: int((mask == 0).sum()) for name, mask in state.masks.items()},
                val_accuracy=self._history[-1].val_accuracy,
                seconds=round(sum(record.seconds for record in self._history), 1),
                files=self._run.hashes(run_dir.COMPRESSED_MODEL, run_dir.QUANTIZATION),
            )
        )


class _TeacherFeatures:
    """The teacher's features of some batches; can be iterated repeatedly."""

    def __init__(
        self, teacher: keras.Model | None, loss: FeatureLoss, batches: tf.data.Dataset
    ) -> None:
        if teacher is None:
            raise ValueError("a loss on features needs a teacher")
        tapped = with_features(teacher, loss.teacher_layers)
        self._run = tf.function(lambda x: tapped(x, training=False)[1:], autograph=False)
        self._batches = batches.take(_PREPARING_BATCHES)

    def __iter__(self) -> Iterator[list[tf.Tensor]]:
        for features, _ in self._batches:
            yield self._run(features)
