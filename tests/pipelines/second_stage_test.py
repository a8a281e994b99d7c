"""A detector of two stages at the binaries: what does not fit is one line, before any work."""

from pathlib import Path

import pytest

from edge_tf import files
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point, second_run
from edge_tf.evaluation.streams.operating_point import SecondFile
from edge_tf.run_dir import RunDirectory
from pipelines import export_android, export_firmware
from tests.edge_tf.evaluation.streams.second_run_test import CONFIG, DETECTOR, made
from tests.pipelines.bad_input_test import refused_early


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = made(tmp_path / "first")
    files.write_bytes(run / "float.keras", b"a network")
    return run


@pytest.fixture
def pair(run: RunDirectory, tmp_path: Path) -> RunDirectory:
    second = second_run.load(run, made(tmp_path / "large").path)
    given = SecondFile(str(second.path), second.sha256, CONFIG, 12.5)
    operating_point.save(run, DETECTOR, {}, given)
    return run


def test_a_second_stage_that_does_not_fit_is_refused_early(run: RunDirectory, tmp_path: Path):
    words = made(tmp_path / "words", labels=("_unknown_", "door"))
    flags = (f"--run_dir={run.path}", f"--second={words.path}")
    assert "--second is a stage of a detector for streams; add --stream" in refused_early(
        "evaluate", *flags
    )
    error = refused_early("evaluate", *flags, "--stream")
    assert "words tells _unknown_, door, but" in error
    assert not (run / "detector.json").exists()


def test_a_whole_chain_does_not_begin_without_its_second_stage(tmp_path: Path):
    flags = ("--task=wake", "--words=lamp", f"--run_dir={tmp_path / 'run'}")
    error = refused_early("run", *flags, f"--second={tmp_path / 'none'}")
    assert f"the second stage {tmp_path / 'none'} does not exist; name the run dir" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flavor", "streaming", "what"),
    [
        ("tflm", None, "TensorFlow Lite Micro's runner"),
        ("standalone", False, "an export of whole windows"),
    ],
)
def test_firmware_that_cannot_have_both_stages_says_so(
    pair: RunDirectory, flavor: str, streaming: bool | None, what: str
):
    with pytest.raises(UserError, match=f"has a second stage, which {what}"):
        export_firmware.export(pair.path, flavor=flavor, streaming=streaming)
    assert not (pair / "firmware").exists() and not (pair / "firmware_c").exists()


def test_an_app_has_no_second_stage_and_says_so(pair: RunDirectory):
    with pytest.raises(UserError, match="has a second stage, which an export for Android"):
        export_android.export(pair.path)
    assert not (pair / "android").exists()


def test_a_changed_second_stage_stops_what_would_use_it(pair: RunDirectory, tmp_path: Path):
    files.write_bytes(tmp_path / "large" / "model_streaming.tflite", b"other")
    for call in (
        lambda: export_firmware.export(pair.path, flavor="tflm"),
        lambda: export_android.export(pair.path),
    ):
        with pytest.raises(UserError, match="has changed since"):
            call()
