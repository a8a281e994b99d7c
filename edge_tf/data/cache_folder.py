"""The folder of decoded clips: where it is, who writes an entry, and what is deleted from it.

An entry is a folder that appears whole. Its writer holds `.NAME.lock`, so that a second process
waits and then reads; readers hold a shared lock on its samples, so that nobody deletes them.
"""

import contextlib
import errno
import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from edge_tf.errors import UserError

# Entries that were not read for so long, or are the oldest beyond this size, are deleted when
# another is written.
KEEP_DAYS = 30
KEEP_BYTES = 50 * 10**9

SAMPLES = "samples.npy"
DIGESTS = "digests.npy"
NOTES = "notes.json"

_log = logging.getLogger(__name__)
_NAME = r"(?:training|validation|testing)-[0-9a-f]{24}"
_ENTRY = re.compile(_NAME)
_SCRATCH = re.compile(rf"\.(?P<entry>{_NAME})\.(?!lock$)[^.]+")
_SMALL = re.compile(r"(?:contents|checks)-[0-9a-f]{24}\.json")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_REMEDY = "choose a folder that you can write to with --cache_dir"

# Open files of the entries that this process reads, by path.
_read: dict[Path, int] = {}


def default_folder() -> Path:
    """Default folder of caches: $XDG_CACHE_HOME/edge_tf, else ~/.cache/edge_tf.

    Raises:
      UserError: the user has no home folder.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "edge_tf"
    try:
        return Path.home() / ".cache" / "edge_tf"
    except RuntimeError:
        raise UserError("the cache of decoded clips needs a home folder", _REMEDY) from None


def check(folder: Path) -> None:
    """Raises UserError if a folder has no entries and none can be written, before any work."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK):
        return
    if there != folder or not os.path.isdir(there) or not any(_entries(folder)):
        raise UserError(f"the cache folder {folder} cannot be written", _REMEDY)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Only this process writes an entry; others wait.

    What a killed process left of it is removed.

    Raises:
      UserError: the folder cannot be written.
      OSError: the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(target.with_name(f".{target.name}.lock"))
    except OSError as error:
        raise _refused(error, target.parent) from None
    try:
        for path in target.parent.glob(f".{target.name}.*"):
            if _SCRATCH.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        yield
    except OSError as error:
        raise _refused(error, target.parent) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(target.with_name(f".{target.name}.lock"))
        os.close(lock)


def _refused(error: OSError, folder: Path) -> Exception:
    if error.errno is None or error.errno in _FULL:
        return error  # pipelines/app.py tells what a full disk needs
    return UserError(f"the cache folder {folder} cannot be written ({error.strerror})", _REMEDY)


def _lock(path: Path) -> int:
    """Waits for an exclusive lock on a file, which is made if missing."""
    waited = False
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            if not waited and not _flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                entry = path.name.removeprefix(".").removesuffix(".lock")
                _log.info("another process writes the cache's %s: waiting for it", entry)
                waited = True
            _flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:  # else its last holder has just deleted it
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _flock(file: int, kind: int) -> bool:
    """Whether the lock was taken; True as well where the file system has no locks."""
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
    return True


def reading(entry: Path) -> None:
    """Marks an entry as in use until this process ends, and as used today."""
    file = os.open(entry / SAMPLES, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    _flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    previous = _read.pop(entry, None)
    if previous is not None:
        os.close(previous)
    _read[entry] = file
    with contextlib.suppress(OSError):  # another user's
        os.utime(entry)


def prune(folder: Path) -> None:
    """Deletes what was not read for KEEP_DAYS and the oldest entries beyond KEEP_BYTES.

    Entries in use and files that are not ours stay.
    """
    oldest = time.time() - KEEP_DAYS * 86_400
    for path in folder.iterdir():
        scratch = _SCRATCH.fullmatch(path.name)
        if scratch and _is_free(folder / f".{scratch['entry']}.lock"):
            shutil.rmtree(path, ignore_errors=True)
        elif _SMALL.fullmatch(path.name):
            with contextlib.suppress(OSError):  # deleted meanwhile, or another user's
                if path.lstat().st_mtime < oldest:
                    path.unlink()
    total, count, freed = 0, 0, 0
    for used, size, path in sorted(_entries(folder), reverse=True):
        total += size
        if (used < oldest or total > KEEP_BYTES) and _delete(path):
            total, count, freed = total - size, count + 1, freed + size
    if count:
        _log.info(
            "cache: deleted %d entries (%.1f MB) that were not used for %d days or exceeded %d GB",
            count,
            freed / 1e6,
            KEEP_DAYS,
            KEEP_BYTES // 10**9,
        )


def _is_free(lock: Path) -> bool:
    try:
        file = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(file)


def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Time of last use, bytes and path of each entry that has our files only."""
    for path in folder.iterdir() if os.access(folder, os.R_OK) else ():
        if not _ENTRY.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        with contextlib.suppress(OSError):  # deleted meanwhile, or another user's
            inside = list(path.iterdir())
            if {file.name for file in inside} <= {SAMPLES, DIGESTS, NOTES}:
                size = sum(file.lstat().st_size for file in inside)
                yield path.stat().st_mtime, size, path


def _delete(entry: Path) -> bool:
    """Deletes an entry unless a process reads it."""
    try:
        file = os.open(entry / SAMPLES, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
        shutil.rmtree(entry)
    except OSError:
        return False
    finally:
        os.close(file)
    return True
