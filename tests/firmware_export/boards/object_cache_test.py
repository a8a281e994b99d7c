"""Objects that are kept: the same bytes as without, never those of another text or other flags."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export.boards import building, object_cache
from tests.firmware_export.boards.conftest import usable

pytestmark = pytest.mark.firmware

MAIN = '#include "answer.h"\nint main(void) { return ANSWER - NUMBER; }\n'


class Compiler:
    """Runs commands and remembers which of them compiled."""

    def __init__(self) -> None:
        self.compiled: list[str] = []

    def __call__(self, command: list[str], cwd: Path | None) -> subprocess.CompletedProcess[str]:
        if "-c" in command:
            self.compiled.append(command[command.index("-c") + 1])
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of the other tests is out of sight."""
    monkeypatch.delenv(object_cache.VARIABLE, raising=False)


@pytest.fixture
def compiler() -> Compiler:
    usable("host")
    return Compiler()


@pytest.fixture
def make(tmp_path: Path, compiler: Compiler) -> Callable[..., bytes]:
    """Compiles main.c with its header in a folder of its own; gives the object."""

    def compile_one(
        folder: str, answer: int = 42, flags: tuple[str, ...] = (), text: str = MAIN
    ) -> bytes:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "main.c").write_text(text)
        (place / "answer.h").write_text(f"#define ANSWER {answer}\n")
        command = ["gcc", "-g", "-Wall", "-DNUMBER=42", *flags]
        done = object_cache.compile_object(
            command, place / "main.c", place / "main.o", compiler, tmp_path / "kept"
        )
        assert done.returncode == 0, done.stderr
        return (place / "main.o").read_bytes()

    return compile_one


def test_the_second_time_nothing_is_compiled_wherever_the_source_lies(
    make: Callable[..., bytes], compiler: Compiler
) -> None:
    assert make("one") == make("one") == make("another folder")
    assert compiler.compiled == ["main.c"]


@pytest.mark.parametrize(
    "change",
    [
        {"answer": 43},
        {"flags": ("-DNUMBER=41",)},
        {"flags": ("-O2",)},
        {"flags": ("-std=c99",)},
        {"text": MAIN.replace("main(void)", "main (void)")},
        {"text": f"\n{MAIN}"},  # of other lines in the debug information
    ],
    ids=["header", "macro", "optimization", "language", "text", "line"],
)
def test_whatever_decides_the_bytes_is_compiled_anew(
    make: Callable[..., bytes], compiler: Compiler, change: dict[str, object]
) -> None:
    make("before")
    make("after", **change)
    assert compiler.compiled == ["main.c", "main.c"]


def test_another_compiler_of_that_name_compiles_anew(
    make: Callable[..., bytes],
    compiler: Compiler,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make("before")
    other = tmp_path / "bin" / "gcc"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nPATH="{os.environ["PATH"]}"\nexec gcc "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    make("after")
    assert compiler.compiled == ["main.c", "main.c"]


def test_a_warning_is_given_every_time(
    make: Callable[..., bytes], compiler: Compiler, tmp_path: Path
) -> None:
    text = MAIN.replace("return", "int unused; return")
    make("one", text=text)
    make("one", text=text)
    assert compiler.compiled == ["main.c", "main.c"]
    assert not list((tmp_path / "kept").rglob("*.o"))


def test_nothing_half_written_is_kept(make: Callable[..., bytes], tmp_path: Path) -> None:
    made = make("one")
    kept = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [made]


@pytest.mark.parametrize("name", ["host", "cortex-m4", "rv32"])
def test_a_program_has_the_same_bytes_without_and_with_objects_kept(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = usable(name)
    programs = []
    for folder, kept in (("without", False), ("made", True), ("taken", True)):
        place = tmp_path / folder
        place.mkdir()
        (place / "main.c").write_text(MAIN)
        (place / "answer.h").write_text("#define ANSWER 42\n")
        if kept:
            monkeypatch.setenv(object_cache.VARIABLE, str(tmp_path / "kept"))
        source, macros = place / "main.c", {"NUMBER": 42}
        built = building.build(board, [source], [place], place / "out", macros)
        programs.append(built.elf.read_bytes())
        assert built.parts()[str(source)].text > 0
    assert programs[0] == programs[1] == programs[2]
    assert len(list((tmp_path / "kept").rglob("*.o"))) == 1 + len(board.sources)
