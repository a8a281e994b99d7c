"""Atomic file writes: a reader sees the old content or the new, never a partial file."""

import contextlib
import json
import os
import shutil
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
    write_text(target, json.dumps(value, indent=2, sort_keys=False, ensure_ascii=False) + "\n")


def read_json(source: Path) -> Any:
    """Parses a JSON file. Raises UserError if it is not readable JSON."""
    try:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{source} cannot be read ({error.strerror})", "restore it or make it again"
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(
            f"{source} is not valid JSON ({error})", "restore it or make it again"
        ) from None
