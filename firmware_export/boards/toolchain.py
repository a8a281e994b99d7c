"""Compilers and emulators of the boards: which Debian packages are missing.

    python -m firmware_export.boards.toolchain

prints the missing packages and exits with 2, or prints nothing.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

from firmware_export.boards.board import BOARDS, Board, Requirement
from firmware_export.errors import ExportError


def missing_packages(boards: Iterable[Board]) -> tuple[str, ...]:
    """Names of the missing Debian packages for building for these boards and running."""
    needed = dict.fromkeys(requirement for board in boards for requirement in board.requires)
    return tuple(
        dict.fromkeys(
            requirement.package
            for requirement in needed
            if not is_there(requirement, os.environ.get("PATH", ""))
        )
    )


def check(board: Board) -> None:
    """Checks that a board's tools are installed.

    Raises:
      ExportError: naming what to install.
    """
    missing = missing_packages([board])
    if missing:
        raise ExportError(
            f"{board.name} needs {' and '.join(missing)}: apt-get install {' '.join(missing)}"
        )


@functools.cache
def is_there(requirement: Requirement, path: str) -> bool:
    """Whether a command, and the file it should find, are on this PATH."""
    if shutil.which(requirement.command, path=path) is None:
        return False
    if not requirement.file:
        return True
    found = subprocess.run(
        [requirement.command, f"-print-file-name={requirement.file}"],
        capture_output=True,
        text=True,
        check=False,
    )
    # The name of an unknown file comes back unchanged.
    return os.path.isabs(found.stdout.strip())


def main() -> int:
    missing = missing_packages(BOARDS)
    if missing:
        print(f"missing Debian packages: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
