"""What is missing is named as Debian's packages are."""

from pathlib import Path

import pytest

from firmware_export.boards import board, building, toolchain
from firmware_export.errors import ExportError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing in it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, command: str, finds: str = "") -> None:
    """A command that knows of one file."""
    path = folder / command
    path.write_text(f"#!/bin/sh\necho {finds}\n")
    path.chmod(0o755)


def test_everything_missing(bare: Path) -> None:
    assert toolchain.missing_packages(board.BOARDS) == (
        "gcc-arm-none-eabi",
        "libnewlib-arm-none-eabi",
        "qemu-system-arm",
        "gcc-riscv64-unknown-elf",
        "picolibc-riscv64-unknown-elf",
        "qemu-system-misc",
        "gcc",
        "libc6-dev",
    )
    assert toolchain.missing_packages([]) == ()


def test_a_compiler_without_library(bare: Path) -> None:
    install(bare, "arm-none-eabi-gcc", finds="nano.specs")
    install(bare, "qemu-system-arm")
    boards = [board.by_name("cortex-m4"), board.by_name("cortex-m55")]
    assert toolchain.missing_packages(boards) == ("libnewlib-arm-none-eabi",)
    with pytest.raises(ExportError) as error:
        toolchain.check(boards[0])
    assert str(error.value) == (
        "cortex-m4 needs libnewlib-arm-none-eabi: apt-get install libnewlib-arm-none-eabi"
    )


def test_a_library_that_is_found(bare: Path) -> None:
    install(bare, "arm-none-eabi-gcc", finds="/somewhere/nano.specs")
    install(bare, "qemu-system-arm")
    toolchain.check(board.by_name("cortex-m4"))


def test_building_says_what_to_install(bare: Path) -> None:
    with pytest.raises(ExportError) as error:
        building.build(board.by_name("rv32"), [], [], bare / "out")
    packages = ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf", "qemu-system-misc")
    assert str(error.value) == (
        f"rv32 needs {' and '.join(packages)}: apt-get install {' '.join(packages)}"
    )
    assert not (bare / "out").exists()


def test_the_command(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert toolchain.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("missing Debian packages: apt-get install gcc-arm-none-eabi lib")
    assert said.err.count("\n") == 1


def test_continuous_integration_installs_them() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    packages = {r.package for b in board.BOARDS for r in b.requires}
    assert {package for package in packages if f"missing+=({package})" not in script} == set()


def test_boards_have_names() -> None:
    names = [b.name for b in board.BOARDS]
    assert len(set(names)) == len(names)
    assert all(b.description and board.by_name(b.name) is b for b in board.BOARDS)
    with pytest.raises(ExportError, match=r'no board "cortex-m3"; choose from cortex-m4, .*, host'):
        board.by_name("cortex-m3")
