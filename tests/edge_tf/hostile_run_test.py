"""A run directory of someone else: whatever its files hold, reading them is one line or works."""

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    FrontendFile,
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


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """The small files of a converted run."""
    made = RunDirectory(tmp_path / "run").create()
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


@pytest.mark.parametrize("name", [name for name in ALL if name != run_dir.PREDICTIONS])
def test_what_we_write_is_read(run, name):
    if name == run_dir.INT8_MODEL:
        (run / run_dir.FLOAT_MODEL).unlink()
    if name != "config.json":
        assert read(run, name)
    else:
        assert run.stage(TrainRecord) == recorded.trained()


@pytest.mark.parametrize("name", JSON)
def test_any_value_replaced_by_any_other_is_one_line(run, name):
    whole, rng = (run / name).read_text(encoding="utf-8"), random.Random(name)

    def places(value: Any) -> list[tuple[Any, Any]]:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        found = [(value, key) for key in keys]
        for key in keys:
            if isinstance(value[key], dict | list):
                found += places(value[key])
        return found

    for _ in range(150):
        value = json.loads(whole)
        for _ in range(rng.randint(1, 2)):
            holder, key = rng.choice(places(value) or [({}, "a")])
            holder[key] = copy.deepcopy(rng.choice(ODD))
        (run / name).write_text(json.dumps(value), encoding="utf-8")
        read(run, name)
    for content in ("[]", "null", "3", '"a"', "[" * 9_999, '{"a": ' + "9" * 5_000 + "}"):
        (run / name).write_text(content)
        accepted = read(run, name)
        assert not accepted or (name, content) == (run_dir.HISTORY, "[]")


@pytest.mark.parametrize("stage", [None, [], 3, "x", [[]]])
def test_a_stage_that_is_no_record_is_one_line(run, stage):
    config = run.config()
    config["stages"]["train"] = stage
    files.write_json(run / "config.json", config)
    with pytest.raises(UserError, match=r"config\.json, stage train: Expected `object`"):
        run.stage(TrainRecord)


@pytest.mark.parametrize("name", ALL)
def test_flipped_bytes_are_one_line(run, name):
    if not (run / name).exists():
        (run / name).write_bytes((run / run_dir.GOLDEN).read_bytes())
    whole, rng = (run / name).read_bytes(), random.Random(name)
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (run / name).write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        read(run, name)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ALL)
def test_what_is_no_file_is_refused_without_waiting(run, name, kind):
    path = run / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    told = "a folder" if kind == "folder" else "a pipe, socket or device"
    with pytest.raises(UserError, match=rf"{name} is {told} instead of a file"):
        reader(name)(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.update(wav=arrays["wav"].astype(np.int32)),
        lambda arrays: arrays.update(wav=arrays["wav"][0]),
        lambda arrays: arrays.update(features=arrays["features"][:1]),
        lambda arrays: arrays.update(logits=arrays["logits"].astype(np.float32)),
        lambda arrays: arrays.update(label_index=arrays["label_index"].astype(np.float32)),
        lambda arrays: arrays.update({name: array[:0] for name, array in arrays.items()}),
        lambda arrays: arrays.pop("wav"),
    ],
)
def test_golden_vectors_of_another_kind_are_refused(run, change):
    with np.load(run / run_dir.GOLDEN) as content:
        arrays = dict(content)
    change(arrays)
    np.savez(run / run_dir.GOLDEN, **arrays)
    with pytest.raises(UserError, match=r"golden\.npz holds no golden vectors .*; make it again"):
        golden_file.load(run)


def test_the_front_end_is_kept_as_it_is_written(run):
    assert exporting.frontend(run) == files.read_json(run / run_dir.FRONTEND)
    assert records.load(run / run_dir.FRONTEND, FrontendFile).frontend == FrontendConfig()
