"""train --on_streams: recorded words, trained on streams; refused early where flags do not fit.

The training here is the whole one, but tiny: two epochs of three steps.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import shared
from tests.edge_tf.data.streams import clip_sounds_test
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, melody, write
from tests.edge_tf.data.words.word_folders import make
from tests.pipelines.bad_input_test import refused_early, start

ROOT = Path(__file__).resolve().parents[2]
_SMALL = """
from edge_tf.data.streams import mixing, wake_sounds
from edge_tf.training import stream_fit
from pipelines import app, stream_flags, train

stream_flags._EPOCHS, stream_flags._STEPS, stream_flags._ROUNDS, stream_flags._BATCH = 2, 3, 2, 3
mixing._ROOMS = mixing._DEVICES = 3
wake_sounds._SYNTHETIC_NOISE_S = 4
stream_fit._TRAINED_FRAMES, stream_fit._JUDGED_STREAMS = 150, 12
train.define_flags()
app.run(train.main)
"""


def small(*flags: str) -> subprocess.CompletedProcess[str]:
    """`python -m pipelines.train --on_streams` with less of everything."""
    command = [sys.executable, "-c", _SMALL, "--task=words", "--words=go,left", "--on_streams"]
    return subprocess.run(
        [*command, "--tau=0.25", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYTHONUTF8": "1"},
    )


def flags_of(folder: Path) -> tuple[str, ...]:
    given = {"run_dir": "run", "cache_dir": "cache", "data_dir": "words", "negatives": "radio"}
    return tuple(f"--{name}={folder / place}" for name, place in given.items())


@pytest.fixture(scope="module")
def chain(shared_folder: Path) -> Path:
    """A folder with `run`, `cache`, `words`, `radio` and, in `printed.txt`, what was said."""

    def prepare(folder: Path) -> None:
        clip_sounds_test.make(folder / "words")
        for i in range(12):
            write(folder / "radio" / f"{i}.wav", melody(OTHER_HZ, 1.0, i))
        done = small(*flags_of(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed.txt").write_text(done.stdout + done.stderr)

    return shared.once(shared_folder / "on_streams_chain", prepare)


def record_of(folder: Path) -> dict:
    return json.loads((folder / "run" / "config.json").read_text())["stages"]["train"]


def test_the_run_says_what_it_was_trained_on(chain):
    record = record_of(chain)
    streams = record["streams"]
    assert record["labels"] == ["_silence_", "_unknown_", "go", "left"]
    assert (streams["words"], streams["takes"]) == (["go", "left"], None)
    assert streams["spoken"] == {"go": 2, "left": 2}
    assert set(streams["hours"]) == {"other words", "radio"} and streams["hours"]["radio"] > 0
    assert streams["negatives"] == [str((chain / "radio").resolve())]
    assert (streams["steps"], streams["rounds"]) == (3, 2)
    recipe = record["recipe"]
    assert (recipe["epochs"], recipe["batch_size"], recipe["optimizer"]) == (2, 3, "adam")
    assert record["data"]["data_dir"] == str((chain / "words").resolve())
    assert record["model"]["lookahead"] == 0
    assert (chain / "run" / "labels.txt").read_text().split() == record["labels"]


def test_the_chosen_epoch_and_what_was_mined_are_on_record(chain):
    record = record_of(chain)
    history = json.loads((chain / "run" / "history.json").read_text())
    best = max(history, key=lambda epoch: (epoch["val_accuracy"], epoch["epoch"]))
    assert record["chosen_epoch"] == best["epoch"] and len(history) == 2
    assert len(record["mined"]) == 1
    printed = (chain / "printed.txt").read_text()
    assert f"kept the weights after epoch {best['epoch']}" in printed
    assert f"for streams: kept epoch {best['epoch']}, which misses" in printed


def test_later_stages_have_the_clips_and_the_test_has_its_own_noise(chain):
    """The noise of the test is that part of each recording that training has not heard."""
    from edge_tf.data import tasks
    from edge_tf.data.run_data import RunData
    from edge_tf.evaluation.streams import stream_stage
    from edge_tf.evaluation.streams.stream_report import StreamSettings
    from edge_tf.run_dir import RunDirectory

    cache = chain / "cache"
    run = RunDirectory(chain / "run")
    data = RunData(run, lambda values: tasks.load(values, cache), cache)
    assert [len(data.noise(split)[0]) for split in ("training", "validation", "testing")] == [
        *(112_000, 24_000, 24_000)
    ]
    background = ("_silence_", "_unknown_")
    sound = stream_stage.sound_of(run, data, "testing", StreamSettings(4.0, 1.0), background)
    assert [part.kind for part in sound.parts][:2] == ["words, no noise", "words, noise at 20 dB"]
    assert sound.facts.keywords > 10 and sound.facts.other_words > 10


def test_a_finished_training_is_not_done_again_also_where_sound_has_moved(chain, tmp_path):
    shutil.copytree(chain / "radio", tmp_path / "elsewhere" / "radio")
    moved = [flag for flag in flags_of(chain) if "--negatives" not in flag]
    before = (chain / "run" / "float.keras").stat().st_mtime_ns
    done = small(*moved, f"--negatives={tmp_path / 'elsewhere' / 'radio'}")
    assert done.returncode == 0, done.stderr
    assert "already finished, nothing to do" in done.stdout
    assert (chain / "run" / "float.keras").stat().st_mtime_ns == before


def test_other_sound_is_another_training(chain, tmp_path):
    shutil.copytree(chain / "run", tmp_path / "run")
    flags = [flag for flag in flags_of(chain) if "_dir" in flag and "run_dir" not in flag]
    done = small(f"--run_dir={tmp_path / 'run'}", *flags)
    assert done.returncode == 2, done.stdout
    told = done.stderr.splitlines()[-1]
    assert "contains a finished training with other settings" in told and "streams" in told, told


def test_a_training_begins_with_the_weights_of_another(chain, tmp_path):
    """Its record names them, and so other weights are another training."""
    flags = [flag for flag in flags_of(chain) if "run_dir" not in flag]
    run = f"--run_dir={tmp_path / 'run'}"
    done = small(run, *flags, f"--start_from={chain / 'run'}", "--epochs=1")
    assert done.returncode == 0, done.stderr
    assert f"begins with the weights of {chain / 'run'}; new: none" in done.stderr
    streams = record_of(tmp_path)["streams"]
    assert streams["start_from"] == str((chain / "run").resolve())
    assert len(streams["start_digest"]) == 64
    again = small(run, *flags, "--epochs=1")
    assert again.returncode == 2
    assert "contains a finished training with other settings" in again.stderr


# Refused before TensorFlow loads


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--negatives=HERE",),
            "--negatives has no effect without --on_streams; add it, or leave both out",
        ),
        (("--hard_negatives=HERE",), "--hard_negatives has no effect without --on_streams; add"),
        (("--start_from=HERE",), "--start_from has no effect without --on_streams; add"),
        (("--rooms=HERE",), "--rooms has no effect without --on_streams; add"),
        (
            ("--on_streams", "--negatives=HERE/other words"),
            "--negatives: two kinds of sound would be named 'other words'; rename the folder",
        ),
        (("--on_streams", "--task=kws35"), "--on_streams cannot be combined with --task=kws35"),
        (("--on_streams", "--task=wake"), "--on_streams cannot be combined with --task=wake"),
        (("--on_streams", "--task=scenes"), "--on_streams cannot be combined with --task=scenes"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, flags, message):
    (tmp_path / "other words").mkdir()
    given = [flag.replace("HERE", str(tmp_path)) for flag in flags]
    folders = (f"--run_dir={tmp_path / 'run'}", f"--cache_dir={tmp_path / 'cache'}")
    error = refused_early("train", "--task=words", *folders, f"--data_dir={tmp_path}", *given)
    assert message.replace("HERE", str(tmp_path)) in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--words=",),
            "--on_streams needs a word and other words, but the classes are _silence_, lamp, "
            "rest, turn; name some of them with --words, or add clips of other words to _unknown_",
        ),
        (
            ("--words=lamp", "--background_labels=lamp"),
            "--on_streams knows one class of other sound, not _unknown_, lamp; put their clips "
            "into one folder, _unknown_",
        ),
    ],
)
def test_classes_that_do_not_fit_are_told_before_a_clip_is_read(tmp_path, flags, message):
    make(tmp_path / "words", ("lamp", "rest", "turn"))
    folders = (f"--run_dir={tmp_path / 'run'}", f"--cache_dir={tmp_path / 'cache'}")
    data = ("--task=words", f"--data_dir={tmp_path / 'words'}", "--on_streams")
    failed = start("train", *folders, *data, *flags)
    assert failed.returncode == 2 and message in failed.stderr.splitlines()[-1], failed.stderr
    assert not (tmp_path / "run").exists()
