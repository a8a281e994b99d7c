"""What a program executes between the places where it reads the instruction counter.

The emulator's log names each block of straight code whenever it is entered, and lists its
instructions when it is first translated.
"""

import collections
import dataclasses
import functools
import itertools
import os
import re
from collections.abc import Iterator

from firmware_export.boards import disassembly, m4_timing
from firmware_export.boards.building import Build
from firmware_export.boards.disassembly import Disassembly
from firmware_export.boards.m4_timing import Cycles, Instruction
from firmware_export.errors import ExportError

# The function that reads the counter; a call divides the trace.
MARK = "board_instructions"
_ENTERED = re.compile(rb"^Trace \d+: (0x[0-9a-f]+) \[[^/]*/0*([0-9a-f]+)/.*$", re.MULTILINE)
_OTHERS = re.compile(rb"^(?:0x|Stopped)", re.MULTILINE)
_LISTED = re.compile(rb"0x([0-9a-f]+):")
_READ_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Instructions that run one after the other."""

    instructions: tuple[Instruction, ...]

    @property
    def first(self) -> Instruction:
        return self.instructions[0]

    @property
    def last(self) -> Instruction:
        return self.instructions[-1]


@dataclasses.dataclass(frozen=True)
class Span:
    """What was executed from one mark to the next.

    Attributes:
      steps: how often each block was entered, by the block before it.
      functions: names of all that was entered at its first instruction.
    """

    steps: collections.Counter[tuple[Block, Block]]
    functions: frozenset[str]

    @functools.cached_property
    def instructions(self) -> int:
        return sum(n * len(block.instructions) for (_, block), n in self.steps.items())

    @functools.cached_property
    def cycles(self) -> Cycles:
        """Raises ExportError if an instruction's timing is not known."""
        total = m4_timing.NONE
        for (before, block), times in self.steps.items():
            total = total.plus(_cycles(before, block), times)
        return total


class Recorder:
    """Reads the log of a run: `emulation.run(build, ..., count=False, log=recorder.read)`.

    Attributes:
      spans: one per call of board_instructions(), which it starts with.
    """

    def __init__(self, build: Build) -> None:
        """Raises ExportError if the program cannot be disassembled; it is for a Cortex-M."""
        self.spans: tuple[Span, ...] = ()
        self._code = disassembly.read(build.board, build.elf)

    def read(self, log: int) -> None:
        """Reads a file descriptor to its end.

        Raises:
          ExportError: the log does not list the program's instructions.
        """
        self.spans = tuple(spans(log, self._code))


@functools.lru_cache(maxsize=1 << 14)
def _cycles(before: Block, block: Block) -> Cycles:
    """Cycles from the end of one block to the end of the next."""
    total = m4_timing.leaving(before.last, block.first)
    is_straight = block.first.address == before.last.address + before.last.size
    previous = before.last if is_straight else None
    for instruction in block.instructions:
        total = total.plus(m4_timing.cycles(instruction, previous))
        previous = instruction
    return total


def spans(log: int, code: Disassembly) -> Iterator[Span]:
    """Divides a log at the marks; what is before the first mark is left out.

    Args:
      log: file descriptor to read it from, to the end.
      code: of the program.

    Raises:
      ExportError: see Recorder.read.
    """
    before: Block | None = None
    steps: collections.Counter[tuple[Block, Block]] | None = None
    for blocks in _entered(log, code):
        start = 0
        for i in _marks(blocks, code):
            if steps is not None:
                _add(steps, before, blocks[start:i])
                yield _span(steps, code)
            before = blocks[i - 1] if i else before
            steps, start = collections.Counter(), i
        if steps is not None:
            _add(steps, before if start == 0 else blocks[start - 1], blocks[start:])
        before = blocks[-1] if blocks else before
    if steps is not None:
        yield _span(steps, code)


def _marks(blocks: list[Block], code: Disassembly) -> list[int]:
    found = code.functions
    marks = {block for block in set(blocks) if found.get(block.first.address) == MARK}
    return [i for i, block in enumerate(blocks) if block in marks] if marks else []


def _add(
    steps: collections.Counter[tuple[Block, Block]], before: Block | None, blocks: list[Block]
) -> None:
    if before is not None and blocks:
        steps.update(itertools.pairwise([before, *blocks]))


def _span(steps: collections.Counter[tuple[Block, Block]], code: Disassembly) -> Span:
    starts = {block.first.address for _, block in steps}
    return Span(steps, frozenset(code.functions[at] for at in starts & code.functions.keys()))


def _entered(log: int, code: Disassembly) -> Iterator[list[Block]]:
    """The blocks that the log names, in order, some at a time."""
    blocks: dict[bytes, Block] = {}
    listed: list[int] = []
    entered: list[Block] = []
    rest = b""
    while read := os.read(log, _READ_BYTES):
        text, newline, rest = (rest + read).rpartition(b"\n")
        if not newline:
            continue
        if not listed and not _OTHERS.search(text):
            entered += [_known(blocks, key) for key, _ in _ENTERED.findall(text)]
        else:
            for line in text.split(b"\n"):
                if match := _LISTED.match(line):
                    listed.append(int(match[1], 16))
                elif match := _ENTERED.match(line):
                    if listed:
                        blocks[match[1]] = _block(listed, int(match[2], 16), code)
                        listed = []
                    entered.append(_known(blocks, match[1]))
                elif line.startswith(b"Stopped"):
                    entered.pop()  # it was left before its first instruction
        # The last one may still turn out to have been left.
        yield entered[:-1]
        entered = entered[-1:]
    yield entered


def _known(blocks: dict[bytes, Block], key: bytes) -> Block:
    if key not in blocks:
        raise ExportError(
            "cycles cannot be estimated: the emulator's log lists no instructions; install a "
            "build of QEMU with a disassembler (capstone), such as Debian's"
        )
    return blocks[key]


def _block(addresses: list[int], start: int, code: Disassembly) -> Block:
    missing = [at for at in addresses if at not in code.instructions]
    if missing or addresses[0] != start:
        raise ExportError(
            f"cycles cannot be estimated: the program executes {(missing or [start])[0]:#x}, "
            "which is not an instruction of its file; code that is written at run time has no "
            "estimate"
        )
    return Block(tuple(code.instructions[at] for at in addresses))
