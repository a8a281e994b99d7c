"""The boards: one record each, which every flag, help text, error and report label reads.

To add a board, add its record to `BOARDS`; a new kind of core also needs a start-up file in src/.
Instructions are counted: the emulator models no pipeline, wait states or cache. Cycles can be
estimated for a core whose timing is published (m4_timing.py).
"""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from firmware_export.errors import ExportError
from firmware_export.standalone.target import AUTO, GENERIC, KernelSet, Target

SOURCES = Path(__file__).with_name("src")


@dataclasses.dataclass(frozen=True)
class Requirement:
    """A Debian package, and how to see that it is installed.

    Attributes:
      package: its name.
      command: a command on PATH.
      file: if not "", a file that this command, a compiler, finds in its own directories.
    """

    package: str
    command: str
    file: str = ""


@dataclasses.dataclass(frozen=True)
class Board:
    """A place where exported C runs.

    Attributes:
      name: what users type; also its name in cost tables.
      label: its name in the hop table.
      prefix: prefix of the tools' names, "arm-none-eabi-" for arm-none-eabi-gcc.
      flags: for compiling and linking: core, ABI, C library.
      sources: its own C files in `SOURCES`.
      libraries: for linking.
      requires: Debian packages.
      target: its core's name for `export_firmware --target`, and the kernel set that it uses.
      emulator: command and machine; empty for the host.
      icount_shift: while counting, an instruction takes 2^shift ns of emulated time.
      tick_ns: period of the timer that reads this time; None if the core counts instructions.
      flash: origin of flash and its size in bytes on this machine; None on the host.
      ram: the same for RAM.
      in_hop_table: the hop table includes it unless --boards says otherwise.
      most_clips: maximum number of clips that the hop table runs on it; 0: all.
      has_timing: m4_timing.py knows its core.
    """

    name: str
    label: str
    prefix: str
    flags: tuple[str, ...]
    sources: tuple[str, ...]
    requires: tuple[Requirement, ...]
    target: Target = GENERIC
    emulator: tuple[str, ...] = ()
    icount_shift: int = 0
    tick_ns: Fraction | None = None
    flash: tuple[int, int] | None = None
    ram: tuple[int, int] | None = None
    in_hop_table: bool = False
    most_clips: int = 0
    has_timing: bool = False
    libraries: tuple[str, ...] = ("-lm",)

    @property
    def memory_kb(self) -> tuple[int, int]:
        """All flash and RAM of the machine, in KiB; 0, 0 on the host, which has no limit."""
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
_XTENSA = (
    Requirement("gcc-xtensa-lx106", "xtensa-lx106-elf-gcc"),
    Requirement("qemu-system-misc", "qemu-system-xtensa"),
)
_HOST = (Requirement("gcc", "gcc"), Requirement("libc6-dev", "gcc", "crt1.o"))


def _cortex_m(
    core: str,
    machine: str,
    floats: tuple[str, ...],
    kernels: KernelSet,
    tick_ns: Fraction,
    flash: tuple[int, int],
    ram: tuple[int, int],
    in_hop_table: bool = False,
    most_clips: int = 0,
    has_timing: bool = False,
) -> Board:
    """A board with the Arm core that gcc calls `core`; `floats` are gcc's flags for its FPU."""
    return Board(
        name=core,
        label=core.title(),
        prefix="arm-none-eabi-",
        flags=("-mthumb", f"-mcpu={core}", *floats, "--specs=nano.specs", "-nostartfiles"),
        sources=("board_cortex_m.c", *_EMULATED),
        requires=_ARM,
        target=Target(core, kernels),
        emulator=("qemu-system-arm", "-M", machine),
        # 64 ns: then SysTick, which ticks every 31 to 50 ns, resolves single instructions.
        icount_shift=6,
        tick_ns=tick_ns,
        flash=flash,
        ram=ram,
        in_hop_table=in_hop_table,
        most_clips=most_clips,
        has_timing=has_timing,
    )


HOST = Board(
    name="host",
    label="host",
    prefix="",
    flags=(),
    sources=("board_host.c", "board_print.c"),
    requires=_HOST,
    in_hop_table=True,
)

# In the order that tables list them.
BOARDS = (
    HOST,
    _cortex_m(
        core="cortex-m4",
        machine="mps2-an386",
        floats=("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        kernels="dsp",
        tick_ns=Fraction(40),
        flash=(0x00000000, 4 * _MB),
        ram=(0x20000000, 4 * _MB),
        in_hop_table=True,
        has_timing=True,
    ),
    _cortex_m(
        core="cortex-m7",
        machine="mps2-an500",
        floats=("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
        kernels="dsp",
        tick_ns=Fraction(40),
        flash=(0x00000000, 4 * _MB),
        ram=(0x20000000, 4 * _MB),
    ),
    _cortex_m(
        core="cortex-m33",
        machine="mps2-an505",
        floats=("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
        kernels="dsp",
        tick_ns=Fraction(50),
        flash=(0x10000000, 4 * _MB),
        ram=(0x38000000, 2 * _MB),
    ),
    _cortex_m(
        core="cortex-m55",
        machine="mps3-an547",
        floats=("-mfloat-abi=hard", "-mfpu=auto"),
        kernels="mve",
        tick_ns=Fraction(125, 4),
        flash=(0x00000000, 512 * _KB),
        ram=(0x01000000, 2 * _MB),
        in_hop_table=True,
        # QEMU emulates vector instructions in software: one clip takes as long as fifty elsewhere.
        most_clips=100,
    ),
    Board(
        name="rv32",
        label="RV32",
        prefix="riscv64-unknown-elf-",
        flags=("-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs", "-nostartfiles"),
        sources=("board_rv32.c", *_EMULATED),
        requires=_RISCV,
        emulator=("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
        # The machine starts at the first byte of its memory; RAM is a part further up.
        flash=(0x80000000, 16 * _MB),
        ram=(0x81000000, 16 * _MB),
    ),
    Board(
        name="xtensa",
        label="Xtensa LX106",
        prefix="xtensa-lx106-elf-",
        # The compiler comes without a C library, but may know what memcpy does.
        flags=("-ffreestanding", "-fbuiltin", "-nostdlib", f"-I{SOURCES / 'xtensa'}"),
        sources=(
            *("board_xtensa.c", "board_xtensa_arithmetic.c", "board_xtensa_string.c"),
            "board_xtensa_stdio.c",
            *("simcall.c", "board_print.c", "board_stack.c"),
        ),
        libraries=("-lgcc",),
        requires=_XTENSA,
        emulator=("qemu-system-xtensa", "-M", "sim", "-cpu", "lx106"),
        # 64 ns: CCOUNT ticks every 25 ns, so one tick more or less does not matter.
        icount_shift=6,
        tick_ns=Fraction(25),
        flash=(0x50000000, 16 * _MB),
        ram=(0x60000000, 16 * _MB),
    ),
)
EMULATED = tuple(board for board in BOARDS if board.is_emulated)
HOP_TABLE = tuple(board for board in BOARDS if board.in_hop_table)
# The cores that C can be exported for, by name.
TARGETS = {target.name: target for target in (AUTO, GENERIC, *(b.target for b in BOARDS))}


def by_name(name: str, choices: Sequence[Board] = BOARDS) -> Board:
    """The board of this name.

    Raises:
      ExportError: it is none of `choices`.
    """
    for board in choices:
        if board.name == name:
            return board
    known = ", ".join(board.name for board in choices)
    raise ExportError(f'cannot run on "{name}"; choose from {known}')
