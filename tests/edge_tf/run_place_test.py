"""Where a stage writes is checked before its work; what a killed one was writing is removed."""

import shutil

import pytest

from edge_tf import run_place
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    run = RunDirectory(tmp_path / "run").create()
    left = [".float.keras.ab_cd012", ".config.json.abcdefgh", ".model_int8.tflite.01234567"]
    others = [".git", ".notes.txt", ".my.keras.backups", "float.keras.abcdefgh"]
    for name in (*left, *others):
        (run / name).mkdir()
        (run / name / "file").touch()
    with run.locked():
        there = {path.name for path in run.path.iterdir() if path.is_dir()}
    assert there == set(others)


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path / "new" / "run")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(run_place.shutil, "disk_usage", lambda path: usage._replace(free=3_100_000))
    with pytest.raises(UserError, match=r"has 3\.1 MB of free space; a stage may .*; free some sp"):
        run.locked().__enter__()
    assert not run.path.parent.exists()


@pytest.mark.parametrize("which", ["", "checkpoints"])
def test_a_read_only_place_is_told_before_the_work(tmp_path, monkeypatch, which):
    """As on a read-only file system; root may write to everything else."""
    run = RunDirectory(tmp_path / "run").create()
    (run / "checkpoints").mkdir()
    monkeypatch.setattr(
        run_place.os, "access", lambda path, mode: path != (run / which if which else run.path)
    )
    with pytest.raises(UserError, match=f"{which or 'run'} cannot be written; change its permis"):
        run.locked().__enter__()
