"""Engines in processes of their own: those end with the process that started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware_export.children_test import is_running, wait_until

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
)
def test_a_killed_evaluation_leaves_no_processes_and_no_files(tmp_path, number, status):
    notes, temporary = tmp_path / "notes", tmp_path / "temporary"
    notes.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "NOTES": str(notes), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "tests.edge_tf.engines.sleeping"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as parent:
        wait_until(lambda: len([*notes.glob("*.txt")]) == min(2, os.cpu_count() or 1), 120)
        pids = [int(pid) for note in notes.glob("*.txt") for pid in note.read_text().split()]
        assert len(pids) in (2, 4) and all(map(is_running, pids)) and any(temporary.iterdir())
        parent.send_signal(number)
        _, told = parent.communicate(timeout=60)
    assert parent.returncode == status
    if status > 0:
        assert told.splitlines()[-1].startswith("error: ") and "Traceback" not in told
    wait_until(lambda: not any(map(is_running, pids)) and not any(temporary.iterdir()))
