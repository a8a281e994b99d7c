"""Compiling and linking C for a board, into the memory that a real part has."""

import concurrent.futures
import dataclasses
import functools
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from firmware_export.boards import link_map, object_cache, toolchain
from firmware_export.boards.board import SOURCES, Board
from firmware_export.boards.link_map import Section, Sizes
from firmware_export.errors import ExportError

# For `extra_flags` on the host: undefined behaviour ends the program with a report.
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

# For all our C, generated or not: boards, kernels and exported folders.
WARNINGS = (
    *("-Wall", "-Wextra", "-Werror", "-Wshadow"),
    *("-Wconversion", "-Wsign-conversion", "-Wcast-qual"),
)
_COMPILE = ("-std=c99", *WARNINGS, "-ffunction-sections", "-fdata-sections", "-g")
# Not the caller's: the boards' own code stays the same whatever the program is built with.
_BOARD_OPTIMIZE = "-O2"
# Name of the parts that are not the caller's files.
BOARD_PART = "board"
_TIMEOUT_S = 300
# Names of memory regions: in board.ld, and in messages.
_NAMES = {"FLASH": "flash", "RAM": "RAM"}


class DoesNotFitError(ExportError):
    """A program is larger than its memory budget."""


@dataclasses.dataclass(frozen=True)
class Build:
    """A program, ready to run.

    Attributes:
      board: the board it is for.
      elf: the program.
      sizes: of the whole program, including gaps.
      sections: what it consists of; `file` is a source as passed in, "board", or a library.
      warnings: messages of compiler and linker; normally "".
    """

    board: Board
    elf: Path
    sizes: Sizes
    sections: tuple[Section, ...]
    warnings: str

    def parts(self) -> dict[str, Sizes]:
        """Sizes by source as passed in, "board" and library; without gaps and stack."""
        files = dict.fromkeys(section.file for section in self.sections)
        return {
            file: link_map.total(section for section in self.sections if section.file == file)
            for file in files
        }


def build(
    board: Board,
    sources: Iterable[Path],
    include_dirs: Iterable[Path],
    out_dir: Path,
    defines: Mapping[str, object] | None = None,
    *,
    flash_kb: int = 256,
    ram_kb: int = 64,
    stack_kb: int = 8,
    optimize: str = "-O2",
    extra_flags: Iterable[str] = (),
    objects: Path | None = None,
    linker_script: Path = SOURCES / "board.ld",
) -> Build:
    """Compiles C99 sources with the board's own and links them.

    Args:
      board: see board.py.
      sources: C files; one of them has main(). board.h is on the include path.
      include_dirs: for #include "...".
      out_dir: created if missing; receives firmware.elf, firmware.map and object files.
      defines: macros for all of `sources`.
      flash_kb: flash budget in KiB; not used on the host.
      ram_kb: RAM budget in KiB, including the stack.
      stack_kb: KiB of RAM reserved for the stack.
      optimize: optimization flag for `sources`.
      extra_flags: for compiling and linking, after all others.
      objects: folder of cached objects, see object_cache.py; None: the environment's.
      linker_script: not used on the host; with the symbols of board.ld.

    Raises:
      ExportError: a package is missing, a source does not compile, the program does not link or
        is too large, or the machine has less memory than the budget.
    """
    toolchain.check(board)
    memory = _memory(board, flash_kb, ram_kb, stack_kb, linker_script)
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    elf, map_file = out_dir / "firmware.elf", out_dir / "firmware.map"
    elf.unlink(missing_ok=True)  # a failure must not leave an older one to be run

    extra = tuple(extra_flags)
    common = [f"{board.prefix}gcc", *board.flags, *_COMPILE]
    includes = [f"-I{Path(directory).resolve()}" for directory in (*include_dirs, SOURCES)]
    macros = [f"-D{name}={value}" for name, value in (defines or {}).items()]
    sources = list(sources)
    jobs: list[tuple[list[str], Path, Path]] = []
    parts: dict[str, str] = {}
    for index, source in enumerate(sources):
        target = out_dir / f"{index:03d}_{source.stem}.o"
        parts[str(target)] = str(source)
        jobs.append(([*common, *includes, *macros, optimize, *extra], source, target))
    for name in board.sources:
        target = out_dir / f"board_{Path(name).stem}.o"
        parts[str(target)] = BOARD_PART
        own = [f"-I{SOURCES}", *_counter_macros(board), _BOARD_OPTIMIZE]
        jobs.append(([*common, *own, *extra], SOURCES / name, target))

    # One per processor: a model has dozens of files, and each takes a moment.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(functools.partial(_compile, board, objects), jobs))

    link = [f"{board.prefix}gcc", *board.flags, "-Wl,--gc-sections", f"-Wl,-Map={map_file}"]
    link += [*memory, *extra, *parts, *board.libraries, "-o", str(elf)]
    said.append(_link(board, link, {"FLASH": flash_kb, "RAM": ram_kb}))

    map_text = map_file.read_text(errors="replace")
    sections = tuple(
        dataclasses.replace(section, file=parts.get(section.file, section.file))
        for section in link_map.read_sections(map_text)
    )
    return Build(
        board=board,
        elf=elf,
        sizes=_sizes(board, elf, map_text),
        sections=sections,
        warnings="".join(said),
    )


def _memory(board: Board, flash_kb: int, ram_kb: int, stack_kb: int, script: Path) -> list[str]:
    """Linker options for the budget."""
    if board.flash is None or board.ram is None:
        return []
    for what, given, (_, offered) in (("flash", flash_kb, board.flash), ("RAM", ram_kb, board.ram)):
        if not 0 < given * 1024 <= offered:
            raise ExportError(
                f"{board.name} cannot have {given} KiB of {what}: its machine offers "
                f"{offered // 1024} KiB; give 1 to {offered // 1024}"
            )
    values = {
        "flash_origin": board.flash[0],
        "flash_size": flash_kb * 1024,
        "ram_origin": board.ram[0],
        "ram_size": ram_kb * 1024,
        "stack_size": stack_kb * 1024,
    }
    symbols = [f"-Wl,--defsym=board_{name}={value:#x}" for name, value in values.items()]
    return [*symbols, "-T", str(script)]


def _counter_macros(board: Board) -> list[str]:
    if board.tick_ns is None:
        return []
    # An instruction takes 2^shift ns.
    ratio = board.tick_ns / 2**board.icount_shift
    return [f"-DBOARD_INSTRUCTIONS={ratio.numerator}u", f"-DBOARD_TICKS={ratio.denominator}u"]


def _compile(board: Board, objects: Path | None, job: tuple[list[str], Path, Path]) -> str:
    command, source, target = job
    run = functools.partial(_run, board)
    done = object_cache.compile_object(command, source, target, run, objects)
    if done.returncode:
        raise ExportError(
            f"{board.compiler} for {board.name} does not compile {source.name}: "
            f"{_first_error(done.stderr)}"
        )
    return done.stderr


def _link(board: Board, command: list[str], budget_kb: Mapping[str, int]) -> str:
    done = _run(board, command)
    if done.returncode == 0:
        return done.stderr
    over = []
    for region, excess in re.findall(r"region `(\w+)' overflowed by (\d+) byte", done.stderr):
        given = budget_kb[region]
        needed = given * 1024 + int(excess)
        over.append(f"{needed:,} bytes of {_NAMES[region]}, {int(excess):,} more than {given} KiB")
    if over:
        raise DoesNotFitError(
            f"the program for {board.name} needs {' and '.join(over)}: "
            "make the model smaller or the budget larger"
        )
    missing = dict.fromkeys(re.findall(r"undefined reference to `([^']+)'", done.stderr))
    if missing:
        raise ExportError(
            f"the program for {board.name} lacks {', '.join(missing)}: add the sources that "
            "define them (boards have no heap and no stdio)"
        )
    raise ExportError(
        f"{board.compiler} for {board.name} does not link: {_first_error(done.stderr)}"
    )


def _run(
    board: Board, command: list[str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    # Messages are parsed here, so they must be in English.
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            env=environment,
            cwd=folder,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ExportError(
            f"{board.compiler} has not finished {Path(command[-3]).name} after {_TIMEOUT_S} s; "
            "try a lower optimization level or a less busy machine"
        ) from None


def _first_error(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in lines:
        if "error:" in line or "ld: " in line:
            return line
    return lines[-1] if lines else "no message"


def _sizes(board: Board, elf: Path, map_text: str) -> Sizes:
    done = _run(board, [f"{board.prefix}size", "-B", "-d", str(elf)])
    text, data, bss = (int(field) for field in done.stdout.splitlines()[1].split()[:3])
    stack = link_map.stack_size(map_text)
    constants = link_map.total(link_map.read_sections(map_text)).constants
    return Sizes(text=text, constants=constants, data=data, bss=bss - stack, stack=stack)
