"""A run directory of someone else: whatever its files hold, reading them is one line or works."""

import copy
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from edge_tf import files, golden_file, records, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import FrontendFile, TrainRecord
from pipelines import exporting
from tests.edge_tf import hostile_runs, recorded
from tests.edge_tf.hostile_runs import ALL, JSON, ODD, places, read, reader


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return hostile_runs.make(tmp_path / "run")


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


@pytest.mark.parametrize("version", ["a" * 5_000, [1] * 5_000, {"a": "b" * 5_000}])
def test_a_version_without_end_is_one_short_line(run, version):
    files.write_json(run / "config.json", {"format_version": version, "stages": {}})
    with pytest.raises(UserError, match=r"has format_version .{60}, but this") as caught:
        run.config()
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("field", ["padding", "normalization"])
def test_a_word_without_end_in_the_front_end_is_one_short_line(field):
    with pytest.raises(UserError, match=rf"{field}='a{{59}} is not one of") as caught:
        FrontendConfig(**{field: "a" * 5_000})
    assert len(str(caught.value)) < 1_000
