"""Writing an exported folder: all of it or nothing, and never over a user's own files."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware_export.errors import ExportError

MANIFEST = "manifest.json"


def check_replaceable(target: Path) -> None:
    """Checks that replacing `target` would not lose any of the user's own files.

    Raises:
      ExportError: it is a file, or a folder with files that no export wrote.
    """
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise ExportError(f"{target} is a file; name a folder to export to")
    if not target.is_dir() or not any(target.iterdir()):
        return
    known = {MANIFEST, *_listed_files(target)}
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if not path.is_dir() and name not in known:
            raise ExportError(
                f"{target} has {name}, which no export wrote; move it away or name another folder"
            )


def write(target: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """Writes files and manifest.json; `target` is the old folder or the new one, never a mixture.

    Args:
      target: replaced if it exists; see `check_replaceable`.
      files: contents by relative path with forward slashes.
      manifest: values for manifest.json; "files" lists all other files.
    """
    check_replaceable(target)
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


def _listed_files(target: Path) -> list[str]:
    try:
        listed = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
        return list(listed)
    except (OSError, ValueError, KeyError, TypeError):
        return []
