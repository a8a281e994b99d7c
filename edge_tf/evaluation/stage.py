"""The stage "evaluate": the task metric at every hop, written to report.json and report.html."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import tflite_model
from edge_tf import records, run_dir
from edge_tf.android import models as android_models
from edge_tf.data.run_data import RunData
from edge_tf.errors import UserError
from edge_tf.evaluation import threshold_stage
from edge_tf.evaluation.cost import device_load
from edge_tf.evaluation.hops import (
    few_shot,
    gates,
    hop_table,
    lineup,
    measuring,
    predictions,
    recording_devices,
)
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.evaluation.hops.recording_devices import Devices
from edge_tf.evaluation.layers import layer_tables
from edge_tf.evaluation.report import report_files
from edge_tf.evaluation.report.data_text import DataFacts
from edge_tf.evaluation.report.report import ModelFacts, Report
from edge_tf.evaluation.streams.stream_report import StreamReport
from edge_tf.fewshot import dummies_file, episodes
from edge_tf.run_records import ConvertRecord, EpochRecord, EvaluateRecord, TrainRecord
from firmware_export import packing
from firmware_export.boards.board import HOP_TABLE, Board
from tflite_model import sparsity
from tflite_model.info import ModelInfo

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Clips:
    """The test clips that are run."""

    names: list[str]
    labels: np.ndarray
    devices: tuple[str, ...]
    samples: np.ndarray
    features: np.ndarray
    fingerprint: str


def evaluate(
    run: run_dir.RunDirectory,
    data: RunData,
    max_drop: float,
    max_clips: int = 0,
    error_clips: int = 500,
    stream: StreamReport | None = None,
    boards: Sequence[Board] = HOP_TABLE,
    unknown_accepts: float = 0.01,
) -> HopTable:
    """Runs the test clips through every hop, saves their logits and writes the report.

    Args:
      run: a run whose conversion has finished.
      data: its data.
      max_drop: percentage points of accuracy that int8 may lose.
      max_clips: maximum number of test clips, evenly over labels and recording devices; 0: all.
      error_clips: maximum for the table of quantization errors; 0: no such table.
      stream: results of a long stream, for the report.
      boards: where emitted C runs.
      unknown_accepts: of a run of --task=fewshot: share of unknown words that the threshold may let
        pass on validation words.

    Returns:
      The table; its `failed` lists the gates that failed.

    Raises:
      UserError: something is missing.
    """
    if error_clips < 0:
        raise UserError(f"--error_clips={error_clips} must be 0 or more")
    if not 0 <= max_drop <= 100:
        raise UserError(f"--max_drop={max_drop} must be between 0 and 100 points")
    run.require(run_dir.FLOAT_MODEL)
    path = run.require_int8()
    model = path.read_bytes()
    info = tflite_model.parse(model, str(path))
    clips = _clips(data, max_clips)
    devices = Devices(clips.devices, frozenset(data.training_devices()))

    listed = _episodes(run, data, clips, max_clips)
    task = None
    if listed is not None:
        task = few_shot.FewShot(
            listed.episodes,
            dummies_file.recogniser_of(run),
            episodes.TEST_SHOTS,
            threshold_stage.choose(run, data, unknown_accepts),
        )
    line = lineup.of_run(run, data, boards)
    began = time.perf_counter()
    hops = measuring.run(line.engines, clips.features, clips.samples, clips.labels, clips.devices)
    seconds = time.perf_counter() - began
    budget = run.target_nonzero_kb()
    others = [] if budget is None else [gates.judge_size(sparsity.parameter_size(info), budget)]
    if stream is not None:
        others.append(_false_accepts(stream))
    table = hop_table.build(
        hops, clips.labels, max_drop=max_drop, devices=devices, others=others, task=task
    )
    layers = layer_tables.of_run(run, model, clips.features, clips.labels, error_clips)

    run.record(
        EvaluateRecord(
            clips=len(clips.names),
            data_fingerprint=clips.fingerprint,
            max_drop=max_drop,
            seconds=round(seconds, 1),
            accuracy={row.engine: row.accuracy for row in table.rows},
            android_sha256=None if line.android is None else packing.sha256(line.android),
        )
    )
    if listed is None:
        predictions.save(run, table, data.labels, clips.names, devices, clips.fingerprint, model)
    report = Report(
        table=table,
        labels=data.labels if listed is None else listed.words,
        title=f"edge_tf: {run.path.resolve().name}",
        clip_names=_shown_names(clips, table),
        history=records.to_json(_history(run)),
        model=ModelFacts.of(info, run_dir.INT8_MODEL, run.stage(ConvertRecord).parameters),
        android=_android_facts(line.android),
        settings=run.config(),
        layers=layers,
        stream=stream,
        load=device_load.of_run(run, data.frontend),
        data=DataFacts.of(run.stage(TrainRecord)),
    )
    report_files.write(report, run.path)
    return table


def _episodes(
    run: run_dir.RunDirectory, data: RunData, clips: _Clips, most: int
) -> episodes.Listed | None:
    """The episodes that a run of --task=fewshot is tested on, as its training announced them."""
    fewshot = run.stage(TrainRecord).fewshot
    if fewshot is None:
        return None
    if most:
        raise UserError("--max_clips takes clips out of the episodes of the test", "leave it out")
    listed = episodes.of_test(clips.labels, clips.names, data.labels)
    if listed.digest != fewshot.test_digest:
        raise UserError(
            f"{run.path}: the episodes of the test are not those that its training announced",
            "restore the data, or train again into a new --run_dir",
        )
    return listed


def _false_accepts(stream: StreamReport) -> gates.Gate:
    aim = stream.aim
    name = f"at most {aim.most_per_hour:g} false accepts per hour"
    return gates.Gate(name, aim.is_met, aim.detail)


def _clips(data: RunData, most: int) -> _Clips:
    """All test clips, or `most` of them, evenly over labels and recording devices."""
    testing = data.clips("testing")
    rows = np.arange(len(testing.labels))
    if most > len(rows):
        _LOG.info("--max_clips=%d: there are %d test clips, all are run", most, len(rows))
    if most:
        rows = recording_devices.spread(testing.labels, testing.devices, most)
    samples = testing.samples[rows]
    return _Clips(
        names=[testing.names[row] for row in rows],
        labels=testing.labels[rows],
        devices=tuple(testing.devices[row] for row in rows),
        samples=samples,
        features=data.features(samples),
        fingerprint=testing.fingerprint,
    )


def _shown_names(clips: _Clips, table: HopTable) -> list[str]:
    """Names of clips, with the device if there are several."""
    if table.devices is None:
        return clips.names
    return [f"{name} ({device})" for name, device in zip(clips.names, clips.devices, strict=True)]


def _android_facts(model: bytes | None) -> ModelFacts | None:
    if model is None:
        return None
    info: ModelInfo = tflite_model.parse(model)
    return ModelFacts.of(info, android_models.WAVEFORM)


def _history(run: run_dir.RunDirectory) -> list[EpochRecord]:
    """Epochs of training, followed by those of compression if there was one."""
    history = records.load(run.require(run_dir.HISTORY), list[EpochRecord])
    path = run / run_dir.COMPRESSION / run_dir.HISTORY
    if (run / run_dir.COMPRESSED_MODEL).exists() and path.exists():
        last = len(history)
        compression = records.load(path, list[EpochRecord])
        history += [replace(record, epoch=last + record.epoch) for record in compression]
    return history
