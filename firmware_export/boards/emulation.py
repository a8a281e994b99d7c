"""Running a program on the host or in QEMU; it can neither hang nor fail unnoticed."""

import contextlib
import dataclasses
import math
import os
import re
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from firmware_export import children
from firmware_export.boards.building import Build
from firmware_export.errors import ExportError

# Exit status of board_fault() in C, and the start of the line it prints before.
_FAULT_STATUS = 99
_FAULT_LINE = "board fault: "
# QEMU's networking is off; it warns that a board's network controller is then not connected.
_HARMLESS = "has no peer"
_SANITIZER = re.compile(r"^.*(?:runtime error:|ERROR: \w+Sanitizer:).*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class RunResult:
    """How a program ended.

    Attributes:
      status: value of main() or argument of board_exit(), 0 to 255.
      console: what it printed.
      seconds: wall time, including the emulator's start.
    """

    status: int
    console: str
    seconds: float


def run(
    build: Build,
    folder: Path | None = None,
    *,
    timeout_s: float = 60.0,
    count: bool = True,
    log: Callable[[int], None] | None = None,
) -> RunResult:
    """Runs a program to its end.

    Args:
      build: what to run.
      folder: the only place where it reads and writes files; None: an empty temporary folder.
      timeout_s: wall time after which it is killed.
      count: let board_instructions() count. Takes about twice as long; the host never counts.
      log: reads the emulator's log of executed code from a file descriptor to its end, in a
        thread. Takes some ten times as long.

    Raises:
      ExportError: from `log`; `folder` is missing; the program faults, crashes or does not
        finish; the emulator does not start.
    """
    if folder is None:
        with children.folder() as scratch:
            return run(build, scratch, timeout_s=timeout_s, count=count, log=log)
    if not Path(folder).is_dir():
        raise ExportError(f"{folder} is not a folder: make it, the program's files go there")

    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        reader = None if log is None else stack.enter_context(_LogReader(log))
        process = stack.enter_context(
            children.process(
                [*_command(build, count), *(reader.options if reader else ())],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=reader.inherited if reader else (),
            )
        )
        if reader:
            reader.start()
        _limit(process.pid, timeout_s)
        try:
            console, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            console, stderr = process.communicate()
            raise ExportError(
                f"the program on {build.board.name} has not finished after {timeout_s:g} s"
                f"{_last_words(console)}; allow more time, or find where it hangs"
            ) from None
        seconds = time.monotonic() - started
        _check_end(build, process.returncode, console, stderr)
        if reader:
            reader.finish()
    return RunResult(process.returncode, console, seconds)


class _LogReader:
    """Gives the emulator's log to a function in a thread, through a pipe; it is large."""

    def __init__(self, read: Callable[[int], None]) -> None:
        self._read = read
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self._source, self._sink = os.pipe()

    @property
    def inherited(self) -> tuple[int, ...]:
        """What the emulator must inherit."""
        return (self._sink,)

    @property
    def options(self) -> tuple[str, ...]:
        # Without jumps from block to block, which would not be logged.
        return ("-d", "exec,nochain,in_asm", "-D", f"/dev/fd/{self._sink}")

    def start(self) -> None:
        """Call it after the emulator has started."""
        self._close_sink()
        self._thread.start()

    def finish(self) -> None:
        """Waits until everything is read; raises what the function raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> "_LogReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._close_sink()
        if self._thread.ident is None:
            os.close(self._source)
        else:
            self._thread.join()  # the emulator has ended, so the log ends, too

    def _close_sink(self) -> None:
        if self._sink >= 0:
            os.close(self._sink)
            self._sink = -1

    def _run(self) -> None:
        try:
            self._read(self._source)
        except BaseException as error:  # raised again by finish()
            self._error = error
        finally:
            os.close(self._source)


def _command(build: Build, count: bool) -> list[str]:
    board = build.board
    if not board.is_emulated:
        return [str(build.elf.resolve())]
    devices = "-nodefaults -nic none -display none -serial none -monitor none -no-reboot".split()
    console = "-chardev stdio,id=console,signal=off".split()
    # The command line tells the program whether its counter is valid.
    calls = f"enable=on,target=native,chardev=console,arg=firmware,arg=count={count:d}"
    command = [*board.emulator, *devices, *console, "-semihosting-config", calls]
    if count:
        command += ["-icount", f"shift={board.icount_shift}"]
    return [*command, "-kernel", str(build.elf.resolve())]


def _limit(pid: int, timeout_s: float) -> None:
    """Limits CPU time; no core dumps."""
    threads = 2
    limit = math.ceil(threads * timeout_s) + 5
    # Only on Linux, and not if it has already ended.
    with contextlib.suppress(OSError, AttributeError):
        resource.prlimit(pid, resource.RLIMIT_CPU, (limit, limit))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _check_end(build: Build, status: int, console: str, stderr: str) -> None:
    name = build.board.name
    complaints = [
        line for line in stderr.splitlines() if line.strip() and not line.endswith(_HARMLESS)
    ]
    if build.board.is_emulated:
        if status < 0:
            raise ExportError(
                f"the emulator of {name} was killed by {_signal(status)}: "
                f"{_one_line(complaints[:1]) or 'no message'}{_last_words(console)}"
            )
        if status == 1 and complaints:
            raise ExportError(f"the emulator of {name} does not run: {_one_line(complaints)}")
        fault = _fault(build, console) if status == _FAULT_STATUS else ""
        if fault:
            raise ExportError(f"the program on {name} stopped with a fault: {fault}")
        return
    report = _SANITIZER.search(stderr)
    if report:
        raise ExportError(f"the program on {name} has undefined behaviour: {report.group()}")
    if status < 0:
        raise ExportError(
            f"the program on {name} was killed by {_signal(status)}{_last_words(console)}; "
            "build it with building.SANITIZE to see where"
        )


def _fault(build: Build, console: str) -> str:
    """The fault that the board reported, with the function it occurred in."""
    lines = console.splitlines()
    if not lines or not lines[-1].startswith(_FAULT_LINE):
        return ""
    fault = lines[-1][len(_FAULT_LINE) :]
    pc = re.search(r", pc (0x[0-9a-f]{8})$", fault)
    if pc is None:
        return fault
    place = subprocess.run(
        [f"{build.board.prefix}addr2line", "-f", "-s", "-e", str(build.elf), pc.group(1)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    ).stdout.split("\n")
    if len(place) < 2 or place[0] == "??":
        return fault
    return f"{fault} in {place[0]} ({place[1].split(' ')[0]})"


def _signal(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _last_words(console: str) -> str:
    lines = [line for line in console.splitlines() if line.strip()]
    return f"; its last line was: {lines[-1][:200]}" if lines else ""


def _one_line(lines: list[str]) -> str:
    return "; ".join(lines[:3])[:400]
