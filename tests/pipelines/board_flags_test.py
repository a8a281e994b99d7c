"""Flags that name boards: each takes and lists all that there are, and refuses others at once."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from firmware_export.boards.board import BOARDS, EMULATED, HOP_TABLE, TARGETS
from pipelines import board_flags

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> flags.FlagValues:
    """Flags of this test alone: --on, of any board, and --in, of emulated ones."""
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "DEFINE", functools.partial(flags.DEFINE, flag_values=values))
    board_flags.define("on", HOP_TABLE, BOARDS, "Where.")
    board_flags.define("in", (), EMULATED, "In which.")
    return values


def test_values_are_records(defined):
    defined(["program"])
    assert (tuple(defined["on"].value), defined["in"].value) == (HOP_TABLE, [])
    defined(["program", f"--on={','.join(board.name for board in BOARDS)}", "--in=rv32,cortex-m4"])
    assert tuple(defined["on"].value) == BOARDS
    assert [board.label for board in defined["in"].value] == ["RV32", "Cortex-M4"]
    assert defined["in"].serialize() == "--in=rv32,cortex-m4"


@pytest.mark.parametrize("given", ["z80", "host", "cortex-m4,", "Cortex-M4"])
def test_what_is_no_board_to_choose_is_refused(defined, given):
    with pytest.raises(flags.IllegalFlagValueError, match=r'cannot run on ".*"; choose from cort'):
        defined(["program", f"--in={given}"])


@pytest.mark.parametrize(
    ("binary", "flag", "names"),
    [
        ("evaluate", "boards", [board.name for board in BOARDS]),
        ("run", "boards", [board.name for board in BOARDS]),
        ("benchmark", "targets", [board.name for board in EMULATED]),
        ("export_firmware", "target", [*TARGETS]),
    ],
)
def test_help_lists_all(binary, flag, names):
    done = subprocess.run(
        [sys.executable, "-m", f"pipelines.{binary}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    text = done.stdout.partition(f"\n  --{flag}=")[2].partition("\n  --")[0]
    assert done.returncode == 0
    assert set(names) <= set(re.findall(r"[\w-]+", text))


@pytest.mark.parametrize("binary", ["evaluate", "run"])
def test_a_board_that_is_none_is_refused_before_anything_is_done(tmp_path, binary):
    """Not when it is its turn, after hours of training."""
    done = subprocess.run(
        [sys.executable, "-m", f"pipelines.{binary}", f"--run_dir={tmp_path}", "--boards=host,z80"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    known = ", ".join(board.name for board in BOARDS)
    said = f'flag --boards=host,z80: cannot run on "z80"; choose from {known}; see --help'
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")
    assert not any(tmp_path.iterdir())
