"""A finished conversion is found by its input, its settings and its files."""

import dataclasses

import pytest

from edge_tf import files, keras_file
from edge_tf.conversion.finished import WRITES, finished
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import ConvertRecord
from tests.edge_tf import recorded


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """A run as conversion leaves it, with the files of no real network."""
    run = RunDirectory(tmp_path / "run").create()
    for name in ("float.keras", *WRITES):
        files.write_bytes(run / name, name.encode())
    run.record(
        recorded.converted(
            source_sha256=keras_file.digest(run / "float.keras"),
            representative_clips=60,
            files=run.hashes(*WRITES),
        )
    )
    return run


def test_the_same_conversion_is_found(run):
    record = run.stage(ConvertRecord)
    assert record.files is not None and set(record.files) == set(WRITES)
    assert finished(run, 1_000, 60, "device") == record


def test_there_may_be_fewer_clips_than_were_asked_for(run):
    assert finished(run, 60, 300, "device") is not None
    assert finished(run, 61, 300, "device") is None


def test_other_settings_and_another_model_are_converted_again(run):
    assert finished(run, 1_000, 61, "device") is None
    assert finished(run, 1_000, 60, "plain") is None
    (run / "compressed.keras").write_bytes(b"compressed")
    assert finished(run, 1_000, 60, "device") is None
    (run / "compressed.keras").unlink()
    assert finished(run, 1_000, 60, "device") is not None
    (run / "float.keras").write_bytes(b"another")
    assert finished(run, 1_000, 60, "device") is None


@pytest.mark.parametrize("name", WRITES)
def test_files_that_are_missing_or_changed_are_made_again(run, name):
    """Which is what their errors say to do."""
    content = (run / name).read_bytes()
    (run / name).write_bytes(content + b"x")
    assert finished(run, 1_000, 60, "device") is None
    (run / name).unlink()
    assert finished(run, 1_000, 60, "device") is None


def test_an_older_run_has_no_hashes_and_is_converted_again(run):
    run.record(dataclasses.replace(run.stage(ConvertRecord), files=None))
    assert finished(run, 1_000, 60, "device") is None
