"""Memory use by object file and section, read from the linker's map."""

import dataclasses
import re
from collections.abc import Iterable

# Kinds by prefix of the section name; other sections are not loaded.
_KINDS = (
    ("constants", (".rodata", ".srodata")),
    ("code", (".text", ".literal", ".board_start")),
    ("data", (".data", ".sdata")),
    ("bss", (".bss", ".sbss", "COMMON")),
)
_START = "Linker script and memory map"
_NUMBER = r"0x([0-9a-f]+)"
# " .text.conv  0x00000040  0x1c  path/to/model.o"; a long name has a line to itself.
_INPUT = re.compile(
    rf"^ ([\w.$-]+)[ \t]*\n?[ \t]+{_NUMBER}[ \t]+{_NUMBER}[ \t]+(\S.*)$", re.MULTILINE
)


@dataclasses.dataclass(frozen=True)
class Section:
    """A piece of the program: with -ffunction-sections, a function or a variable.

    Attributes:
      file: object file, or "library.a" for a library's members.
      name: section, such as ".text.conv_3x1".
      kind: "code", "constants", "data" (initialized variables) or "bss" (zeroed variables).
      size: bytes.
    """

    file: str
    name: str
    kind: str
    size: int


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of memory.

    Attributes:
      text: code and constants, in flash.
      constants: only the constants of `text`, such as weights.
      data: initialized variables: in RAM, and their values in flash.
      bss: zeroed variables.
      stack: bytes reserved for stacks.
    """

    text: int = 0
    constants: int = 0
    data: int = 0
    bss: int = 0
    stack: int = 0

    @property
    def flash(self) -> int:
        return self.text + self.data

    @property
    def ram(self) -> int:
        return self.data + self.bss + self.stack


def read_sections(text: str) -> tuple[Section, ...]:
    """The pieces of a program from the text of GNU ld's map file."""
    _, _, memory = text.partition(_START)
    found = []
    for name, _, size, origin in _INPUT.findall(memory):
        kind = _kind(name)
        if kind and int(size, 16):
            found.append(Section(_file(origin), name, kind, int(size, 16)))
    return tuple(found)


def stack_size(text: str) -> int:
    """Bytes that board.ld reserves for stacks; 0 on the host."""
    match = re.search(rf"^\.stack\s+{_NUMBER}\s+{_NUMBER}$", text, re.MULTILINE)
    return int(match.group(2), 16) if match else 0


def total(sections: Iterable[Section]) -> Sizes:
    """Total sizes of some pieces, without the gaps between them."""
    sums = dict.fromkeys(("code", "constants", "data", "bss"), 0)
    for section in sections:
        sums[section.kind] += section.size
    return Sizes(
        text=sums["code"] + sums["constants"],
        constants=sums["constants"],
        data=sums["data"],
        bss=sums["bss"],
    )


def _kind(name: str) -> str:
    for kind, beginnings in _KINDS:
        if any(name == start or name.startswith(f"{start}.") for start in beginnings):
            return kind
    return "code" if name.startswith(".ARM.ex") else ""


def _file(origin: str) -> str:
    # A member of a library: path/to/libc.a(memcpy.o).
    member = re.fullmatch(r"(?:.*/)?([^/]+\.a)\([^)]*\)", origin)
    return member.group(1) if member else origin
