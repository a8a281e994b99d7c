"""`evaluate --stream`: chooses the detector on validation clips, evaluates it on test clips."""

import contextlib
import dataclasses
import hashlib
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

import tflite_model
from edge_tf import files, progress, run_dir
from edge_tf.data.dataset import Split
from edge_tf.data.run_data import RunData
from edge_tf.data.streams import wake_sounds
from edge_tf.engines.base import UnavailableError
from edge_tf.engines.sound_streams import CStream, PythonStream, SoundStream
from edge_tf.engines.streaming import tflite_micro_frames
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import (
    cascade,
    float_stream,
    operating_point,
    second_run,
    stream_metrics,
    stream_scene,
    wake_parts,
)
from edge_tf.evaluation.streams.judging import HeardPart, Listening
from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.stream_report import (
    SceneFacts,
    StreamReport,
    StreamSettings,
)
from edge_tf.evaluation.streams.stream_scene import Scene
from edge_tf.evaluation.streams.wake_parts import SoundPart
from edge_tf.run_records import TrainRecord
from edge_tf.settings import StreamTraining
from firmware_export.boards import toolchain
from firmware_export.boards.board import HOST
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone.spotting import Spotting

_LOG = logging.getLogger(__name__)

FILE = "stream.json"

SMOOTHINGS = (1, 5, 10, 20, 30, 50)
THRESHOLDS = (*(round(0.02 * i, 2) for i in range(5, 50)), 0.985, 0.99, 0.994, 0.997, 0.999)
REARMS = (0.25, 0.5, 0.75)
SPLITS: tuple[Split, ...] = ("validation", "testing")
SNRS_DB = (None, 20.0, 10.0, 5.0)
# Label whose clips are not words.
_SILENCE = "_silence_"
_REMEDY = "add clips to the data, or increase --stream_minutes"


def evaluate(run: run_dir.RunDirectory, data: RunData, settings: StreamSettings) -> StreamReport:
    """Composes both streams, runs the model on them, chooses the detector and evaluates it.

    Writes stream.json, and detector.json with the choice.

    Raises:
      UserError: the run was not trained for streams, its front-end cannot stream, or the run of the
        second stage does not fit it.
    """
    if run.lookahead() is None:
        raise UserError(f"{run.path} was trained for whole windows", "train with --streaming")
    if data.frontend.padding != "causal":
        raise UserError(
            f"{run.path} has a front-end with look-ahead", "train with --padding=causal"
        )
    run.require_int8()  # rejects one that is older than the network
    path = run.require_streaming()
    second = second_run.load(run, settings.second) if settings.second else None
    model = path.read_bytes()
    output = tflite_model.parse(model, str(path)).outputs[0]
    frames = data.frontend.num_frames
    background = operating_point.with_background(operating_point.of(frames), run).background
    listening = Listening(
        labels=data.labels,
        logit_scale=output.scales[0],
        frame_period=data.frontend.hop,
        sample_rate=data.frontend.sample_rate,
        skipped=frames - 1,  # until a whole window has passed
    )

    def config_for(smoothing: int, threshold: float, rearm: float) -> DetectorConfig:
        config = operating_point.of(frames, smoothing, threshold)
        return dataclasses.replace(config, rearm=rearm, background=background)

    def settings_of(parts: Sequence[HeardPart]) -> list[Point]:
        settings = (SMOOTHINGS, THRESHOLDS, REARMS)
        return stream_metrics.sweep(parts, listening, config_for, *settings)

    sounds = {split: sound_of(run, data, split, settings, background) for split in SPLITS}

    def listened(split: Split) -> list[HeardPart]:
        parts = sounds[split].parts
        logits = _logits(model, data, [part.samples for part in parts], split)
        return _heard(parts, logits, data)

    heard = {split: listened(split) for split in SPLITS}
    tested = sounds["testing"].parts
    alone = settings_of(heard["validation"])
    alone_on = stream_metrics.choose(alone, settings.most_per_hour)
    points = settings_of(heard["testing"])
    chosen_alone = next(point for point in points if point.config == alone_on.config)
    if second is None:
        chosen, chosen_on = chosen_alone, alone_on
        unquantized = float_stream.logits(run, data.frontend, output, tested)
    else:
        pair = cascade.choose(
            cascade.Stages(model, second.model, data.frontend, second.past, settings.second_pace),
            listening,
            alone,
            (sounds["validation"].parts, heard["validation"]),
            (tested, heard["testing"]),
            THRESHOLDS,
            settings.second_hits,
            settings.most_per_hour,
        )
        chosen, chosen_on, points, unquantized = pair.tested, pair.on, [*pair.points], None
    report = StreamReport(
        chosen=chosen,
        chosen_on=chosen_on,
        points=points,
        scene=sounds["testing"].facts,
        settings=settings,
        model_sha256=hashlib.sha256(model).hexdigest(),
        deaf_seconds=(frames - 1) * data.frontend.hop / data.frontend.sample_rate,
        float_best=stream_metrics.choose(
            settings_of(_heard(tested, unquantized, data)), chosen.total.per_hour
        )
        if unquantized
        else None,
        second=second,
        alone=chosen_alone if second else None,
    )
    files.write_json(run / FILE, report.to_dict())
    operating_point.save(
        run, chosen.config, operating_point.about(report), operating_point.second_file(report)
    )
    if unmet := operating_point.unmet(run):
        _LOG.warning("%s", unmet)
    return report


@dataclasses.dataclass(frozen=True)
class Sound:
    """What a split's detector listens to, and facts about it."""

    parts: Sequence[SoundPart]
    facts: SceneFacts


def sound_of(
    run: run_dir.RunDirectory,
    data: RunData,
    split: Split,
    settings: StreamSettings,
    background: Collection[str],
) -> Sound:
    """The sound of a split: of a wake word what its streams are mixed of, else a stream of clips.

    Raises:
      UserError: there are no keywords, or sound cannot be read.
    """
    streams = run.stage(TrainRecord).streams
    if streams is not None and streams.takes is not None:
        return _wake_sound(streams, data, split, settings)
    if settings.test_recordings or settings.test_negatives or settings.test_noise:
        raise UserError(
            f"{run.path} has no wake word; --test_recordings, _negatives and _noise are for one",
            "leave them out, or train with --task=wake",
        )
    scene = scene_of(data, split, settings, background)
    return Sound(
        [SoundPart(level.kind, level.samples, level.events) for level in scene.levels()],
        SceneFacts(
            hours=scene.hours,
            keywords=len(scene.events),
            other_words=scene.other_words,
            clips=scene.clips,
            snrs_db=SNRS_DB,
        ),
    )


def _wake_sound(
    streams: StreamTraining, data: RunData, split: Split, settings: StreamSettings
) -> Sound:
    sounds = wake_sounds.load(wake_sounds.folders_of(streams), split)
    if split == "testing":
        sounds = wake_sounds.tested_on(
            sounds,
            streams.words,
            Path(settings.test_recordings) if settings.test_recordings else None,
            [Path(folder) for folder in settings.test_negatives],
            Path(settings.test_noise) if settings.test_noise else None,
        )
    rate = data.frontend.sample_rate
    parts = wake_parts.of(sounds, SNRS_DB, rate, settings.seed)
    words = sum(len(part.events) for part in parts)
    return Sound(
        parts,
        SceneFacts(
            hours=sum(len(part.samples) for part in parts) / rate / 3600,
            keywords=words,
            other_words=0,
            clips=words // len(SNRS_DB),
            snrs_db=SNRS_DB,
        ),
    )


def scene_of(
    data: RunData, split: Split, settings: StreamSettings, background: Collection[str]
) -> Scene:
    """A stream of a split's clips and background noise; `background`: labels that are no keywords.

    Raises:
      UserError: there are no keywords.
    """
    clips, noise = data.clips(split), data.noise(split)
    try:
        return stream_scene.build(
            clips.samples,
            clips.labels,
            [label not in background for label in data.labels],
            [label in background and label != _SILENCE for label in data.labels],
            noise,
            data.frontend.sample_rate,
            settings.minutes,
            SNRS_DB if noise else (None,),
            settings.seed,
        )
    except ValueError as error:
        raise UserError(f"cannot build a stream of {split} clips: {error}", _REMEDY) from None


def _heard(
    parts: Sequence[SoundPart], logits: Sequence[np.ndarray], data: RunData
) -> list[HeardPart]:
    """What a network made of each part."""
    rate = data.frontend.sample_rate
    return [
        HeardPart(part.kind, len(part.samples) / rate / 3600, made, part.events)
        for part, made in zip(parts, logits, strict=True)
    ]


def _logits(
    model: bytes, data: RunData, sounds: Sequence[np.ndarray], split: Split
) -> list[np.ndarray]:
    """int8 (frames, classes) of each sound: the logits of every frame."""
    second = data.frontend.sample_rate
    heard = []
    seconds = sum(-(-len(samples) // second) for samples in sounds)
    with (
        contextlib.closing(_engine(model, data)) as stream,
        progress.bar(total=seconds, desc=f"{split} stream", unit="s") as bar,
    ):
        for samples in sounds:
            stream.restart()
            parts = []
            for at in range(0, len(samples), second):
                parts.append(stream.push(samples[at : at + second]).logits)
                bar.update(1)
            heard.append(np.concatenate(parts))
    return heard


def _engine(model: bytes, data: RunData) -> SoundStream:
    """The exported C if there is a compiler, else TFLite Micro: both produce the same bytes."""
    detector = operating_point.of(data.frontend.num_frames)
    if not toolchain.missing_packages([HOST]):
        return CStream(model, Spotting(data.labels, data.frontend.to_dict(), detector))
    try:
        frames = tflite_micro_frames(model)
    except UnavailableError as error:
        raise UserError(str(error), "install gcc, to run the exported C") from None
    return PythonStream(frames, model, data.frontend, detector, data.labels, is_float=False)
