"""The binaries on what users really have: odd names and formats, broken files, full disks.

Either it works as expected and says what it did, or one line names file, cause and remedy: exit
status 2, no traceback, nothing half-written, and mostly before TensorFlow is loaded.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.edge_tf.audio.wav_files import FLOAT, tone, wav_bytes, write
from tests.edge_tf.data.words.word_folders import make

ROOT = Path(__file__).resolve().parents[2]


def start(
    stage: str, *flags: str, interpreter: tuple[str, ...] = ()
) -> subprocess.CompletedProcess:
    command = [sys.executable, *interpreter, "-m", f"pipelines.{stage}", *flags]
    # Names and messages in UTF-8 wherever the tests run, as on any desktop.
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, env=environment
    )


def refused_early(stage: str, *flags: str) -> str:
    """The one line of a binary that must fail before it loads TensorFlow."""
    failed = start(stage, *flags, interpreter=("-X", "importtime"))
    lines = failed.stderr.splitlines()
    imported = {li.rsplit("|", 1)[-1].strip() for li in lines if li.startswith("import time:")}
    assert "numpy" in imported or "absl" in imported
    assert not imported & {"tensorflow", "tf_keras", "ai_edge_litert", "tensorflow_io"}
    assert failed.returncode == 2 and failed.stdout == ""
    told = [line for line in lines if not line.startswith("import time:")]
    assert len(told) == 1 and told[0].startswith("error: ") and "; " in told[0], told
    return told[0]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def entries(cache: Path) -> list[str]:
    """What is in a cache except the small files that remember hashes."""
    return [name for name in tree(cache) if not name.startswith("contents-")]


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("words"), ("größe", "turn on"))


def break_nothing(root: Path) -> None:
    pass


def empty_folder(root: Path) -> None:
    (root / "lamp").mkdir()


def bad_list(root: Path) -> None:
    (root / "validation_list.txt").write_text("größe/00000001_nohash_0.wav\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "flags", "message"),
    [
        (empty_folder, (), "lamp has no clips; add some, or remove the folder"),
        (bad_list, (), "validation_list.txt exists without testing_list.txt; add"),
        (break_nothing, ("--words=größe,lamp",), "has no folder for lamp; add the clips"),
        (break_nothing, ("--task=kws12",), "has no folder for down, go, left, no; add"),
        (break_nothing, ("--split_lists=OUT",), "training.tsv cannot be read (No such file"),
        (break_nothing, ("--test_dir=OUT",), "has no clips of '_silence_'; put them in"),
        (break_nothing, ("--data_dir=OUT/none",), "is not a folder; name a folder of word folders"),
        (break_nothing, ("--data_dir=",), "--data_dir is missing; give a folder of words"),
        (break_nothing, ("--run_dir=",), "--run_dir=: must not be empty; see --help"),
        (break_nothing, ("--epochs=0",), "--epochs=0"),
        (break_nothing, ("--batch_size=1",), "--batch_size=1"),
        (break_nothing, ("--peak_rate=0",), "--peak_rate=0"),
        (break_nothing, ("--peak_rate=nan",), "--peak_rate=nan"),
        (break_nothing, ("--tau=0",), "--tau=0"),
        (break_nothing, ("--model=resnet",), "--model=resnet"),
        (break_nothing, ("--mel_bands=0",), "--mel_bands=0"),
        (break_nothing, ("--hop_ms=0",), "--hop_ms=0"),
        (break_nothing, ("--hop_ms=31",), "front-end lengths must satisfy"),
        (break_nothing, ("--clip_ms=99",), "--clip_ms=99"),
        (
            break_nothing,
            ("--mel_bands=20",),
            "bc_resnet does not support --mel_bands=20; it accepts 40",
        ),
    ],
)
def test_training_refuses_data_and_flags_at_once(tmp_path, words, damage, flags, message):
    root = shutil.copytree(words, tmp_path / "words")
    damage(root)
    places = (f"--data_dir={root}", f"--run_dir={tmp_path / 'run'}", f"--cache_dir={tmp_path}/c")
    flags = tuple(flag.replace("OUT", str(tmp_path)) for flag in flags)
    assert message in refused_early("train", *places, "--task=words", *flags)
    assert [path.name for path in tmp_path.iterdir()] == ["words"]


STAGES = ("convert", "evaluate", "benchmark", "export_firmware", "export_android", "compress")


@pytest.mark.parametrize("stage", ("train", *STAGES))
def test_a_run_of_another_version_is_refused_and_left_alone(tmp_path, words, stage):
    config = '{"format_version": 99, "stages": {}}'
    (tmp_path / "config.json").write_text(config)
    data: tuple[str, ...] = () if stage.startswith("export") else (f"--data_dir={words}",)
    data += ("--recipe=qat",) if stage == "compress" else ()
    line = refused_early(stage, f"--run_dir={tmp_path}", *data)
    assert (
        "config.json has format_version 99, but this edge_tf reads 1; use the edge_tf that" in line
    )
    assert (tmp_path / "config.json").read_text() == config
    assert tree(tmp_path) == ["config.json"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_before_the_training_names_the_command(tmp_path, stage):
    flags = ("--recipe=qat",) if stage == "compress" else ()
    line = refused_early(stage, f"--run_dir={tmp_path / 'run'}", *flags)
    assert f"{tmp_path / 'run'} does not exist; make it with: python -m pipelines.train" in line
    assert tree(tmp_path) == []
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"format_version": 1, "stages": {}}')
    line = refused_early(stage, f"--run_dir={tmp_path / 'run'}", *flags)
    assert "is missing; make it with: python -m pipelines." in line
    assert tree(tmp_path) == ["run", "run/config.json"]


@pytest.mark.parametrize("board", ["z80", "host"])
def test_a_board_that_is_none_is_refused(tmp_path, board):
    line = refused_early("benchmark", f"--run_dir={tmp_path}", f"--targets=cortex-m4,{board}")
    assert f'--targets=cortex-m4,{board}: cannot run on "{board}"; choose from cortex-m' in line
    assert tree(tmp_path) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path, words):
    (tmp_path / "thesis.txt").write_text("years of work")
    line = refused_early("train", f"--data_dir={words}", f"--run_dir={tmp_path}")
    assert "has files but no config.json, so it is not a run; choose a new folder" in line
    line = refused_early("train", f"--data_dir={words}", f"--run_dir={tmp_path / 'thesis.txt'}")
    assert "thesis.txt is a file; choose a folder" in line
    assert tree(tmp_path) == ["thesis.txt"]


def test_clips_that_cannot_be_read_are_all_named_in_one_go(tmp_path, words):
    root = shutil.copytree(words, tmp_path / "words")
    whole = wav_bytes(tone(300))
    (root / "größe" / "00000001_nohash_7.wav").write_bytes(b"")
    (root / "turn on" / "00000001_nohash_7.wav").write_bytes(whole[:5_000])
    (root / "turn on" / "00000001_nohash_8.wav").write_bytes(b"ID3\x04 no sound at all")
    (root / "turn on" / "00000001_nohash_9.wav").mkdir()
    failed = start(
        "train",
        f"--data_dir={root}",
        "--task=words",
        f"--run_dir={tmp_path / 'run'}",
        f"--cache_dir={tmp_path / 'cache'}",
    )
    assert failed.returncode == 2 and "Traceback" not in failed.stderr
    assert failed.stderr.splitlines()[-1] == (
        f"error: {root}/größe/00000001_nohash_7.wav: the file is empty; "
        "record it again, or remove it (3 more clips cannot be read)"
    )
    for name, cause in (
        ("7", "truncated: 27044 of 32000 bytes of sound are missing"),
        ("8", "cannot be decoded ("),
        ("9", "not a file"),
    ):
        assert f"warning: {root}/turn on/00000001_nohash_{name}.wav: {cause}" in failed.stderr
    assert entries(tmp_path / "cache") == []
    assert tree(tmp_path / "run") == ["config.json"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A file system of its own, and a function that sets its size."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here; needs root")

    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)

    yield disk, resize
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.optional
def test_mixed_formats_on_a_disk_that_is_too_small_and_is_then_enlarged(tmp_path, small_disk):
    """A cache that does not fit; a run that has no room, told before the work; then all fits."""
    disk, resize = small_disk
    root = make(tmp_path / "words", ("größe", "turn on", "lamp"), seconds=1.0)
    spoken, clip = root / "turn on", "00000001_nohash_{}.wav".format
    write(spoken / clip(10), tone(300, 48_000), rate=48_000)
    write(spoken / clip(11), tone(300, 44_100), rate=44_100, bits=24)
    write(spoken / clip(12), tone(300, 8_000), rate=8_000, bits=8)
    write(spoken / clip(13), np.stack([tone(300)] * 2, axis=1), bits=32, tag=FLOAT)
    write(spoken / clip(14), tone(300, seconds=1.5))
    write(spoken / clip(15), tone(300, seconds=0.5))
    run, elsewhere = disk / "run", tmp_path / "run"
    command = (
        f"--data_dir={root}",
        "--task=words",
        "--words=größe,turn on",
        "--model=ds_cnn",
        "--epochs=1",
        "--batch_size=20",
        "--max_drop=100",
        "--representative_clips=10",
        f"--cache_dir={disk / 'cache'}",
    )

    first = start("run", *command, f"--run_dir={elsewhere}")
    assert first.returncode == 2 and "Traceback" not in first.stderr
    last = first.stderr.splitlines()[-1]
    assert last.startswith(f"error: No space left on device: {disk / 'cache' / 'training-'}")
    assert "; free some space or choose other folders" in last
    assert entries(disk / "cache") == [] and tree(elsewhere) == ["config.json"]

    second = start("run", *command, f"--run_dir={run}")
    assert second.returncode == 2 and "decoding" not in second.stderr
    told = f"error: --run_dir={run} has 0.[0-9] MB of free space; a stage may need 64 MB; free some"
    assert re.search(told, second.stderr.splitlines()[-1]) and not run.exists()

    resize("100m")
    third = start("run", *command, f"--run_dir={run}")
    assert third.returncode == 0, third.stderr
    for note in (
        "1 of 17 clips zero-padded at the end",
        "1 of 17 clips cropped to their middle",
        "3 of 17 clips resampled",
        "1 of 17 clips down-mixed to mono",
    ):
        assert f"training: {note}" in third.stderr
    labels = ["_silence_", "_unknown_", "größe", "turn on"]
    assert (run / "labels.txt").read_text(encoding="utf-8").splitlines() == labels
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert "größe" in json.dumps(report, ensure_ascii=False)
    assert "größe" in (run / "report.html").read_text(encoding="utf-8")
    manifest = json.loads((run / "firmware" / "manifest.json").read_text(encoding="utf-8"))
    assert "größe" in json.dumps(manifest, ensure_ascii=False)
    written = (run / "firmware" / "src" / "model_data.c").read_text(encoding="utf-8")
    assert r'"gr\303\266\303\237e"' in written and '"turn on"' in written
    hidden = [name for name in tree(disk) if Path(name).name.startswith(".")]
    assert hidden == ["run/android/sample/.gitignore"]  # nothing half-written


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--tflite is measured on emulated boards; add --targets=cortex-m4,cortex-m55"),
        (("--targets=cortex-m4", "--stream_hours=1"), "give --run_dir instead of --tflite"),
        (("--run_dir=RUN",), "run_dir"),
    ],
)
def test_a_file_is_measured_on_boards_only(tmp_path, flags, message):
    assert message in refused_early("benchmark", f"--tflite={tmp_path / 'model.tflite'}", *flags)
