"""SHA-256 of files, without reading again those that cannot have changed.

A file is not read again while its device, inode, size and both times are the same: restoring the
modification time, as archives do, still changes the time of the inode's own change (ctime). Images
of read-only file systems made reproducibly, FAT and some network file systems keep no such time,
so a few files are read again anyway, and if one has changed, all are.
"""

import contextlib
import hashlib
import os
import random
import stat
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from edge_tf import files, progress
from edge_tf.errors import UserError

_THREADS = 8  # waiting for disks more than for cores
_SHOWN_FROM = 5_000  # files: a progress bar
_PART = 1 << 22
_CHECKED = 100  # files that are read again
# A file that changes again within the resolution of its times (2 s on FAT) would look the same.
_SETTLED_NS = 3 * 10**9

_Stamp = tuple[int, int, int, int, int]
_Known = dict[str, tuple[_Stamp, str]]


def of(root: Path, paths: Iterable[str], folder: Path) -> dict[str, str]:
    """SHA-256 of the bytes of files, in hex, by path; "" for what cannot be read.

    Args:
      root: what paths are relative to.
      paths: files; repeated ones are read once.
      folder: of the cache, which remembers them.

    Raises:
      UserError: a file is missing.
    """
    wanted = list(dict.fromkeys(paths))
    place = os.fsencode(root.resolve())
    index = folder / f"contents-{hashlib.sha256(place).hexdigest()[:24]}.json"
    known = _load(index)
    stamps = {path: _stamp(root / path) for path in wanted}
    same = [path for path in wanted if known.get(_key(path), ((), ""))[0] == stamps[path]]
    checked = random.sample(same, min(_CHECKED, len(same)))
    if any(_hash(root / path) != known[_key(path)][1] for path in checked):
        known, same = {}, []
    result = {path: known[_key(path)][1] for path in same}
    new = [path for path in wanted if path not in result]
    begun = time.time_ns()
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        progress.bar(
            total=len(new), desc="reading", unit="file", disable=len(new) < _SHOWN_FROM
        ) as shown,
    ):
        for path, digest in zip(new, pool.map(lambda path: _hash(root / path), new), strict=True):
            result[path] = digest
            shown.update()
    settled = {p for p in new if result[p] and max(stamps[p][3:]) < begun - _SETTLED_NS}
    if settled:
        known.update({_key(path): (stamps[path], result[path]) for path in settled})
        with contextlib.suppress(OSError):  # a cache that can only be read
            files.write_bytes(index, msgspec.json.encode(known))
    return result


def _key(path: str) -> str:
    """A path as JSON can hold it: names need not be Unicode."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _load(index: Path) -> _Known:
    """What is remembered; nothing if there is none or it is damaged."""
    try:
        return msgspec.json.decode(files.read_bytes(index), type=_Known)
    except (UserError, ValueError):
        return {}


def _stamp(path: Path) -> _Stamp:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}", "restore it, or take it out of the data"
        ) from None
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _hash(path: Path) -> str:
    """Of a file; "" for others, such as pipes, and on errors: the decoder tells them all."""
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return ""
        with path.open("rb") as source:
            while part := source.read(_PART):
                digest.update(part)
    except OSError:
        return ""
    return digest.hexdigest()
