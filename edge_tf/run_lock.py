"""One process at a time writes to a run directory.

The lock is a POSIX lock on the hidden file RUN/.lock: the system drops it when the process ends,
however it ends, and child processes do not inherit it. The file names the process that has it.
"""

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_tf.errors import UserError

FILE = ".lock"

_LOG = logging.getLogger(__name__)
_TAKEN = (errno.EACCES, errno.EAGAIN)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

# Real paths of the folders that this process has locked: a stage may call another.
_held: set[Path] = set()


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Locks a run directory for this process; it is made if missing, and removed if still empty.

    Raises:
      UserError: another process has it; the message names it.
    """
    real = Path(folder).resolve()
    if real in _held:
        yield
        return
    made = _make(real)
    try:
        lock = _take(real, folder)
        _held.add(real)
        try:
            yield
        finally:
            _held.discard(real)
            with contextlib.suppress(OSError):  # who finds it later takes it over
                os.unlink(real / FILE)
            os.close(lock)
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # has files by now
                path.rmdir()


def _make(folder: Path) -> list[Path]:
    """Makes a folder; returns what was missing, innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _take(folder: Path, shown: Path) -> int:
    path = folder / FILE
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        lock = os.open(path, flags, 0o644)
        try:
            if not stat.S_ISREG(os.fstat(lock).st_mode):
                raise UserError(f"{shown / FILE} is not a file", "delete it")
            if not _locked(lock, shown):
                return lock
            if os.fstat(lock).st_nlink:  # else its last holder has just deleted it
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _locked(lock: int, shown: Path) -> bool:
    """Whether there is a lock now; False where the file system has none."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            _LOG.warning("%s cannot be locked; start one stage at a time", shown)
            return False
        if error.errno not in _TAKEN:
            raise
        text = os.pread(lock, 20, 0).strip()
        holder = f"process {int(text)}" if text.isdigit() else "another process"
        raise UserError(
            f"--run_dir={shown} is in use by {holder}",
            "wait until that has ended, or choose another --run_dir",
        ) from None
    return True
