"""A test program with some sources of an exported folder, built for a board."""

from collections.abc import Mapping
from pathlib import Path

from firmware_export.boards import building
from firmware_export.boards.building import Build
from tests.firmware_export.boards.conftest import usable


def build(
    name: str,
    main: Path,
    firmware: Path,
    parts: tuple[str, ...],
    folder: Path,
    defines: Mapping[str, object] | None = None,
) -> Build:
    """Builds it with the memory of the board.

    Args:
      name: of the board.
      main: the program.
      firmware: exported folder.
      parts: what the names of the sources begin with.
      folder: receives the build.
      defines: for the program.
    """
    board = usable(name)
    flash_kb, ram_kb = board.memory_kb
    sources = [p for p in sorted((firmware / "src").glob("*.c")) if p.name.startswith(parts)]
    return building.build(
        board,
        [main, *sources],
        [firmware / "src"],
        folder / "build",
        defines,
        flash_kb=flash_kb,
        ram_kb=ram_kb,
        optimize="-O2",
    )
