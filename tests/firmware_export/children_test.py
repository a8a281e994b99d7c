"""Children and temporary folders end with their process: real ones are killed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export import children
from firmware_export.errors import ExportError

ROOT = Path(__file__).resolve().parents[2]
_PARENT = """
import sys, time
from firmware_export import children
with children.folder() as folder, children.process(["sleep", "600"]) as child:
    (folder / "file").write_bytes(bytes(1000))
    print(child.pid, folder, flush=True)
    time.sleep(600)
"""


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Not so for one that has ended and that nobody waits for."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_killed_process_leaves_neither_child_nor_folder(tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", _PARENT]
    out, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=out,
        stderr=quiet,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        assert is_running(int(pid)) and (Path(folder) / "file").exists()
        parent.send_signal(number)
        try:
            parent.wait(timeout=20)
        finally:
            parent.kill()
    wait_until(lambda: not is_running(int(pid)) and not any(tmp_path.iterdir()))


def test_children_and_folders_end_with_their_block():
    sleep = ["sleep", "600"]
    with (
        pytest.raises(RuntimeError),
        children.folder() as folder,
        children.process(sleep) as child,
    ):
        assert is_running(child.pid) and folder.is_dir()
        raise RuntimeError
    assert child.returncode == -signal.SIGKILL and not folder.exists()


def test_what_a_program_prints_and_how_it_ends():
    done = children.run([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"])
    assert (done.returncode, done.stdout, done.stderr) == (1, "out\n", "err\n")
    with pytest.raises(subprocess.TimeoutExpired):
        children.run(["sleep", "600"], timeout_s=0.05)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_folders_of_dead_processes_are_removed_by_the_next(temporary):
    """And nothing else: neither what has another name nor what never had an owner."""
    names = ("edge_tf_tmp_dead", "edge_tf_tmp_mine", "edge_tf_demo", "other")
    dead, unowned, similar, other = (temporary / name for name in names)
    for path in (dead, unowned, similar, other):
        path.mkdir()
        (path / "file").touch()
    for path in (dead, similar, other):
        (path / ".owner").touch()
    (temporary / "edge_tf_tmp_link").symlink_to(other)
    with children.folder():
        assert not dead.exists()
        assert all((path / "file").exists() for path in (unowned, similar, other))


def test_a_guardian_removes_no_folder_of_another_name(tmp_path):
    """Whatever it reads; a name with an end of line is never written to it."""
    mine, ours = tmp_path / "mine", tmp_path / "edge_tf_tmp_x"
    mine.mkdir()
    ours.mkdir()
    command = [sys.executable, "-I", "-S", str(children._GUARDIAN)]
    subprocess.run(command, input=f"+f {mine}\n+f {ours}\n".encode(), check=True)
    assert mine.exists() and not ours.exists()


def test_a_folder_in_use_stays(temporary):
    with children.folder() as mine:
        children._swept.discard(str(temporary))
        command = "from firmware_export import children\nwith children.folder(): pass"
        environment = {**os.environ, "TMPDIR": str(temporary)}
        subprocess.run([sys.executable, "-c", command], cwd=ROOT, env=environment, check=True)
        assert mine.exists()
    assert not any(temporary.iterdir())


def test_temporary_files_of_others_are_in_such_a_folder(temporary):
    with children.temporary_files():
        with tempfile.NamedTemporaryFile(delete=False) as file:
            path = Path(file.name)
        assert path.parent.parent == temporary
        assert path.parent.name.startswith("edge_tf_tmp_")
    assert tempfile.gettempdir() == str(temporary) and not any(temporary.iterdir())


def test_no_place_for_a_folder_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    told = r"no temporary folder can be made .*; set TMPDIR to a"
    with pytest.raises(ExportError, match=told), children.folder():
        pass
