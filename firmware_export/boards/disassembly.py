"""The instructions of a linked program, from the disassembler of its compiler."""

import dataclasses
import re
import subprocess
from pathlib import Path

from firmware_export.boards import m4_timing
from firmware_export.boards.board import Board
from firmware_export.boards.m4_timing import Instruction
from firmware_export.errors import ExportError

_SYMBOL = re.compile(r"([0-9a-f]+) <([^>]+)>:")
_INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t([a-z][\w.]*)(?:\t([^@;]*))?")


@dataclasses.dataclass(frozen=True)
class Disassembly:
    """A program's code.

    Attributes:
      instructions: by address.
      functions: name of each symbol of code, by address.
    """

    instructions: dict[int, Instruction]
    functions: dict[int, str]


def read(board: Board, program: Path) -> Disassembly:
    """Reads the instructions of a program or object for a Cortex-M.

    Raises:
      ExportError: the disassembler does not start, or cannot read it.
    """
    command = [f"{board.prefix}objdump", "-d", str(program)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ExportError(f"{command[0]} does not start: {error.strerror}") from None
    if done.returncode:
        raise ExportError(f"{command[0]} cannot read {program}: {done.stderr.strip()}")
    return parse(done.stdout)


def parse(listing: str) -> Disassembly:
    """Reads what `objdump -d` prints."""
    instructions, functions = {}, {}
    for line in listing.splitlines():
        if match := _INSTRUCTION.match(line):
            address, code, mnemonic, operands = match.groups()
            size = len(code.replace(" ", "")) // 2
            instructions[int(address, 16)] = m4_timing.instruction(
                int(address, 16), size, mnemonic, (operands or "").strip()
            )
        elif match := _SYMBOL.match(line):
            functions[int(match[1], 16)] = match[2]
    return Disassembly(instructions, functions)
