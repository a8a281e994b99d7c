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
        "gcc",
        "libc6-dev",
        "gcc-arm-none-eabi",
        "libnewlib-arm-none-eabi",
        "qemu-system-arm",
        "gcc-riscv64-unknown-elf",
        "picolibc-riscv64-unknown-elf",
        "qemu-system-misc",
        "gcc-xtensa-lx106",
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
    assert said.err.startswith("missing Debian packages: apt-get install gcc libc6-dev gcc-arm")
    assert said.err.count("\n") == 1


def test_continuous_integration_installs_them() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    packages = {r.package for b in board.BOARDS for r in b.requires}
    assert {package for package in packages if f"missing+=({package})" not in script} == set()


def test_boards_have_names() -> None:
    for names in ([b.name for b in board.BOARDS], [b.label for b in board.BOARDS]):
        assert len(set(names)) == len(names) and all(names)
    assert all(board.by_name(b.name) is b for b in board.BOARDS)
    known = ", ".join(b.name for b in board.BOARDS)
    with pytest.raises(ExportError, match=f'^cannot run on "z80"; choose from {known}$'):
        board.by_name("z80")
    with pytest.raises(ExportError, match='run on "host"; choose from cortex-m'):
        board.by_name("host", board.EMULATED)


def test_a_board_runs_the_kernels_that_are_exported_for_its_core() -> None:
    """--target=NAME and a build for the board NAME take the same ones; -mcpu=NAME compiles them."""
    assert board.TARGETS["auto"].kernels == "auto"
    assert board.TARGETS["generic"].kernels == "portable"
    for name, target in board.TARGETS.items():
        cores = [b for b in board.BOARDS if b.name == name]
        assert target.name == name and all(b.target is target for b in cores)
        assert all(f"-mcpu={name}" in b.flags for b in cores)
    assert {b.target.name for b in board.BOARDS} == set(board.TARGETS) - {"auto"}


def test_the_hop_table_has_the_host_a_small_core_and_one_with_vectors() -> None:
    assert [b.name for b in board.HOP_TABLE] == ["host", "cortex-m4", "cortex-m55"]
