"""The trace of a run: what is executed between readings of the counter, and its cycles."""

import os
from pathlib import Path

import pytest

import tflite_model
from firmware_export.boards import building, disassembly, emulation, programs, trace
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from tests.firmware_export.boards.conftest import PROGRAMS, usable
from tests.firmware_export.boards.measuring_test import FEATURES, small

LISTING = """
00000010 <board_instructions>:
      10:\t4770      \tbx\tlr

00000020 <main>:
      20:\tf7ff fff6 \tbl\t10 <board_instructions>
      24:\t3801      \tsubs\tr0, #1\t@ 0x1
      26:\td1fb      \tbne.n\t20 <main>
      28:\te7fe      \tb.n\t28 <main+0x8>
      2a:\t0000      \t.short\t0x0000
"""
CODE = disassembly.parse(LISTING)


def entered(key: int, address: int) -> str:
    return f"Trace 0: {key:#x} [00800408/{address:08x}/00000110/ff000000] name\n"


def listed(*addresses: int) -> str:
    lines = "".join(f"0x{at:08x}:  4770       bx       lr\n" for at in addresses)
    return f"----------------\nIN: name\n{lines}\n"


TWICE = (
    listed(0x20) + entered(1, 0x20) + listed(0x10) + entered(2, 0x10)
    + listed(0x24, 0x26) + entered(3, 0x24) + entered(1, 0x20) + entered(2, 0x10)
    + entered(3, 0x24) + listed(0x28) + entered(4, 0x28)
)  # fmt: skip


def spans_of(log: str, pieces: int = 1) -> list[trace.Span]:
    """Of a log that arrives in pieces."""
    content = log.encode()
    size = -(-len(content) // pieces)
    parts = [content[i : i + size] for i in range(0, len(content), size)]

    def read(_: int, __: int) -> bytes:
        return parts.pop(0) if parts else b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace.os, "read", read)
        return list(trace.spans(0, CODE))


class TestALog:
    @pytest.mark.parametrize("pieces", [1, 2, 3, 7, 50])
    def test_marks_divide_it(self, pieces):
        first, second = spans_of(TWICE, pieces)
        # bx, subs, bne, bl; then bx, subs, bne, b.
        assert (first.instructions, second.instructions) == (4, 4)
        # Refills: 1 into the mark; 2 out of it; 1 back to main's start. Then 1, 2, none.
        assert first.cycles.estimate == 4 + 1 + 2 + 1
        assert second.cycles.estimate == 4 + 1 + 2
        assert first.functions == {"board_instructions", "main"}
        assert second.functions == {"board_instructions"}

    @pytest.mark.parametrize("pieces", [1, 2, 3, 7, 50])
    def test_a_block_that_is_left_at_once_does_not_count(self, pieces):
        stopped = "Stopped execution of TB chain before 0x3 [00000024] name\n"
        with_stop = TWICE.replace(entered(3, 0x24), entered(3, 0x24) + stopped + entered(3, 0x24))
        found, expected = spans_of(with_stop, pieces), spans_of(TWICE)
        assert [s.cycles for s in found] == [s.cycles for s in expected]

    def test_without_instructions_it_says_what_to_install(self):
        with pytest.raises(ExportError, match="lists no instructions; install a build of QEMU"):
            spans_of(entered(1, 0x20))

    def test_code_that_the_file_does_not_have(self):
        with pytest.raises(ExportError, match="the program executes 0x2a, which is not an instr"):
            spans_of(listed(0x2A) + entered(1, 0x2A))


@pytest.mark.firmware
def test_cycles_of_known_instructions(tmp_path: Path):
    build = building.build(usable("cortex-m4"), [PROGRAMS / "timing.c"], [], tmp_path / "build")
    recorder = trace.Recorder(build)
    done = emulation.run(build, tmp_path, count=False, log=recorder.read)
    assert done.status == 0
    own, loop, skip, _ = recorder.spans
    # bl, 1 + 1; movs; subs 100 times; bne taken 99 times, 1 + 1, and once not; bx, 1 + 2.
    assert loop.cycles.minus(own.cycles).estimate == 2 + 1 + 100 + 2 * 99 + 1 + 3
    assert loop.instructions - own.instructions == 1 + 1 + 2 * 100 + 1
    # bl; push of two; cmp; it, folded; popne, skipped; pop, 1 + 2 + 3.
    assert skip.cycles.minus(own.cycles).estimate == 2 + 3 + 1 + 0 + 1 + 6
    assert skip.instructions - own.instructions == 6
    assert {"loop", "board_instructions"} <= loop.functions
    assert "loop" not in skip.functions


@pytest.mark.firmware
def test_it_has_as_many_instructions_as_the_emulator_counts(tmp_path: Path):
    compiled = compiler.compile(tflite_model.parse(small()), "dsp", profile=True)
    build = programs.build_profile(compiled, usable("cortex-m4"), tmp_path)
    (tmp_path / "input.bin").write_bytes(FEATURES[0].tobytes())
    counted = emulation.run(build, tmp_path).console.splitlines()
    recorder = trace.Recorder(build)
    emulation.run(build, tmp_path, count=False, log=recorder.read)
    own, _, *rest = recorder.spans
    ops = rest[: 2 * len(counted) : 2]
    assert len(rest) == 2 * len(counted) + 1  # until the program ends
    for line, span in zip(counted, ops, strict=True):
        # A tick of the counter is a fraction of an instruction.
        assert abs(span.instructions - own.instructions - int(line.split()[0])) <= 2
    assert all(s.cycles.minus(own.cycles).least >= s.instructions - own.instructions for s in ops)


@pytest.mark.firmware
def test_an_error_of_the_reader_is_the_runs(tmp_path: Path):
    build = building.build(usable("cortex-m4"), [PROGRAMS / "timing.c"], [], tmp_path / "build")

    def read(log: int) -> None:
        raise ExportError(f"no {os.read(log, 2).decode()}")

    with pytest.raises(ExportError, match=r"^no --$"):
        emulation.run(build, tmp_path, count=False, log=read)
