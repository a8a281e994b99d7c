"""The check program, built once for each board; skips where its packages are missing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export.boards import board, building, emulation, toolchain
from firmware_export.boards.board import Board
from firmware_export.boards.building import Build
from firmware_export.boards.emulation import RunResult

PROGRAMS = Path(__file__).with_name("programs")
EMULATED = tuple(b.name for b in board.EMULATED)


def usable(name: str) -> Board:
    """The board of this name, or a skip."""
    found = board.by_name(name)
    missing = toolchain.missing_packages([found])
    if missing:
        pytest.skip(f"no {' '.join(missing)} for {name}")
    return found


@pytest.fixture(scope="session")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Build]:
    """Gives the check program for a board."""
    built: dict[str, Build] = {}

    def get(name: str) -> Build:
        if name not in built:
            out = tmp_path_factory.mktemp("check")
            # gcc takes an endless recursion for the mistake that it is.
            built[name] = building.build(
                usable(name),
                [PROGRAMS / "check.c"],
                [],
                out,
                extra_flags=["-Wno-infinite-recursion"],
            )
        return built[name]

    return get


@pytest.fixture
def check(checks: Callable[[str], Build], tmp_path: Path) -> Callable[..., RunResult]:
    """Runs a command of the check program in `tmp_path`."""

    def run(name: str, command: str, **options: object) -> RunResult:
        build = checks(name)
        (tmp_path / "command").write_text(command)
        return emulation.run(build, tmp_path, **options)

    return run


def values(line: str) -> dict[str, int]:
    """The key=value pairs of a line."""
    pairs = (field.partition("=") for field in line.split() if "=" in field)
    return {key: int(value) for key, _, value in pairs}
