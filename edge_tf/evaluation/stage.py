"""The stage "evaluate": the task metric at every hop, report.json and report.html out."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_tf import files, run_dir
from edge_tf.android import models as android_models
from edge_tf.data.run_data import RunData
from edge_tf.engines import mediapipe_audio, side_by_side
from edge_tf.engines.base import Engine, UnavailableError
from edge_tf.engines.emitted_c import EmittedC, IntegerFrontend
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.keras_quantized import KerasQuantized
from edge_tf.engines.litert import AndroidWaveform, LiteRTReference, LiteRTXnnpack
from edge_tf.engines.streaming import KerasStreaming, StreamingTFLiteMicro
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.errors import UserError
from edge_tf.evaluation import device_figures, gates, hop_table, layer_tables, predictions
from edge_tf.evaluation.device_figures import Devices
from edge_tf.evaluation.report import ModelFacts, Report, write_report
from edge_tf.evaluation.stream_stage import StreamReport
from firmware_export import packing, sparsity, tflite_file
from firmware_export.standalone.package import Spotting

_LOG = logging.getLogger("edge_tf")

# Where emitted C runs in the hop table.
BOARDS = ("host", "cortex-m4", "cortex-m55")


def evaluate(
    run: run_dir.RunDirectory,
    data: RunData,
    max_drop: float,
    max_clips: int = 0,
    error_clips: int = 500,
    heard: StreamReport | None = None,
    boards: Sequence[str] = BOARDS,
) -> hop_table.HopTable:
    """Runs the test clips through every hop, keeps their logits and writes the report.

    Args:
      run: a run whose conversion has finished.
      data: its data.
      max_drop: percentage points of accuracy that int8 may lose.
      max_clips: cap on test clips, evenly over labels and recording devices; 0: all.
      error_clips: cap on those for the table of quantization errors; 0: no such table.
      heard: what a long stream gave, for the report.
      boards: where emitted C runs, some of BOARDS.

    Returns:
      The table; its `failed` lists broken gates.

    Raises:
      UserError: something is missing.
    """
    if error_clips < 0:
        raise UserError(f"--error_clips={error_clips} must be 0 or more")
    if not 0 <= max_drop <= 100:
        raise UserError(f"--max_drop={max_drop} must be between 0 and 100 points")
    run.require(run_dir.FLOAT_MODEL)
    model = run.require_int8().read_bytes()
    info = tflite_file.parse(model, str(run / run_dir.INT8_MODEL))
    testing = data.clips("testing")
    rows = np.arange(len(testing.labels))
    if max_clips:
        rows = device_figures.spread(testing.labels, testing.devices, max_clips)
    labels, names = testing.labels[rows], [testing.names[row] for row in rows]
    of_clips = tuple(testing.devices[row] for row in rows)
    devices = Devices(of_clips, frozenset(data.training_devices()))
    features = data.features(testing.samples[rows])

    phone = _android_model(run, model, data)
    began = time.perf_counter()
    engines = [*_keras(run), *_engines(model, data, boards), *_android(phone, data)]
    engines += _streaming(run, data, boards)
    picks = [_rows_for(engine, labels, of_clips) for engine in engines]
    clips = {"features": features, "waveform": testing.samples[rows]}
    outputs = side_by_side.run_all(engines, clips, picks)
    seconds = time.perf_counter() - began
    hops = []
    for engine, output, pick in zip(engines, outputs, picks, strict=True):
        compare_to = IntegerFrontend.name if isinstance(engine, EmittedC) else ""
        if engine.start == "features":
            compare_to = ""
        if isinstance(output, UnavailableError):
            hops.append(
                hop_table.HopResult(
                    name=engine.name,
                    engine=engine.id,
                    start=engine.start,
                    bit_exact=engine.bit_exact,
                    unavailable=str(output),
                    compare_to=compare_to,
                )
            )
            continue
        hops.append(
            hop_table.HopResult(
                name=engine.name,
                engine=engine.id,
                start=engine.start,
                bit_exact=engine.bit_exact,
                outputs=output.logits,
                scale=output.scale,
                zero_point=output.zero_point,
                seconds_per_inference=output.seconds_per_inference,
                are_shifted=output.are_shifted,
                compare_to=compare_to,
                clip_indices=pick,
            )
        )
    budget = run.target_nonzero_kb()
    size = [] if budget is None else [gates.judge_size(sparsity.parameter_size(info), budget)]
    table = hop_table.build(hops, labels, max_drop=max_drop, devices=devices, others=size)
    layers = layer_tables.of_run(run, model, features, labels, error_clips)
    run.record(
        "evaluate",
        {
            "clips": len(rows),
            "data_fingerprint": testing.fingerprint,
            "max_drop": max_drop,
            "seconds": round(seconds, 1),
            "accuracy": {row.engine: row.accuracy for row in table.rows},
            **({} if phone is None else {"android_sha256": packing.sha256(phone)}),
        },
    )
    predictions.save(run, table, data.labels, names, devices, testing.fingerprint, model)
    if table.devices is not None:  # one clip is heard through several
        names = [f"{name} ({device})" for name, device in zip(names, of_clips, strict=True)]
    report = Report(
        table=table,
        labels=data.labels,
        title=f"edge_tf: {run.path.resolve().name}",
        clip_names=names,
        history=_history(run),
        model=ModelFacts.of(info, run_dir.INT8_MODEL, run.stage("convert")["parameters"]),
        android=None
        if phone is None
        else ModelFacts.of(tflite_file.parse(phone), android_models.WAVEFORM),
        settings=run.config(),
        layers=layers,
        stream=heard,
    )
    write_report(report, run.path)
    return table


def _history(run: run_dir.RunDirectory) -> list[dict[str, Any]]:
    """Epochs of the training, and behind them those of the compression if there was one."""
    history: list[dict[str, Any]] = files.read_json(run.require(run_dir.HISTORY))
    path = run / run_dir.COMPRESSION / run_dir.HISTORY
    if (run / run_dir.COMPRESSED_MODEL).exists() and path.exists():
        last = len(history)
        history += [{**record, "epoch": last + record["epoch"]} for record in files.read_json(path)]
    return history


def _keras(run: run_dir.RunDirectory) -> list[Engine]:
    """The hops before conversion."""
    engines: list[Engine] = [KerasFloat(run / run_dir.FLOAT_MODEL)]
    compressed, ranges = run / run_dir.COMPRESSED_MODEL, run / run_dir.QUANTIZATION
    if compressed.exists():
        engines.append(KerasFloat(compressed, "keras_compressed", "Keras compressed"))
        if ranges.exists():
            engines.append(KerasQuantized(compressed, ranges))
    return engines


def _engines(model: bytes, data: RunData, boards: Sequence[str]) -> list[Engine]:
    """The hops of the int8 file, in the order the model travels."""
    engines: list[Engine] = [
        LiteRTReference(model),
        LiteRTXnnpack(model),
        TFLiteMicro(model),
        *(EmittedC(model, board) for board in boards),
    ]
    if data.frontend.is_causal:  # else a frame needs sound that has not come yet
        frontend = data.frontend.to_dict()
        spotting = Spotting(data.labels, frontend)
        engines.append(IntegerFrontend(model, frontend))
        engines += [EmittedC(model, board, spotting, "waveform") for board in boards]
    return engines


def _android_model(run: run_dir.RunDirectory, model: bytes, data: RunData) -> bytes | None:
    """What `export_android` writes for the waveform; None if TFLite has no such front-end."""
    try:
        made = android_models.make(model, data.frontend, data.labels, android_models.title(run))
    except UserError as error:
        _LOG.warning("no model for Android: %s", error)
        return None
    return made.waveform


def _android(model: bytes | None, data: RunData) -> list[Engine]:
    """The hops of an Android app; MediaPipe where it is installed."""
    if model is None:
        return []
    engines: list[Engine] = [AndroidWaveform(model)]
    if mediapipe_audio.python() is not None:
        rate = data.frontend.sample_rate
        engines.append(mediapipe_audio.MediaPipe(model, data.labels, rate))
    return engines


def _streaming(run: run_dir.RunDirectory, data: RunData, boards: Sequence[str]) -> list[Engine]:
    """The hops of the streaming form, of a run that was trained for streams.

    Each clip begins a stream of its own, so that its last frame must give what its window gives.
    That holds for causal models; with a look-ahead a stream knows what a window pads.
    """
    if run.lookahead() != 0:
        return []
    model = run.require(run_dir.STREAMING_MODEL).read_bytes()
    spotting = Spotting(data.labels, data.frontend.to_dict())
    engines: list[Engine] = [
        KerasStreaming(run.model_to_convert(), 0),
        StreamingTFLiteMicro(model),
        *(EmittedC(model, board, streaming=True) for board in boards),
    ]
    if data.frontend.is_causal:
        engines += [EmittedC(model, b, spotting, "waveform", streaming=True) for b in boards]
    return engines


def _rows_for(engine: Engine, labels: np.ndarray, devices: tuple[str, ...]) -> np.ndarray | None:
    """The clips that an engine runs; None: all."""
    if not engine.most_clips or engine.most_clips >= len(labels):
        return None
    return device_figures.spread(labels, devices, engine.most_clips)
