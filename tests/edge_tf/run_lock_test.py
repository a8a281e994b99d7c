"""One process writes to a run directory at a time, and a lock ends with its process."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_tf import run_lock
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory

ROOT = Path(__file__).resolve().parents[2]
_HOLD = """
import sys, time
from pathlib import Path
from edge_tf import run_lock
with run_lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
_STARTS_A_CHILD = _HOLD.replace(
    "    print", "    import subprocess; print(subprocess.Popen(['sleep', '600']).pid); print"
)


@contextmanager
def holder(run: Path, program: str = _HOLD) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    command = [sys.executable, "-c", program, str(run)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_process_is_told_which_has_it(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert line(process) == "held"
        with pytest.raises(UserError) as caught, run_lock.hold(tmp_path):
            raise AssertionError("two processes have it")
        assert str(caught.value) == (
            f"--run_dir={tmp_path} is in use by process {process.pid}; wait until that has ended, "
            "or choose another --run_dir"
        )
        with run_lock.hold(tmp_path / "another"):  # the remedy
            pass
    with run_lock.hold(tmp_path):  # the other one
        pass


def test_it_ends_with_a_killed_process_though_a_child_of_it_lives(tmp_path: Path) -> None:
    with holder(tmp_path, _STARTS_A_CHILD) as process:
        child = int(line(process))
        try:
            assert line(process) == "held"
            process.kill()
            process.wait()
            os.kill(child, 0)
            with run_lock.hold(tmp_path):
                assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_worker_does_not_keep_it(tmp_path: Path) -> None:
    forks = _HOLD.replace(
        "    print", "    import os; pid = os.fork(); pid and print(pid); pid and print"
    )
    with holder(tmp_path, forks) as process:
        child = int(line(process))
        try:
            assert line(process) == "held"
            process.kill()
            process.wait()
            with run_lock.hold(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_stages_that_call_each_other_share_it(tmp_path: Path) -> None:
    with run_lock.hold(tmp_path):
        with run_lock.hold(tmp_path / "."):
            pass
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyError), run_lock.hold(tmp_path / "deep" / "run"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with run_lock.hold(tmp_path / "deep" / "run"):
        (tmp_path / "deep" / "run" / "float.keras").write_bytes(b"")
    assert [path.name for path in (tmp_path / "deep" / "run").iterdir()] == ["float.keras"]


def test_a_link_or_a_pipe_in_its_place_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").symlink_to(precious)
    with pytest.raises(OSError, match=r"\.lock"), run_lock.hold(run):
        pass
    assert precious.read_text() == "precious"
    (run / ".lock").unlink()
    os.mkfifo(run / ".lock")
    with pytest.raises(UserError, match=r"\.lock is not a file; delete it"), run_lock.hold(run):
        pass
    (run / ".lock").unlink()  # the remedy
    with run_lock.hold(run):
        pass


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(run_lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", unsupported)
    with run_lock.hold(tmp_path):
        pass
    assert "cannot be locked; start one stage at a time" in caplog.text


@pytest.mark.parametrize("stage", ["compress", "convert", "evaluate", "export_firmware"])
def test_a_stage_of_a_run_in_use_is_one_line_and_status_2(tmp_path: Path, stage: str) -> None:
    run = RunDirectory(tmp_path / "run").create()
    before = sorted(path.name for path in run.path.iterdir())
    more = ["--recipe=qat"] if stage == "compress" else []
    command = [sys.executable, "-m", f"pipelines.{stage}", f"--run_dir={run.path}", *more]
    with holder(run.path) as process:
        assert line(process) == "held"
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 2, done.stderr
        told = f"error: --run_dir={run.path} is in use by process {process.pid}; wait until that"
        assert done.stderr.startswith(told) and done.stderr.count("\n") == 1
    assert sorted(path.name for path in run.path.iterdir()) == [".lock", *before]  # of the killed
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "is in use by" not in done.stderr and "missing" in done.stderr
