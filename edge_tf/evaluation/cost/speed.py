"""Speed of a run's stages on this machine: training, front-end, conversion, engines."""

import dataclasses
import os
import platform
import statistics
import time

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf import run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.conversion import int8
from edge_tf.data import pipeline
from edge_tf.data.run_data import RunData, spread_over_labels
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.engines.base import Engine, UnavailableError
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.litert import LiteRTReference, LiteRTXnnpack
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.models import loading
from edge_tf.run_records import TrainRecord
from edge_tf.settings import ModelConfig
from edge_tf.training.step import SgdStep


@dataclasses.dataclass(frozen=True)
class Machine:
    """The machine of the measurements; load is the mean of the last minute."""

    system: str
    cores: int | None
    load: float


@dataclasses.dataclass(frozen=True)
class TrainingSpeed:
    """Speed of training steps with and without the input pipeline, and of the pipeline alone."""

    batch_size: int
    samples_per_second: int
    step_milliseconds: float
    step_milliseconds_without_input: float
    input_share_of_step: float
    input_alone_milliseconds: float


@dataclasses.dataclass(frozen=True)
class Speed:
    """Result of `measure`; docs/benchmark.md describes it."""

    machine: Machine
    versions: dict[str, str]
    model: ModelConfig
    training: TrainingSpeed
    frontend_clips_per_second: int
    conversion_seconds: float
    milliseconds_per_inference: dict[str, float | str]


def measure(run: run_dir.RunDirectory, data: RunData, steps: int, clips: int) -> Speed:
    """Times every stage once; figures are medians.

    Args:
      run: a run whose training has finished; its files are not changed.
      data: its data.
      steps: training steps to time, after five warm-up steps.
      clips: number of clips per engine.

    Returns:
      Figures; see docs/benchmark.md.
    """
    recorded = run.stage(TrainRecord)
    training = data.clips("training")
    augmenter = Augmenter(recorded.augmentation, data.noise(), data.frontend.sample_rate)
    model = loading.load(run.require(run_dir.FLOAT_MODEL))
    rows = spread_over_labels(training.labels, clips)
    features = data.features(training.samples[rows])
    converted, seconds = _convert(model, features)
    return Speed(
        machine=Machine(
            system=f"{platform.system()} {platform.machine()}",
            cores=os.cpu_count(),
            load=round(os.getloadavg()[0], 1),
        ),
        versions=run_dir.package_versions(),
        model=recorded.model,
        training=_training(SgdStep(model, recorded.recipe), training, data, augmenter, steps),
        frontend_clips_per_second=round(_frontend(training, data)),
        conversion_seconds=round(seconds, 1),
        milliseconds_per_inference=_engines(run, converted, features),
    )


def _training(
    update: SgdStep,
    training: Waveforms,
    data: RunData,
    augmenter: Augmenter,
    steps: int,
) -> TrainingSpeed:
    """Steps with the input pipeline, with one repeated batch, and the pipeline alone."""

    settings = update.settings
    classes = update.model.output_shape[-1]

    def batches(epoch: int) -> tf.data.Dataset:
        return pipeline.training_batches(
            training, data.frontend, augmenter, classes, settings.batch_size, settings.seed, epoch
        ).repeat()

    whole, still = [], []
    source = iter(batches(0))
    for step in range(steps + 5):
        began = time.perf_counter()
        features, labels = next(source)
        update(features, labels, 0.0)
        if step >= 5:
            whole.append(time.perf_counter() - began)
    for step in range(steps + 5):
        began = time.perf_counter()
        update(features, labels, 0.0)
        if step >= 5:
            still.append(time.perf_counter() - began)
    alone = []
    for step in range(steps + 5):
        began = time.perf_counter()
        next(source)
        if step >= 5:
            alone.append(time.perf_counter() - began)
    step_seconds, fixed_seconds = statistics.median(whole), statistics.median(still)
    return TrainingSpeed(
        batch_size=settings.batch_size,
        samples_per_second=round(settings.batch_size / step_seconds),
        step_milliseconds=round(1000 * step_seconds, 1),
        step_milliseconds_without_input=round(1000 * fixed_seconds, 1),
        input_share_of_step=round(1 - fixed_seconds / step_seconds, 3),
        input_alone_milliseconds=round(1000 * statistics.mean(alone), 1),
    )


def _frontend(training: Waveforms, data: RunData) -> float:
    samples = np.asarray(training.samples[:1000])
    data.features(samples[:200])
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        data.features(samples)
        seconds.append(time.perf_counter() - began)
    return len(samples) / statistics.median(seconds)


def _convert(model: keras.Model, features: np.ndarray) -> tuple[bytes, float]:
    began = time.perf_counter()
    converted = int8.convert(model, features)
    return converted, time.perf_counter() - began


def _engines(
    run: run_dir.RunDirectory, converted: bytes, features: np.ndarray
) -> dict[str, float | str]:
    result: dict[str, float | str] = {}
    engines: tuple[Engine, ...] = (
        KerasFloat(run / run_dir.FLOAT_MODEL),
        LiteRTReference(converted),
        LiteRTXnnpack(converted),
        TFLiteMicro(converted),
    )
    for engine in engines:
        try:
            seconds = engine.run(features).seconds_per_inference
            assert seconds is not None
            result[engine.id] = round(1000 * seconds, 3)
        except UnavailableError as error:
            result[engine.id] = f"not available here: {error}"
    return result
