"""train --task=wake: from a typed word to a network, refused early where flags do not fit.

The chain here is the whole one, but tiny: 30 takes of espeak-ng, two epochs of three steps.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import shared
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, WORD_HZ, melody, write
from tests.pipelines.bad_input_test import refused_early, tree

ROOT = Path(__file__).resolve().parents[2]
WORDS = "--words=window,hey lamp"  # not in the order of the labels
WORDS_AND_ONE_MORE = f"{WORDS},door"
_SMALL = """
from edge_tf.data.streams import mixing, wake_sounds, wake_windows
from edge_tf.training import stream_fit
from edge_tf.data.synthesis import sentences
from pipelines import app, train, wake

wake._WHOLE = wake._Effort(takes=30, sentences=12, soundalikes=0, epochs=2, steps=3, rounds=2)
wake._TAKES_PER_OTHER, wake._SPEAKERS, wake._BATCH = 2, 12, 3
sentences._COMMON = 300
mixing._ROOMS = mixing._DEVICES = 3
wake_sounds._SYNTHETIC_NOISE_S = 4
wake_windows.COUNTS = {"training": 6, "validation": 3, "testing": 4}
stream_fit._TRAINED_FRAMES, stream_fit._JUDGED_STREAMS = 150, 12
train.define_flags()
app.run(train.main)
"""


def small(*flags: str) -> subprocess.CompletedProcess[str]:
    """`python -m pipelines.train --task=wake` with less of everything."""
    command = [sys.executable, "-c", _SMALL, "--task=wake", "--tau=0.25", *flags]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900, env=environment
    )


@pytest.fixture(scope="module")
def chain(shared_folder: Path) -> Path:
    """A folder with `run`, `cache`, `mine`, `radio` and, in `printed.txt`, what was said."""
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")

    def make(folder: Path) -> None:
        for i in range(2):
            write(folder / "mine" / "window" / f"{i}.wav", melody(WORD_HZ, 0.4, i))
            write(folder / "mine" / "hey_lamp" / f"{i}.wav", melody(WORD_HZ[::-1], 0.4, i))
        for i in range(12):
            write(folder / "radio" / f"{i}.wav", melody(OTHER_HZ, 1.0, i))
        done = small(*flags_of(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed.txt").write_text(done.stdout + done.stderr)

    return shared.once(shared_folder / "wake_chain", make)


def flags_of(folder: Path) -> tuple[str, ...]:
    return (
        *(f"--run_dir={folder / 'run'}", f"--cache_dir={folder / 'cache'}", WORDS),
        *("--synthesizers=espeak", "--ambient=none"),
        *(f"--recordings={folder / 'mine'}", f"--negatives={folder / 'radio'}"),
    )


def record_of(folder: Path) -> dict:
    return json.loads((folder / "run" / "config.json").read_text())["stages"]["train"]


def test_the_run_says_what_it_was_trained_on(chain):
    record = record_of(chain)
    streams = record["streams"]
    assert record["labels"] == ["_unknown_", "hey_lamp", "window"]
    assert streams["words"] == ["hey_lamp", "window"]
    assert streams["spoken"]["window"] > 2 and streams["spoken"]["hey_lamp"] > 2
    assert set(streams["hours"]) == {"sound-alikes", "synthetic sentences", "radio"}
    assert streams["hours"]["synthetic sentences"] > 0
    assert (streams["steps"], streams["rounds"]) == (3, 2)
    assert record["model"]["lookahead"] == 0
    assert (chain / "run" / "labels.txt").read_text().split() == record["labels"]
    assert f"-> {chain / 'run'}/float.keras" in (chain / "printed.txt").read_text()


def test_the_chosen_epoch_and_what_was_mined_are_on_record(chain):
    record = record_of(chain)
    history = json.loads((chain / "run" / "history.json").read_text())
    best = max(history, key=lambda epoch: (epoch["val_accuracy"], epoch["epoch"]))
    assert record["chosen_epoch"] == best["epoch"] and len(history) == 2
    assert len(record["mined"]) == 1
    assert f"kept the weights after epoch {best['epoch']}" in (chain / "printed.txt").read_text()


def test_the_weights_are_those_of_the_best_epoch(chain):
    from edge_tf.models import loading

    written, best = (
        loading.load(chain / "run" / path).get_weights()
        for path in ("float.keras", "checkpoints/best.keras")
    )
    for mine, theirs in zip(written, best, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_windows_are_the_data_of_later_stages(chain):
    from edge_tf.data import tasks
    from edge_tf.run_dir import RunDirectory
    from edge_tf.run_records import TrainRecord

    record = RunDirectory(chain / "run").stage(TrainRecord)
    dataset = tasks.load(record.data, chain / "cache")
    assert dataset.labels == ("_unknown_", "hey_lamp", "window")
    assert [len(dataset.splits[split]) for split in ("training", "validation", "testing")] == [
        *(18, 9, 12)
    ]


def test_a_finished_training_is_not_done_again_also_where_sound_has_moved(chain, tmp_path):
    shutil.copytree(chain / "radio", tmp_path / "elsewhere" / "radio")
    moved = [
        f"--negatives={tmp_path / 'elsewhere' / 'radio'}" if "--negatives" in flag else flag
        for flag in flags_of(chain)
    ]
    before = (chain / "run" / "float.keras").stat().st_mtime_ns
    done = small(*moved)
    assert done.returncode == 0, done.stderr
    assert "already finished, nothing to do" in done.stdout
    assert (chain / "run" / "float.keras").stat().st_mtime_ns == before


def test_other_sound_is_another_training(chain, tmp_path):
    shutil.copytree(chain / "run", tmp_path / "run")
    shutil.copytree(chain / "radio", tmp_path / "radio")
    write(tmp_path / "radio" / "0.wav", melody(OTHER_HZ, 0.9, 99))
    flags = [
        f"--run_dir={tmp_path / 'run'}" if "--run_dir" in flag else flag
        for flag in flags_of(chain)
        if "--negatives" not in flag
    ]
    for other in (flags, [WORDS_AND_ONE_MORE if flag == WORDS else flag for flag in flags]):
        done = small(*other, f"--negatives={tmp_path / 'radio'}")
        assert done.returncode == 2, done.stdout
        assert done.stderr.splitlines()[-1].endswith(
            "contains a finished training on other words, takes or sound; choose a new --run_dir"
        ), done.stderr
    for made in ("takes", "windows"):  # nothing of the finished run is lost
        assert tree(tmp_path / "run" / made) == tree(chain / "run" / made)


def test_an_unfinished_training_keeps_its_takes(chain, tmp_path):
    """As a training that was stopped leaves it: checkpoints, and no record."""
    shutil.copytree(chain / "run", tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text('{"format_version": 1, "stages": {}}')
    flags = [
        f"--run_dir={tmp_path / 'run'}" if "--run_dir" in flag else flag for flag in flags_of(chain)
    ]
    done = small(*(WORDS_AND_ONE_MORE if flag == WORDS else flag for flag in flags))
    assert done.returncode == 2, done.stdout
    assert done.stderr.splitlines()[-1].endswith(
        "contains an unfinished training on other words or takes; choose a new --run_dir"
    ), done.stderr
    assert tree(tmp_path / "run" / "takes") == tree(chain / "run" / "takes")


# Refused before TensorFlow loads


@pytest.fixture
def folders(tmp_path) -> Path:
    """Two folders of one name, and a file."""
    for name in ("a/radio", "b/radio", "sound-alikes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file.wav").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), '--words is missing; --task=wake needs the word, as --words="hey lamp"'),
        (
            ("--words=lamp", "--data_dir=HERE"),
            "--data_dir cannot be combined with --task=wake; give --recordings for the word, ",
        ),
        (("--words=lamp", "--split_lists=x"), "--split_lists cannot be combined with --task=wake"),
        (("--words=lamp", "--unknown_share=1"), "--unknown_share cannot be combined with --task"),
        (("--words=lamp", "--fold=2"), "--fold cannot be combined with --task=wake"),
        (
            ("--words=lamp", "--recordings=HERE/none"),
            "--recordings=HERE/none is not a folder; name",
        ),
        (
            ("--words=lamp", "--negatives=HERE/file.wav"),
            "--negatives=HERE/file.wav is not a folder",
        ),
        (("--words=lamp", "--rooms=HERE/file.wav"), "--rooms=HERE/file.wav is not a folder"),
        (
            ("--words=lamp", "--negatives=HERE/sound-alikes"),
            "two kinds of sound would be named 'sound-alikes'",
        ),
        (("--words=lamp", "--padding=reflect"), "--task=wake trains a network for streams; leave"),
        (("--words=lamp", "--takes=1"), "--takes=1"),
    ],
)
def test_what_does_not_fit_is_one_line(folders, flags, message):
    given = [flag.replace("HERE", str(folders)) for flag in flags]
    error = refused_early("train", "--task=wake", f"--run_dir={folders / 'run'}", *given)
    assert message.replace("HERE", str(folders)) in error
    assert not (folders / "run").exists()


@pytest.mark.parametrize("flag", ["--recordings=x", "--takes=40", "--quick", "--ambient=none"])
def test_flags_of_a_wake_word_are_refused_by_other_tasks(folders, flag):
    error = refused_early(
        "train", "--task=words", f"--run_dir={folders / 'run'}", f"--data_dir={folders}", flag
    )
    name = flag.split("=")[0]
    assert f"{name} cannot be combined with --task=words; leave one out" in error


def test_two_folders_of_one_name_are_fine_after_the_remedy(folders):
    """Renamed, the next thing is said: that there is no sound in them."""
    (folders / "b" / "radio").rename(folders / "b" / "television")
    given = f"--negatives={folders / 'a' / 'radio'},{folders / 'b' / 'television'}"
    done = small(
        *(f"--run_dir={folders / 'run'}", "--words=lamp", "--synthesizers=espeak"),
        *(given, "--ambient=none"),
    )
    assert done.returncode == 2
    told = done.stderr.splitlines()[-1]
    assert "radio has no sound; name a folder of WAV or FLAC files" in told
