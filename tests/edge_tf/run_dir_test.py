"""The run directory: nothing foreign is touched, and what is missing is told with its command."""

import hashlib
import json

import pytest

from edge_tf import files, run_dir
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import ConvertRecord, StageRecord, TrainRecord
from edge_tf.settings import TrainingSettings
from tests.edge_tf import recorded


def test_a_new_run_and_the_same_again(tmp_path):
    run = RunDirectory(tmp_path / "a" / "run").create()
    assert json.loads((run / "config.json").read_text()) == {"format_version": 1, "stages": {}}
    record = recorded.trained(recipe=TrainingSettings(seed=3))
    run.record(record)
    again = RunDirectory(run.path).create()
    assert again.stage(TrainRecord) == record
    written = again.config()["stages"]["train"]
    assert list(written)[-2:] == ["versions", "finished"] and written["versions"]["edge_tf"]


def test_recording_a_stage_keeps_the_others(tmp_path):
    run = RunDirectory(tmp_path).create()
    run.record(recorded.trained(labels=("a", "b")))
    run.record(recorded.converted(bytes=2))
    run.record(recorded.trained(labels=("c", "d")))
    assert run.stage(TrainRecord).labels == ("c", "d") and run.stage(ConvertRecord).bytes == 2
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_foreign_folder_and_a_file_are_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="so it is not a run; choose a new folder"):
        RunDirectory(tmp_path).create()
    with pytest.raises(UserError, match=r"letter\.txt is a file; choose a folder"):
        RunDirectory(tmp_path / "letter.txt").create()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_checking_makes_nothing(tmp_path):
    RunDirectory(tmp_path / "new").check()
    assert list(tmp_path.iterdir()) == []


def test_hidden_files_do_not_make_a_folder_foreign(tmp_path):
    (tmp_path / ".float.keras.half").mkdir()
    RunDirectory(tmp_path).create()


@pytest.mark.parametrize(
    "content",
    [
        '{"format_version": 2, "stages": {}}',
        '{"format_version": "1", "stages": {}}',
        '{"stages": {}}',
        '{"format_version": 1, "stages": []}',
        "[]",
        "null",
    ],
)
def test_another_version_is_refused_before_anything_is_read(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    run = RunDirectory(tmp_path)
    for use in (run.create, run.check, run.config, lambda: run.stage(TrainRecord), run.labels):
        with pytest.raises(UserError, match=r"format_version .*; use the edge_tf that made it"):
            use()
    assert (tmp_path / "config.json").read_text() == content


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("float.keras", "train"),
        ("labels.txt", "train"),
        ("frontend.json", "train"),
        ("model_int8.tflite", "convert"),
        ("golden.npz", "convert"),
        ("report.json", "evaluate"),
        ("firmware", "export_firmware"),
    ],
)
def test_a_missing_file_names_the_command_that_makes_it(tmp_path, name, stage):
    run = RunDirectory(tmp_path / "my run").create()
    with pytest.raises(UserError) as caught:
        run.require(name)
    command = f"python -m pipelines.{stage} --run_dir='{run.path}'"
    assert str(caught.value) == f"{run / name} is missing; make it with: {command}"


def test_a_missing_run_and_a_missing_stage_name_the_command(tmp_path):
    with pytest.raises(UserError, match=r"does not exist; make it with: .*pipelines\.train"):
        RunDirectory(tmp_path / "none").require("labels.txt")
    with pytest.raises(UserError, match=r"no finished stage 'train'; run: .*pipelines\.train"):
        RunDirectory(tmp_path).create().stage(TrainRecord)


def test_labels_with_spaces_and_any_script(tmp_path):
    run = RunDirectory(tmp_path).create()
    labels = ["_silence_", "turn on", "größe", "next\u2028line", "停"]
    (run / "labels.txt").write_text("".join(f"{x}\n" for x in labels), encoding="utf-8")
    assert run.labels() == labels


@pytest.mark.parametrize("content", [b"", b"one\n", b"a\na\n", b"a\n\nb\n", b"a\n\xff\n"])
def test_damaged_labels_are_told(tmp_path, content):
    run = RunDirectory(tmp_path).create()
    (run / "labels.txt").write_bytes(content)
    with pytest.raises(UserError, match="at least two different labels"):
        run.labels()


def test_versions_leave_out_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(run_dir, "_PACKAGES", ("numpy", "no-such-package"))
    assert set(run_dir.package_versions()) == {"python", "edge_tf", "numpy"}


def test_files_of_a_stage_are_known_by_their_hashes(tmp_path):
    run = RunDirectory(tmp_path / "run").create()
    (run / "golden.npz").write_bytes(b"golden")
    outside = {"../run/golden.npz": hashlib.sha256(b"golden").hexdigest()}
    for given, same in (
        (run.hashes("golden.npz", "labels.txt"), True),
        ({"golden.npz": "0" * 64}, False),
        (run.hashes("golden.npz") | {"labels.txt": "0" * 64}, False),
        (run.hashes("golden.npz") | outside, False),
        ({}, False),
        (None, False),
    ):
        assert run.is_unchanged(recorded.converted(files=given), "golden.npz") is same
    assert run.is_unchanged(recorded.converted(), "golden.npz", older=True)
    assert not run.is_unchanged(recorded.converted(), "golden.npz", "labels.txt", older=True)


def test_an_int8_file_of_another_model_is_not_taken(tmp_path):
    """After a compression, or another training, conversion must come first."""
    run = RunDirectory(tmp_path / "run").create()
    (run / "float.keras").write_bytes(b"float")
    (run / "model_int8.tflite").write_bytes(b"int8")
    assert run.require_int8() == run / "model_int8.tflite"  # nothing is known of where it is from
    run.record(recorded.converted(source_sha256=hashlib.sha256(b"float").hexdigest()))
    assert run.require_int8() == run / "model_int8.tflite"
    assert run.model_to_convert() == run / "float.keras"
    (run / "compressed.keras").write_bytes(b"compressed")
    assert run.model_to_convert() == run / "compressed.keras"
    with pytest.raises(UserError, match=r"not made from .*compressed\.keras; run: python -m pip"):
        run.require_int8()
    run.record(recorded.converted(source_sha256=hashlib.sha256(b"compressed").hexdigest()))
    assert run.require_int8() == run / "model_int8.tflite"


@pytest.mark.parametrize(
    ("stage", "change", "told"),
    [
        ("train", {"recipe": {"epochs": "3"}}, "recipe.epochs='3': Expected `int`, got `str`"),
        ("train", {"model": {"lookahead": 0.5}}, "model.lookahead=0.5: Expected `int | null`"),
        ("train", {"labels": ["a", 1]}, r"labels[1]=1: Expected `str`, got `int`"),
        ("train", {"data": {}}, "data: Object missing required field `data_dir`"),
        ("train", {"frontend": {"hop": 0}}, "front-end lengths must satisfy"),
        ("convert", {"graph": "round"}, "graph='round': Invalid enum value 'round'"),
        ("convert", {"bytes": None}, "bytes=None: Expected `int`, got `null`"),
    ],
)
def test_a_damaged_record_is_told_in_a_line(tmp_path, stage, change, told):
    run = RunDirectory(tmp_path / "run").create()
    run.record(recorded.trained())
    run.record(recorded.converted())
    config = run.config()
    config["stages"][stage] |= change
    files.write_json(run / "config.json", config)
    kinds: dict[str, type[StageRecord]] = {"train": TrainRecord, "convert": ConvertRecord}
    with pytest.raises(UserError) as caught:
        run.stage(kinds.pop(stage))
    message = str(caught.value)
    assert message.startswith(f"{run / 'config.json'}, stage {stage}: {told}")
    for other in kinds.values():  # a damaged section does not make the others useless
        run.stage(other)


def test_what_a_newer_version_wrote_beside_is_kept(tmp_path):
    run = RunDirectory(tmp_path).create()
    run.record(recorded.trained())
    config = run.config()
    config["stages"]["train"]["mood"] = config["note"] = "good"
    files.write_json(run / "config.json", config)
    run.record(recorded.converted())
    assert run.stage(TrainRecord) == recorded.trained()
    kept = run.config()
    assert (kept["note"], kept["stages"]["train"]["mood"]) == ("good", "good")
