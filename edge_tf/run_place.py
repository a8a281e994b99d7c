"""The place of a run directory: whether a stage can write there, and what a killed one left."""

import os
import re
import shutil
from pathlib import Path

from edge_tf.errors import UserError

# More than a stage writes to a run: models, three checkpoints, a report, logits of all clips.
_ROOM = 64_000_000
# Folders of files.atomic_path, for files of a run.
_HALF_WRITTEN = re.compile(r"\.\w+\.(keras|json|html|npz|tflite|txt)\.\w{8}")


def check_writable(run: Path) -> None:
    """Checks what would otherwise come out after hours of work.

    Args:
      run: the run directory; it need not exist.

    Raises:
      UserError: there is no right or no room to write.
    """
    there = next(path for path in (run, *run.absolute().parents) if path.exists())
    inside = [path for path in run.iterdir() if path.is_dir()] if there == run else []
    for folder in (there, *inside):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(
                f"--run_dir={run}: {folder} cannot be written",
                "change its permissions, or choose another --run_dir",
            )
    free = shutil.disk_usage(there).free
    if free < _ROOM:
        raise UserError(
            f"--run_dir={run} has {free / 1e6:.1f} MB of free space; a stage may need "
            f"{_ROOM / 1e6:.0f} MB",
            "free some space, or choose another --run_dir",
        )


def remove_half_written(run: Path) -> None:
    """Removes what a process that was killed was writing; only for who has the run's lock."""
    for path in run.glob(".*.*"):
        if _HALF_WRITTEN.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
