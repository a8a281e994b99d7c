"""Child processes and temporary folders that end with this process, however it ends.

guardian.py watches this process through a pipe, which the system closes even if it is killed. If
the guardian is killed too, the next process that makes a temporary folder removes those left
behind: an owner holds a lock on a file in its folder.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from firmware_export.errors import ExportError

_PREFIX = "edge_tf_tmp_"  # guardian.py has it too
_LOCK = ".owner"
_GUARDIAN = Path(__file__).with_name("guardian.py")

_guardian: tuple[int, subprocess.Popen[bytes]] | None = None
_swept: set[str] = set()


@contextlib.contextmanager
def process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Starts a program; at the end of the block it is killed if it still runs.

    Args:
      command: program and arguments.
      options: of subprocess.Popen.

    Raises:
      OSError: it cannot be started.
    """
    with subprocess.Popen(command, **options) as started:
        _tell(f"+p {started.pid}")
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()
                started.wait()
            _tell(f"-p {started.pid}")


def run(command: Sequence[str], timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and returns what it printed.

    Raises:
      OSError: it cannot be started.
      subprocess.TimeoutExpired: it took longer than `timeout_s`, and was killed.
    """
    pipe = subprocess.PIPE
    with process(command, stdout=pipe, stderr=pipe, text=True, errors="replace") as started:
        out, err = started.communicate(timeout=timeout_s)
        return subprocess.CompletedProcess(command, started.returncode, out, err)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder, removed at the end of the block.

    Raises:
      ExportError: there is no place for one.
    """
    try:
        parent = tempfile.gettempdir()
        _sweep(Path(parent))
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise ExportError(
            f"no temporary folder can be made ({error.strerror or error}); set TMPDIR to a folder "
            "that can be written"
        ) from None
    _tell(f"+f {made}")
    lock = None
    try:
        lock = _take(made / _LOCK)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        _tell(f"-f {made}")


@contextlib.contextmanager
def temporary_files() -> Iterator[None]:
    """Puts the temporary files of everything in this process into such a folder.

    TensorFlow's AutoGraph writes some, which stay if the process is killed.
    """
    before = tempfile.tempdir
    with folder() as made:
        tempfile.tempdir = str(made)
        try:
            yield
        finally:
            tempfile.tempdir = before


def _take(path: Path) -> int | None:
    """Locks a file for as long as it is open; None if another process has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(path, flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _sweep(parent: Path) -> None:
    """Removes folders of this user whose processes are gone; once per process."""
    if str(parent) in _swept:
        return
    _swept.add(str(parent))
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if not path.is_dir() or path.is_symlink() or found.st_uid != os.getuid():
                continue
            if not (path / _LOCK).is_file():  # not of ours, or being made
                continue
            lock = _take(path / _LOCK)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _tell(line: str) -> None:
    """Tells the guardian, which is started at the first call."""
    if "\n" in line:  # a name that its lines cannot hold
        return
    with contextlib.suppress(OSError):  # without a guardian the next process cleans up
        os.write(_pipe(), os.fsencode(f"{line}\n"))


def _pipe() -> int:
    global _guardian
    if _guardian is None or _guardian[0] != os.getpid():
        quiet = subprocess.DEVNULL
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARDIAN)],
            stdin=subprocess.PIPE,
            stdout=quiet,
            stderr=quiet,
            cwd="/",
            start_new_session=True,  # signals of the terminal do not reach it
        )
        _guardian = os.getpid(), started
        atexit.register(_end, started)
    assert _guardian[1].stdin is not None
    return _guardian[1].stdin.fileno()


def _end(guardian: subprocess.Popen[bytes]) -> None:
    if _guardian is not None and _guardian[0] == os.getpid():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            assert guardian.stdin is not None
            guardian.stdin.close()
            guardian.wait(timeout=5)
