"""Atomic file writes: a reader sees the old content or the new, never a partial file.

And careful reads: what is read may come from someone else. A pipe or a device in the place of a
file would hang, and a file can be larger than memory.
"""

import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_tf.errors import UserError


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yields a temporary path next to `target`; on success it becomes `target`, else it is removed.

    The temporary name keeps the suffix, since some writers (Keras, NumPy) choose the format by it.
    It may become a file or a folder; a folder replaces whatever was at `target`. An OSError on the
    way, such as a full disk, names `target`.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        temporary = scratch / target.name
        try:
            yield temporary
            _replace(temporary, target, scratch / "previous")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        _name_target(error, target)
        raise


def _replace(temporary: Path, target: Path, previous: Path) -> None:
    if not (temporary.is_dir() and target.exists()):
        os.replace(temporary, target)
        return
    os.replace(target, previous)
    try:
        os.replace(temporary, target)
    except BaseException:
        os.replace(previous, target)
        raise


def _name_target(error: OSError, target: Path) -> None:
    """Puts `target` into an error that names no file, or one in the deleted scratch folder."""
    hidden = os.path.join(target.parent, f".{target.name}.")
    if error.errno is not None and (
        error.filename is None or str(error.filename).startswith(hidden)
    ):
        error.filename = os.fspath(target)


def write_text(target: Path, text: str) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(target: Path, data: bytes) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_json(target: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, sort_keys=False, ensure_ascii=False)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        text = json.dumps(value, indent=2, sort_keys=False)  # a name that is not Unicode
    write_text(target, text + "\n")


# Bytes that `read_bytes` and `read_json` accept; what this project writes is far smaller.
_MOST_BYTES = 1 << 30
_MOST_JSON_BYTES = 1 << 28
# Of an integer in JSON: 64 bits and a sign. More overflow somewhere between here and a float.
_MOST_DIGITS = 20


def check_regular(source: Path) -> None:
    """Raises UserError if something other than a file is there, or nothing.

    Reading a pipe waits for a writer, and reading a device may never end.
    """
    try:
        kind = os.stat(source).st_mode
    except OSError as error:
        raise _unreadable(source, str(error.strerror)) from None
    except ValueError:  # a NUL in the name
        raise _unreadable(source, "no such file name") from None
    _check_kind(source, kind)


def _check_kind(source: Path, kind: int) -> None:
    if stat.S_ISREG(kind):
        return
    found = "a folder" if stat.S_ISDIR(kind) else "a pipe, socket or device"
    raise UserError(f"{source} is {found} instead of a file", "restore it or make it again")


def _unreadable(source: Path, reason: str) -> UserError:
    return UserError(f"{source} cannot be read ({reason})", "restore it or make it again")


def read_bytes(source: Path, limit: int = _MOST_BYTES) -> bytes:
    """The content of a file that may come from someone else.

    Args:
      source: its path.
      limit: the most bytes to accept.

    Raises:
      UserError: it cannot be read, is not a regular file, or is larger than `limit`.
    """
    check_regular(source)
    try:
        # Without blocking, in case a pipe was put there since.
        with open(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            there = os.fstat(file.fileno())
            _check_kind(source, there.st_mode)
            # `read` allocates what it is asked for. One byte more tells of a file that grew.
            content = file.read(min(there.st_size, limit) + 1)
    except OSError as error:
        raise _unreadable(source, str(error.strerror)) from None
    if len(content) > limit:
        raise UserError(
            f"{source} is larger than {limit:,} bytes, so it is not a file of a run",
            "restore it or make it again",
        )
    if len(content) > there.st_size:
        raise _unreadable(source, "it grew while it was read")
    return content


def read_json(source: Path) -> Any:
    """Parses a JSON file.

    Raises:
      UserError: it is not readable JSON, or has an integer beyond 64 bits or text that cannot be
        written again.
    """
    content = read_bytes(source, _MOST_JSON_BYTES)
    try:
        return parse_json(content)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{source} is not valid JSON ({str(error)[:200]})", "restore it or make it again"
        ) from None


def parse_json(content: bytes) -> Any:
    """Parses JSON in UTF-8.

    Raises:
      ValueError, RecursionError: it is not JSON, or see `read_json`.
    """
    text = content.decode("utf-8")
    value = json.loads(text, parse_int=_integer)
    if "\\u" in text:
        _check_text(value)
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _check_text(value: Any) -> None:
    """Refuses what no file name can hold: NUL, and halves of surrogate pairs.

    Bytes of names that are not Unicode are such halves in Python, and stay.
    """
    written = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in written:
        raise ValueError("a NUL in a text")
    written.encode("utf-8", "surrogateescape")
