"""Writing an exported folder: all of it or nothing, and never over a user's own files.

An earlier export is replaced as long as it is as it was written: its manifest.json is ours, and
every file in the folder is listed there with the SHA-256 that it still has.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from firmware_export.errors import ExportError

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
FLAVORS = ("tflm", "standalone", "android", "kernels")

_MANIFEST_LIMIT = 16 << 20  # bytes; no manifest of ours is larger


def check_replaceable(target: Path, force: bool = False, option: str = "--out") -> None:
    """Checks that replacing `target` would lose nothing but an unchanged export.

    Args:
      target: folder to write.
      force: an earlier export may also have files of the user's, which `would_lose` names.
      option: the flag that names the folder, for messages.

    Raises:
      ExportError: it is a file, a folder that is no export, or an export with files that were
        added or changed since.
    """
    target = Path(target)
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise ExportError(f"{target} is a file; name a folder to export to")
    lost = would_lose(target)
    if not lost:
        return
    if _listed_files(target) is None:
        raise ExportError(
            f"{target} has {lost} and no {MANIFEST} of an export; name another folder with {option}"
        )
    if not force:
        raise ExportError(
            f"{target} has {lost}; name another folder with {option}, or delete what is in this "
            "one with --force"
        )


def would_lose(target: Path, shown: int = 4) -> str:
    """What replacing `target` would lose: files that no export wrote or that changed since.

    Args:
      target: folder to write.
      shown: number of names to give; the others are counted.

    Returns:
      "thesis.txt, which no export wrote, and a.c, changed since the export"; "" for nothing.
    """
    target = Path(target)
    if not target.is_dir():
        return ""
    listed = _listed_files(target)
    foreign, changed = [], []
    for name in sorted(_names(target)):
        if listed is None or (name not in listed and name != MANIFEST):
            foreign.append(name)
        elif name != MANIFEST and _sha256(target / name) != listed[name]:
            changed.append(name)
    lost = []
    if foreign:
        lost.append(f"{_shown(foreign, shown)}, which no export wrote")
    if changed:
        lost.append(f"{_shown(changed, shown)}, changed since the export")
    return ", and ".join(lost)


def write(
    target: Path,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    force: bool = False,
    option: str = "--out",
) -> None:
    """Writes files and manifest.json; `target` is the old folder or the new one, never a mixture.

    Args:
      target: replaced if it exists; see `check_replaceable`.
      files: contents by relative path with forward slashes.
      manifest: values for manifest.json; "files" lists all other files with their SHA-256.
      force, option: see `check_replaceable`.
    """
    check_replaceable(target, force, option)
    target = Path(target).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh = scratch / "new"
        fresh.mkdir()
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        for name, content in {**files, MANIFEST: text.encode("utf-8")}.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if target.exists():
            os.replace(target, scratch / "previous")
        try:
            os.replace(fresh, target)
        except OSError:
            if (scratch / "previous").exists():
                os.replace(scratch / "previous", target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _names(target: Path) -> list[str]:
    """All that is in a folder but folders, relative; links are not followed."""
    names = []
    for folder, folders, files in os.walk(target, onerror=_raise, followlinks=False):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        names += [(Path(folder) / name).relative_to(target).as_posix() for name in files + links]
    return names


def _raise(error: OSError) -> None:
    raise error


def _listed_files(target: Path) -> dict[str, str] | None:
    """SHA-256 by relative path, from a manifest.json that is ours; None if there is none."""
    path = target / MANIFEST
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.lstat().st_size > _MANIFEST_LIMIT:
            return None
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format_version"] != FORMAT_VERSION or manifest["flavor"] not in FLAVORS:
            return None
        listed = {name: facts["sha256"] for name, facts in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return listed if all(map(_is_inside, listed)) else None


def _is_inside(name: str) -> bool:
    """Whether a listed path stays in the folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name


def _sha256(path: Path) -> str | None:
    """Of a file; None for a link, a pipe or a device."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shown(names: list[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
