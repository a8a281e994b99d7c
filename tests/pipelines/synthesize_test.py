"""The binary: flags, one line of result, one line of error, nothing half-written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.synthesize import synthesize

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.synthesize", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_help_lists_every_flag():
    shown = run("--help")
    assert shown.returncode == 0
    for flag in (
        *("words", "out", "unknown_words", "clips_per_word", "clips_per_unknown_word"),
        *("speakers", "language", "noise_seconds", "seed", "takes", "synthesizers"),
        *("soundalikes", "takes_per_other", "word_list"),
    ):
        assert f"\n  --{flag}=" in shown.stdout


def test_makes_a_set_and_says_where_in_one_line(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    out = tmp_path / "set"
    flags = ("--clips_per_word=4", "--clips_per_unknown_word=3", "--speakers=3")
    done = run("--words=lamp,stop", "--unknown_words=yes", f"--out={out}", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{out}: 11 clips (training ") and done.stdout.count("\n") == 1
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == [
        *("_background_noise_", "lamp", "stop", "yes")
    ]


def test_makes_takes_and_says_how_many_of_which_kind(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    out, words = tmp_path / "set", tmp_path / "words"
    words.write_text("clamp\nlamb\nhouse\nwater\n")
    done = run(
        *("--words=lamp", "--takes=6", "--unknown_words=yes", "--takes_per_other=2"),
        *("--synthesizers=espeak", "--soundalikes=2", f"--word_list={words}", "--speakers=6"),
        f"--out={out}",
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rf"{out}: \d+ takes by espeak \([56] word, 2 unknown, 4 soundalike, 4 half; "
        r"training \d+, validation \d+, testing \d+\); dropped: .*\n",
        done.stdout,
    ), done.stdout
    assert {"lamp", "yes", "lamb", "lamp-first-half"} <= {path.name for path in out.iterdir()}


def test_other_binaries_can_call_it(tmp_path):
    """As a function, without flags."""
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    summary = synthesize(
        ["lamp"], tmp_path / "set", unknown_words=[], clips_per_word=3, speakers=3,
        noise_seconds=2, progress=False,
    )  # fmt: skip
    assert summary.clips == {"training": 1, "validation": 1, "testing": 1}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--words=lamp",), "--out is missing"),
        (("--words=a", "--out=OUT", "--soundalikes=3"), "--soundalikes is for takes; leave it out"),
        (("--words=a", "--out=OUT", "--takes=3", "--noise_seconds=3"), "is for clips; leave it"),
        (("--words=a", "--out=OUT", "--takes=3", "--synthesizers=x"), "there is no 'x'; name some"),
        (("--out=OUT",), "--words is empty"),
        (("--words=lamp,lamp", "--out=OUT"), "twice"),
        (("--words=a/b", "--out=OUT"), "cannot be"),
        (("--words=lamp", "--speakers=2", "--out=OUT"), "out of range"),
        (("--words=lamp", "--speakers=many", "--out=OUT"), "--speakers"),
    ],
)
def test_bad_flags_give_one_line_and_status_2(flags, message, tmp_path):
    failed = run(*(flag.replace("OUT", str(tmp_path / "set")) for flag in flags))
    assert failed.returncode == 2
    assert message in failed.stderr and "Traceback" not in failed.stderr
    assert failed.stderr.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []
