"""The boards: which compiler, which emulated machine, which memory.

Instructions are counted, not cycles: the emulator knows no pipeline, no wait states, no cache.
"""

import dataclasses
from fractions import Fraction
from pathlib import Path

from firmware_export.errors import ExportError

SOURCES = Path(__file__).with_name("src")


@dataclasses.dataclass(frozen=True)
class Requirement:
    """A Debian package, and what shows that it is there.

    Attributes:
      package: its name.
      command: a command on PATH.
      file: if not "", a file that this command, a compiler, finds among its own.
    """

    package: str
    command: str
    file: str = ""


@dataclasses.dataclass(frozen=True)
class Board:
    """A place where exported C runs.

    Attributes:
      name: what users and reports call it.
      description: core and machine, for people.
      prefix: of the tools' names, "arm-none-eabi-" for arm-none-eabi-gcc.
      flags: for compiling and for linking: core, ABI, C library.
      sources: its own C files in `SOURCES`.
      requires: Debian packages.
      emulator: command and machine; empty for the host.
      icount_shift: an instruction takes 2^shift ns of the emulator's time when they are counted.
      tick_ns: of the timer that reads this time; None where there is a counter of instructions.
      flash: origin of flash and how many bytes the machine offers; None on the host.
      ram: the same of RAM.
    """

    name: str
    description: str
    prefix: str
    flags: tuple[str, ...]
    sources: tuple[str, ...]
    requires: tuple[Requirement, ...]
    emulator: tuple[str, ...] = ()
    icount_shift: int = 0
    tick_ns: Fraction | None = None
    flash: tuple[int, int] | None = None
    ram: tuple[int, int] | None = None

    @property
    def memory_kb(self) -> tuple[int, int]:
        """All flash and RAM that the machine offers, in KB; of the host there is no limit."""
        if self.flash is None or self.ram is None:
            return 0, 0
        return self.flash[1] // _KB, self.ram[1] // _KB

    @property
    def compiler(self) -> str:
        return f"{self.prefix}gcc"

    @property
    def is_emulated(self) -> bool:
        return bool(self.emulator)


_EMULATED = ("semihosting.c", "board_print.c", "board_stack.c")
_KB = 1024
_MB = 1024 * 1024

_ARM = (
    Requirement("gcc-arm-none-eabi", "arm-none-eabi-gcc"),
    Requirement("libnewlib-arm-none-eabi", "arm-none-eabi-gcc", "nano.specs"),
    Requirement("qemu-system-arm", "qemu-system-arm"),
)
_RISCV = (
    Requirement("gcc-riscv64-unknown-elf", "riscv64-unknown-elf-gcc"),
    Requirement("picolibc-riscv64-unknown-elf", "riscv64-unknown-elf-gcc", "picolibc.specs"),
    Requirement("qemu-system-misc", "qemu-system-riscv32"),
)
_HOST = (Requirement("gcc", "gcc"), Requirement("libc6-dev", "gcc", "crt1.o"))


def _cortex_m(
    core: str,
    machine: str,
    fpu: str,
    tick_ns: Fraction,
    flash: tuple[int, int],
    ram: tuple[int, int],
    extension: str,
) -> Board:
    return Board(
        name=core,
        description=f"Arm {core.title()} with {extension}, emulated as QEMU's {machine}",
        prefix="arm-none-eabi-",
        flags=(
            *("-mthumb", f"-mcpu={core}", "-mfloat-abi=hard", f"-mfpu={fpu}"),
            *("--specs=nano.specs", "-nostartfiles"),
        ),
        sources=("board_cortex_m.c", *_EMULATED),
        requires=_ARM,
        emulator=("qemu-system-arm", "-M", machine),
        # 64 ns: then SysTick, which ticks every 31 to 50 ns, tells single instructions apart.
        icount_shift=6,
        tick_ns=tick_ns,
        flash=flash,
        ram=ram,
    )


BOARDS = (
    _cortex_m(
        core="cortex-m4",
        machine="mps2-an386",
        fpu="fpv4-sp-d16",
        tick_ns=Fraction(40),
        flash=(0x00000000, 4 * _MB),
        ram=(0x20000000, 4 * _MB),
        extension="FPU",
    ),
    _cortex_m(
        core="cortex-m7",
        machine="mps2-an500",
        fpu="fpv5-sp-d16",
        tick_ns=Fraction(40),
        flash=(0x00000000, 4 * _MB),
        ram=(0x20000000, 4 * _MB),
        extension="FPU",
    ),
    _cortex_m(
        core="cortex-m33",
        machine="mps2-an505",
        fpu="fpv5-sp-d16",
        tick_ns=Fraction(50),
        flash=(0x10000000, 4 * _MB),
        ram=(0x38000000, 2 * _MB),
        extension="FPU",
    ),
    _cortex_m(
        core="cortex-m55",
        machine="mps3-an547",
        fpu="auto",
        tick_ns=Fraction(125, 4),
        flash=(0x00000000, 512 * _KB),
        ram=(0x01000000, 2 * _MB),
        extension="FPU and MVE",
    ),
    Board(
        name="rv32",
        description="RISC-V RV32IMAC, emulated as QEMU's virt",
        prefix="riscv64-unknown-elf-",
        flags=("-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs", "-nostartfiles"),
        sources=("board_rv32.c", *_EMULATED),
        requires=_RISCV,
        emulator=("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
        # The machine starts at the first byte of its memory; RAM is cut from what is further up.
        flash=(0x80000000, 16 * _MB),
        ram=(0x81000000, 16 * _MB),
    ),
    Board(
        name="host",
        description="this machine, natively",
        prefix="",
        flags=(),
        sources=("board_host.c", "board_print.c"),
        requires=_HOST,
    ),
)


def by_name(name: str) -> Board:
    """The board of this name.

    Raises:
      ExportError: there is none.
    """
    for board in BOARDS:
        if board.name == name:
            return board
    known = ", ".join(board.name for board in BOARDS)
    raise ExportError(f'there is no board "{name}"; choose from {known}')
