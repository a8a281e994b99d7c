"""Timing of the Cortex-M4: short sequences take what its manual says; no instruction is guessed."""

from pathlib import Path

import pytest

from firmware_export.boards import building, disassembly, m4_timing
from firmware_export.boards.m4_timing import Cycles, Instruction
from firmware_export.errors import ExportError
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import KERNELS


def code(text: str, start: int = 0) -> list[Instruction]:
    """Instructions one after the other; those with .w have 4 bytes."""
    found: list[Instruction] = []
    for line in text.split(";"):
        mnemonic, _, operands = line.strip().partition(" ")
        at = found[-1].address + found[-1].size if found else start
        size = 4 if mnemonic.endswith(".w") else 2
        found.append(m4_timing.instruction(at, size, mnemonic, operands.strip()))
    return found


def cycles(text: str) -> Cycles:
    """Of a straight line."""
    total, before = m4_timing.NONE, None
    for instruction in code(text):
        total = total.plus(m4_timing.cycles(instruction, before))
        before = instruction
    return total


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The examples of "Load/store timings".
        ("ldr r0, [r1]; ldr r1, [r2]", 3),
        ("ldr r0, [r1, r2]; str r0, [r3, #20]", 3),
        ("ldr r0, [r1, r2]; str r1, [r3, r2]", 3),
        ("ldr r0, [r1, r5]; ldr r1, [r2]; ldr r2, [r3, #4]", 4),
        # The result of a load is the next address; then with an instruction between them.
        ("ldr r0, [r1]; ldr r2, [r0]", 4),
        ("ldrb r0, [r1]; ldrb r2, [r3, r0]", 4),
        ("ldr r0, [r1]; nop; ldr r2, [r0]", 5),
        # A store of a constant offset; of a register's; a load after either.
        ("str r0, [r1, #4]", 1),
        ("str.w r0, [r1], #4", 1),
        ("str r0, [r1, r2]", 2),
        ("str r0, [r1, #4]; ldr r2, [r3]", 3),
        ("strb r0, [r1, r2]; ldr r2, [r3]", 4),
        # An address computed just before, earlier, and for something else.
        ("adds r1, #4; ldr r0, [r1]", 4),
        ("adds r1, #4; str r0, [r1]", 3),
        ("adds r1, #4; nop; ldr r0, [r1]", 4),
        ("adds r2, #4; ldr r0, [r1]", 3),
        ("smull.w r0, r1, r2, r3; ldr r4, [r1]", 4),
        ("cmp r1, r2; ldr r0, [r1]", 3),
        # Pointers that the loads move: two, and the same one twice.
        ("ldr.w r0, [r1], #4; ldr.w r2, [r3], #4", 3),
        ("ldr.w r0, [r1], #4; ldr.w r2, [r1], #4", 4),
        ("ldr.w r0, [r1, #4]!; ldr.w r2, [r1]", 4),
        # Several words.
        ("ldrd r0, r1, [r2]", 3),
        ("strd r0, r1, [r2]; ldr r4, [r3]", 5),
        ("ldmia.w r0!, {r8, r9, sl, fp}", 5),
        ("ldr r0, [r1]; ldmia.w r2, {r3, r4}", 5),
        ("push {r3, lr}", 3),
        # Products, also into their sum; halves.
        ("mul r0, r1, r2; mla r0, r1, r2, r0; smlad r0, r1, r2, r0; smmulr r0, r1, r2", 4),
        ("smlal r0, r1, r2, r3; umull r0, r1, r2, r3; smlabb r0, r1, r2, r3", 3),
        ("sxtb16 r0, r1, ror #8; pkhbt r0, r1, r2; uadd8 r0, r1, r2; sel r0, r1, r2", 4),
        # IT: after 16 bits, after 32.
        ("movs r0, #1; it eq; moveq r1, r0", 2),
        ("mov.w r0, #1; ite eq; moveq r1, r0; movne r1, r2", 4),
        # Floats.
        ("vadd.f32 s0, s1, s2; vmul.f32 s0, s1, s2; vfma.f32 s0, s1, s2", 5),
        ("vdiv.f32 s0, s1, s2; vsqrt.f32 s0, s1", 28),
        ("vldr s0, [r0]; vstr d0, [r0]; vldmia r0!, {d8-d9}; vpush {s0, s1}", 2 + 3 + 5 + 3),
        ("vmov s0, r1; vmov.f32 s0, s1; vmov r0, r1, d0; vmov.32 d0[1], r1", 2 + 1 + 2 + 1),
    ],
)  # fmt: skip
def test_a_straight_line(text, expected):
    assert cycles(text).estimate == expected


@pytest.mark.parametrize(
    ("text", "following", "expected"),
    [
        ("b.n 100", "nop", 2),
        ("beq.n 100", "nop", 2),
        ("cbz r0, 100", "nop", 2),
        ("bl.w 100", "nop", 2),
        ("b.n 100", "mov.w r0, #1", 3),  # 32 bits at no multiple of 4
        ("bx lr", "nop", 3),
        ("mov pc, lr", "nop", 3),
        # From memory: the manual gives five and six cycles at least.
        ("ldr pc, [r0]", "nop", 5),
        ("tbb [pc, r0]", "nop", 6),
        ("pop {r4, pc}", "nop", 6),
    ],
)
def test_a_branch_that_is_taken(text, following, expected):
    (branch,), (target,) = code(text), code(following, start=102)
    taken = m4_timing.cycles(branch, None).plus(m4_timing.leaving(branch, target))
    assert taken.estimate == expected
    assert taken.least <= taken.estimate <= taken.most


@pytest.mark.parametrize("text", ["beq.n 100; nop", "bxne lr; nop", "popne {r4, pc}; nop"])
def test_a_branch_that_is_not_taken_takes_one_cycle(text):
    branch, following = code(text)
    own = m4_timing.cycles(branch, None)
    assert own.plus(m4_timing.leaving(branch, following)).estimate == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udiv.w r0, r1, r2", Cycles(7, 2, 12)),
        ("ldr r0, [pc, #4]", Cycles(2, 2, 3)),
        ("mov.w r0, r1; it eq; ldreq r0, [r1]", Cycles(4, 2, 4)),
    ],
)
def test_what_the_manual_leaves_open_is_within_the_limits(text, expected):
    assert cycles(text) == expected


@pytest.mark.parametrize("mnemonic", ["frobnicate", "msr", "bkpt", "vadd8"])
def test_an_instruction_without_timing_is_an_error_that_names_it(mnemonic):
    with pytest.raises(ExportError, match=rf"has no instruction '{mnemonic}' \(at 0x0\)"):
        cycles(f"{mnemonic} r0, r1")


def test_conditions_and_flags_are_not_part_of_a_name():
    names = "bls.n bleq adds adcs sbcs bics lsls subcs movls ldrhi ldrhne umullhi teq cmpls muls"
    found = [m4_timing.instruction(0, 2, name, "") for name in names.split()]
    assert [(i.name, i.conditional) for i in found] == [
        *(("bls", False), ("bl", True), ("add", False), ("adc", False), ("sbc", False)),
        *(("bic", False), ("lsl", False), ("sub", True), ("mov", True), ("ldr", True)),
        *(("ldrh", True), ("umull", True), ("teq", False), ("cmp", True), ("mul", False)),
    ]


@pytest.mark.firmware
def test_every_instruction_of_the_kernels_is_known(tmp_path: Path):
    dsp = sorted((KERNELS / "dsp").glob("*.c"))
    stems = {path.stem for path in dsp}
    portable = [p for p in sorted((KERNELS / "portable").glob("*.c")) if p.stem not in stems]
    main = tmp_path / "main.c"
    main.write_text("int main(void) { return 0; }\n")
    board = usable("cortex-m4")
    building.build(board, [main, *dsp, *portable], [KERNELS], tmp_path / "build")
    checked = 0
    for path in sorted((tmp_path / "build").glob("[0-9]*.o")):
        for instruction in disassembly.read(board, path).instructions.values():
            assert m4_timing.cycles(instruction, None).estimate >= 0
            checked += 1
    assert checked > 5_000
