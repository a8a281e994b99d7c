"""The run of a second stage: what does not fit the first is refused in a line, also later."""

import hashlib
import shutil

import pytest

from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import operating_point, second_run
from edge_tf.evaluation.streams.operating_point import SecondFile
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import SecondConfig
from tests.edge_tf import recorded

LABELS = ("_unknown_", "lamp")
CONFIG = SecondConfig(0.7, 5, 217, 50, 8)
DETECTOR = DetectorConfig(10, 0.3, 120, LABELS[:1])


def made(path, labels=LABELS, lookahead: int | None = 0, **frontend) -> RunDirectory:
    config = FrontendConfig(**frontend)
    run = RunDirectory(path).create()
    files.write_json(run / "frontend.json", {"frontend": config.to_dict()})
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in labels))
    run.record(
        recorded.trained(model=ModelConfig(lookahead=lookahead), labels=labels, frontend=config)
    )
    for name in ("model_int8.tflite", "model_streaming.tflite"):
        files.write_bytes(run / name, path.name.encode())
    return run


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    return made(tmp_path / "first")


def refused(run: RunDirectory, path) -> str:
    with pytest.raises(UserError) as caught:
        second_run.load(run, path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_larger_run_is_read_with_what_its_logits_depend_on(run, tmp_path):
    found = second_run.load(run, made(tmp_path / "large").path)
    assert found.model == b"large" and found.path == tmp_path / "large"
    assert found.sha256 == hashlib.sha256(b"large").hexdigest()
    assert found.past == 101 + 116  # the window, and BC-ResNet's field before it


def test_what_does_not_fit_is_refused_in_a_line(run, tmp_path):
    assert f"{tmp_path / 'none'} does not exist; name the run directory" in refused(
        run, tmp_path / "none"
    )
    words = made(tmp_path / "words", labels=("_unknown_", "door"))
    assert "words tells _unknown_, door, but " in refused(run, words.path)
    hop = made(tmp_path / "hop", hop=320)
    assert "hop has hop=320, but" in refused(run, hop.path)
    window = made(tmp_path / "window", lookahead=None)
    assert "was trained for whole windows; train it with --streaming" in refused(run, window.path)
    unfinished = made(tmp_path / "unfinished")
    (unfinished / "model_streaming.tflite").unlink()
    assert "model_streaming.tflite is missing; make it with: python -m pipelines.convert" in (
        refused(run, unfinished.path)
    )
    (tmp_path / "empty").mkdir()
    assert "config.json is missing" in refused(run, tmp_path / "empty")


@pytest.fixture
def pair(run, tmp_path) -> RunDirectory:
    """The first run, with a detector of two stages."""
    second = second_run.load(run, made(tmp_path / "large").path)
    given = SecondFile(str(second.path), second.sha256, CONFIG, 12.5)
    operating_point.save(run, DETECTOR, {}, given)
    return run


def test_a_chosen_pair_is_read_again_as_it_was(pair, tmp_path):
    assert operating_point.of_run(pair) == DETECTOR
    found = operating_point.second_of(pair)
    assert found is not None
    assert (found.config, found.model, found.hits_per_hour) == (CONFIG, b"large", 12.5)
    assert found.name == str(tmp_path / "large" / "model_streaming.tflite")


def test_a_detector_of_one_stage_has_no_second(run):
    assert operating_point.second_of(run) is None
    operating_point.save(run, DETECTOR, {})
    assert operating_point.second_of(run) is None
    operating_point.refuse_second(run, "a lamp")
    assert "second" not in files.read_json(run / "detector.json")


def test_a_second_stage_that_was_changed_since_is_refused(pair, tmp_path):
    files.write_bytes(tmp_path / "large" / "model_streaming.tflite", b"other")
    with pytest.raises(UserError) as caught:
        operating_point.second_of(pair)
    assert "has changed since" in str(caught.value) and "--second=" in str(caught.value)
    shutil.rmtree(tmp_path / "large")
    with pytest.raises(UserError, match="large does not exist"):
        operating_point.second_of(pair)


def test_what_has_no_second_stage_says_so(pair):
    with pytest.raises(UserError) as caught:
        operating_point.refuse_second(pair, "an export for Android")
    message = str(caught.value)
    assert "has a second stage, which an export for Android does not have; choose" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "second",
    ["{}", "7", '{"run_dir": "x"}', '{"run_dir":"x","model_sha256":"","hits_per_hour":1,"config":{'
     '"threshold":9,"smoothing":1,"past":1,"patience":1,"pace":1}}'],
)  # fmt: skip
def test_a_damaged_entry_is_told_in_a_line(run, second):
    path = run / "detector.json"
    path.write_text(f'{{"detector": {{}}, "second": {second}}}')
    for read in (operating_point.second_of, operating_point.of_run):
        with pytest.raises(UserError) as caught:
            read(run)
        assert str(caught.value).startswith(f"{path} describes no detector")
        assert "\n" not in str(caught.value)
