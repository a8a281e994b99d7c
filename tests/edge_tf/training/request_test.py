"""What a training is asked to do: refusals before TensorFlow loads, and what counts as done."""

import zipfile
from pathlib import Path

import pytest

from edge_tf import files, records
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.words import folder_of_words
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import EpochRecord, TrainRecord
from edge_tf.settings import ModelConfig, TrainingSettings
from edge_tf.training import request
from tests.edge_tf import recorded
from tests.edge_tf.data.words.word_folders import make

EPOCH = EpochRecord(
    epoch=1,
    loss=0.1,
    accuracy=0.9,
    learning_rate=0.1,
    samples_per_second=1.0,
    seconds=1.0,
    val_accuracy=0.8,
)


def ask(run: RunDirectory, root: Path | None, **changes) -> request.Request:
    given = {
        "dataset": root and folder_of_words.load(root, "words"),
        "data_flags": recorded.data_flags(root or "/data"),
        "model_config": ModelConfig(),
        "frontend": FrontendConfig(),
        "augmentation": AugmentationConfig(),
        "settings": TrainingSettings(),
        "cache": run.path.parent / "cache",
    }
    return request.of(run, **{**given, **changes})


@pytest.fixture
def root(tmp_path) -> Path:
    return make(tmp_path / "data", ("lamp", "music"))


@pytest.fixture
def run(root, tmp_path) -> RunDirectory:
    """A run as training leaves it, with the files of no real network."""
    run = RunDirectory(tmp_path / "run")
    record = ask(run, root).record
    with zipfile.ZipFile(run / "float.keras", "w") as archive:
        for name in ("config.json", "model.weights.h5"):
            archive.writestr(name, "of no network")
    files.write_text(run / "labels.txt", "".join(f"{label}\n" for label in record.labels))
    files.write_json(run / "history.json", records.to_json([EPOCH]))
    files.write_json(run / "frontend.json", {"frontend": record.frontend.to_dict()})
    hashes = run.hashes(*request.WRITES)
    assert set(hashes) == {"float.keras", "labels.txt", "history.json"}
    run.record(type(record)(**{**vars(record), "files": hashes}))
    return run


def test_a_stream_has_no_whole_window(tmp_path):
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(UserError, match="normalization=relaxed takes statistics over a whole"):
        ask(
            run,
            None,  # not looked at
            model_config=ModelConfig(lookahead=0),
            frontend=FrontendConfig(normalization="relaxed"),
        )
    assert not run.path.exists()


def test_a_finished_training_is_found(run, root):
    assert request.finished(run) == EPOCH
    assert ask(run, root).settings() == request.settings_of(run.stage(TrainRecord))


@pytest.mark.parametrize("name", ["float.keras", "labels.txt", "history.json", "frontend.json"])
@pytest.mark.parametrize("content", [None, "other"])
def test_files_that_are_missing_or_changed_are_written_again(run, name, content):
    (run / name).unlink()
    if content:
        (run / name).write_text(content)
    assert request.finished(run) is None


def test_conversion_may_add_to_the_front_end(run):
    both = files.read_json(run / "frontend.json") | {"input": {"scale": 0.1, "zero_point": 3}}
    files.write_json(run / "frontend.json", both)
    assert request.finished(run) == EPOCH


def test_an_older_run_has_no_hashes_and_stays_as_it_is(run):
    record = run.stage(TrainRecord)
    run.record(TrainRecord(**{**vars(record), "files": None}))
    assert "files" not in run.config()["stages"]["train"]
    assert request.finished(run) == EPOCH
    for name, damage in (("float.keras", b"PK"), ("labels.txt", b""), ("history.json", b"[]")):
        content = (run / name).read_bytes()
        (run / name).write_bytes(damage)
        assert request.finished(run) is None
        (run / name).write_bytes(content)
    assert request.finished(run) == EPOCH
    (run / "float.keras").unlink()
    assert request.finished(run) is None


def test_other_settings_and_other_clips_are_refused(run, root):
    with pytest.raises(UserError, match=r"--seed: 0 recorded, 3 given\); give --seed=0, or choose"):
        ask(run, root, settings=TrainingSettings(seed=3))
    make(root, ("lamp",), takes=2)
    with pytest.raises(UserError, match=r"with other settings \(other clips\); choose a new --run"):
        ask(run, root)


def test_a_finished_run_is_not_recorded_with_other_test_clips(tmp_path: Path) -> None:
    """Runs of before the test's fingerprint was recorded get it."""
    run = RunDirectory(tmp_path / "run").create()
    older = recorded.trained(data_fingerprint={"training": "1", "validation": "2"})
    record = recorded.trained(data_fingerprint={**older.data_fingerprint, "testing": "3"})
    other = recorded.trained(data_fingerprint={**older.data_fingerprint, "testing": "4"})
    run.record(older)
    request.refuse_another(run, record)
    run.record(record)
    request.refuse_another(run, record)
    with pytest.raises(UserError, match=r"\(other test clips\); choose a new --run_dir"):
        request.refuse_another(run, other)
