"""A run directory for hostile files: its small files, and what reads each of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge_tf import files, golden_file, records, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import layer_names
from edge_tf.errors import UserError
from edge_tf.evaluation.hops import predictions
from edge_tf.evaluation.streams import operating_point
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import (
    CompressRecord,
    ConvertRecord,
    EpochRecord,
    EvaluateRecord,
    ExportAndroidRecord,
    ExportFirmwareRecord,
    RangesFile,
    TrainRecord,
)
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig
from pipelines import exporting
from tests.edge_tf import recorded
from tflite_model.errors import TFLiteError

STAGES = (
    TrainRecord,
    CompressRecord,
    ConvertRecord,
    EvaluateRecord,
    ExportFirmwareRecord,
    ExportAndroidRecord,
)
ODD: tuple[Any, ...] = (
    *(None, [], {}, "", "x", -1, 0, 1.5, 2**63, 10**18, True, [None], [[]], {"a": None}),
    *(float("nan"), float("inf"), "../../../etc/passwd", "\x1b[31m", "a" * 5_000),
)
EPOCH = EpochRecord(
    epoch=1,
    loss=1.0,
    accuracy=0.5,
    learning_rate=0.1,
    samples_per_second=9.0,
    seconds=1.0,
    val_accuracy=0.5,
)


def make(folder: Path) -> RunDirectory:
    """The small files of a converted run, in a new folder."""
    made = RunDirectory(folder).create()
    made.record(recorded.trained())
    made.record(recorded.converted())
    described = {"frontend": FrontendConfig().to_dict(), "input": {"scale": 0.1, "zero_point": 3}}
    files.write_json(made / run_dir.FRONTEND, described)
    files.write_json(made / run_dir.HISTORY, records.to_json([EPOCH, EPOCH]))
    files.write_json(made / run_dir.QUANTIZATION, {"ranges": {"a": [-1.0, 1.0], "b": [[0], [1]]}})
    operating_point.save(made, DetectorConfig(), {"chosen_on": "validation"})
    (made / run_dir.LABELS).write_text("go\nstop\n")
    for name in (run_dir.FLOAT_MODEL, run_dir.INT8_MODEL):
        (made / name).write_bytes(b"none")
    np.savez(
        made / run_dir.GOLDEN,
        wav=np.zeros((2, 16_000), np.int16),
        features=np.zeros((2, 40, 101, 1), np.int8),
        logits=np.zeros((2, 2), np.int8),
        label_index=np.zeros(2, np.int32),
    )
    structure = {"format_version": 1, "model_sha256": "0", "nodes": [], "tensors": {}}
    np.savez(made / run_dir.DEVICE_GRAPH, structure=np.array(json.dumps(structure)))
    return made


def every_config(run: RunDirectory) -> None:
    for kind in STAGES:
        try:
            run.find(kind)
        except UserError as error:
            assert "\n" not in str(error)
    run.check()
    run.lookahead(), run.graph(), run.require_int8()


def graph_names(run: RunDirectory) -> None:
    layer_names.of_weights(b"", run / run_dir.DEVICE_GRAPH)


def reader(name: str) -> Callable[[RunDirectory], object]:
    readers: dict[str, Callable[[RunDirectory], object]] = {
        "config.json": every_config,
        run_dir.FRONTEND: exporting.frontend,
        run_dir.HISTORY: lambda run: records.load(run.require(run_dir.HISTORY), list[EpochRecord]),
        run_dir.QUANTIZATION: lambda run: records.load(run / run_dir.QUANTIZATION, RangesFile),
        operating_point.FILE: operating_point.of_run,
        run_dir.LABELS: lambda run: run.labels(),
        run_dir.GOLDEN: golden_file.load,
        run_dir.DEVICE_GRAPH: graph_names,
        run_dir.FLOAT_MODEL: lambda run: run.model_to_convert() and run.require(name),
        run_dir.INT8_MODEL: lambda run: run.require_int8(),
        run_dir.PREDICTIONS: predictions.load,
    }
    return readers[name]


JSON = (
    "config.json",
    run_dir.FRONTEND,
    run_dir.HISTORY,
    run_dir.QUANTIZATION,
    operating_point.FILE,
)
ALL = (
    *JSON,
    *(run_dir.LABELS, run_dir.GOLDEN, run_dir.DEVICE_GRAPH),
    *(run_dir.FLOAT_MODEL, run_dir.INT8_MODEL, run_dir.PREDICTIONS),
)


def read(run: RunDirectory, name: str) -> bool:
    """Whether the file was accepted; a refusal is of our own and one line."""
    try:
        reader(name)(run)
    except (UserError, ExportError, TFLiteError) as error:
        assert "\n" not in str(error) and len(str(error)) < 2_000
        return False
    return True


def places(value: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of everything in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found
