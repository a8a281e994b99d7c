"""Programs on every board: what they can do, and how their misfortunes are told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from firmware_export.boards.building import Build
from firmware_export.boards.emulation import RunResult
from firmware_export.errors import ExportError
from tests.firmware_export.boards.conftest import EMULATED, PROGRAMS, usable, values

pytestmark = pytest.mark.firmware

ALL = (*EMULATED, "host")
Check = Callable[..., RunResult]


@pytest.mark.parametrize("name", EMULATED)
def test_a_board_counts_and_measures(check: Check, name: str) -> None:
    result = check(name, "report")
    report = values(result.console)
    assert result.status == 0
    assert result.console.endswith(" 0x89abcdef\n")
    assert (report["data"], report["bss"], report["counts"]) == (1, 0, 1)
    assert report["largest"] == 2**64 - 1
    assert 980 <= report["nops"] <= 1020
    # A tick of the counter is a fraction of an instruction, and comes in any phase.
    assert abs(report["again"] - report["nops"]) <= 2
    assert report.get("float") == floats(name)
    assert report["mve"] == (sum(range(-4, 17)) if usable(name).target.kernels == "mve" else 0)
    assert 0 < report["stack"] < 1000
    # A function that takes 3,000 bytes and returns.
    assert 3000 <= report["deeper"] < 3300
    assert check(name, "report").console == result.console


@pytest.mark.parametrize("name", EMULATED)
def test_counting_goes_on_when_the_timer_starts_again(check: Check, name: str) -> None:
    """SysTick has 24 bits: it starts again after some 10 million instructions."""
    counted = values(check(name, "count").console)
    assert counted["total"] > 20_000 * 1000
    # The handler that counts the starts takes instructions too.
    assert 1000 < counted["least"] <= counted["most"] < counted["least"] + 40


@pytest.mark.parametrize("name", EMULATED)
def test_without_counting(check: Check, name: str) -> None:
    report = values(check(name, "report", count=False).console)
    assert (report["counts"], report["nops"], report.get("float")) == (0, 0, floats(name))


def floats(name: str) -> int | None:
    """What the check program computes with floats, on a board that has them."""
    return None if name == "xtensa" else 1500


def test_the_host_counts_nothing(check: Check) -> None:
    report = values(check("host", "report").console)
    assert (report["counts"], report["nops"], report["stack"], report["float"]) == (0, 0, 0, 1500)


@pytest.mark.parametrize("name", ALL)
class TestFiles:
    @pytest.mark.parametrize("size", [0, 5000])
    def test_round_trip(self, check: Check, tmp_path: Path, name: str, size: int) -> None:
        content = bytes(i * 7 % 256 for i in range(size))
        (tmp_path / "in.bin").write_bytes(content)
        (tmp_path / "out.bin").write_bytes(b"older and longer" * 1000)
        assert check(name, "copy").status == 0
        assert (tmp_path / "out.bin").read_bytes() == content

    def test_no_file(self, check: Check, name: str) -> None:
        assert check(name, "copy").status == 3

    def test_only_in_the_folder(self, check: Check, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file.txt").write_text("x")
        (tmp_path.parent / "outside.txt").write_text("x")
        (tmp_path / "in bin").write_text("x")
        assert check(name, "names").status == 0
        assert not (tmp_path.parent / "written.txt").exists()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("command", "status"), [("main", 41), ("exit", 255), ("99", 99)])
def test_the_status_passes_through(check: Check, name: str, command: str, status: int) -> None:
    assert check(name, command).status == status


@pytest.mark.parametrize("name", EMULATED)
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("memory", r"no memory at 0xf0000000, pc 0x[0-9a-f]{8} in main \(check.c:\d+\)$"),
        ("instruction", r"not an instruction of this core, pc 0x[0-9a-f]{8} in main \(check.c"),
        ("jump", r"no(t an instruction of this core| memory at 0xf000000[01]), pc 0xf000000"),
        ("stack", r"stack overflow"),
        ("array", r"stack overflow"),
    ],
)
def test_a_fault(check: Check, name: str, command: str, said: str) -> None:
    with pytest.raises(ExportError, match=f"^the program on {name} stopped with a fault: {said}"):
        check(name, command)


def test_a_crash_on_the_host(check: Check) -> None:
    with pytest.raises(ExportError, match=r"^the program on host was killed by SIGILL"):
        check("host", "instruction")


@pytest.mark.parametrize("name", ["cortex-m4", "rv32", "host"])
@pytest.mark.parametrize("count", [True, False])
def test_a_hang(check: Check, name: str, count: bool) -> None:
    said = ""
    for seconds in (0.5, 2, 8, 32, 128):  # until this machine has come to the line
        with pytest.raises(ExportError) as error:
            check(name, "hang", timeout_s=seconds, count=count)
        said = str(error.value)
        assert said.startswith(f"the program on {name} has not finished after {seconds} s; ")
        if "its last line was: about to hang" in said:
            break
    assert said.endswith("about to hang; allow more time, or find where it hangs")


def test_sanitizers_on_the_host(tmp_path: Path) -> None:
    build = program(
        tmp_path, "host", "volatile int one = 1; return 0x7FFFFFFF + one;", flags=building.SANITIZE
    )
    with pytest.raises(
        ExportError, match=r"has undefined behaviour: .*runtime error: signed integer"
    ):
        emulation.run(build)
    build = program(
        tmp_path,
        "host",
        "int a[4] = {0}; volatile int i = 4; return a[i];",
        flags=building.SANITIZE,
    )
    with pytest.raises(
        ExportError, match=r"has undefined behaviour: .*index 4 out of bounds|Sanitizer"
    ):
        emulation.run(build)


def test_a_folder_that_is_not_there(checks: Callable[[str], Build], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nowhere is not a folder: make it"):
        emulation.run(checks("host"), tmp_path / "nowhere")


def test_a_folder_of_its_own_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    main = 'return board_close(board_open("left.txt", BOARD_WRITE)) ? 0 : 1;'
    build = program(tmp_path / "out", "host", main)
    assert emulation.run(build).status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_emulator_that_does_not_start(tmp_path: Path) -> None:
    build = program(tmp_path, "cortex-m4", "return 0;")
    build.elf.unlink()
    with pytest.raises(
        ExportError, match=r"^the emulator of cortex-m4 does not run: .*firmware.elf"
    ):
        emulation.run(build)


def test_an_emulator_that_gives_up(tmp_path: Path) -> None:
    """A fault in the handler of a fault: the core locks up, and QEMU with it."""
    lock_up = (
        '__asm__ volatile("movs r0, #0\\n msr control, r0\\n isb\\n"'
        '"mov sp, %0\\n udf #0" ::"r"(0xF0000000u));\nreturn 0;'
    )
    build = program(tmp_path, "cortex-m4", lock_up)
    with pytest.raises(
        ExportError, match=r"^the emulator of cortex-m4 was killed by SIG\w+: .*ockup"
    ):
        emulation.run(build, timeout_s=10)


def test_an_emulator_does_not_outlive_its_time(
    checks: Callable[[str], Build], tmp_path: Path
) -> None:
    """Even when the process that waits for it is killed, processor time is limited."""
    build = checks("cortex-m4")
    seen: list[tuple[int, tuple[int, int]]] = []
    set_limit = emulation.resource.prlimit

    def prlimit(pid: int, kind: int, limits: tuple[int, int]) -> None:
        set_limit(pid, kind, limits)
        seen.append((kind, limits))

    (tmp_path / "command").write_text("main")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulation.resource, "prlimit", prlimit)
        emulation.run(build, tmp_path, timeout_s=10)
    assert (emulation.resource.RLIMIT_CPU, (25, 25)) in seen


def test_arithmetic_and_memory_of_a_board_without_a_c_library(tmp_path: Path) -> None:
    """The host's compiler and C library give the same."""
    said = set()
    for name in ("host", "xtensa"):
        source = PROGRAMS / "arithmetic.c"
        build = building.build(usable(name), [source], [], tmp_path / name)
        said.add(emulation.run(build, count=False).console)
    assert len(said) == 1 and len(said.pop()) == 10


def program(folder: Path, name: str, main: str, flags: tuple[str, ...] = ()) -> Build:
    """A program whose main() is these lines."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "main.c"
    source.write_text(f'#include "board.h"\nint main(void) {{\nboard_init();\n{main}\n}}\n')
    return building.build(usable(name), [source], [], folder, extra_flags=flags)
