"""Emitted C of many models in one program, with ASan and UBSan."""

import dataclasses
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_export.boards import building
from firmware_export.standalone import compiler

SETS = 3
MAX_ENDS = 16
_PER_FILE = 20
_TIMEOUT_S = 60
_HERE = Path(__file__).parent
_CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_GCC = ["gcc", "-std=c99", "-O1", *_CHECKS, f"-I{compiler.KERNELS}"]
_NAME = re.compile(r"\bmodel_\w+(?=\()")
_STATIC = re.compile(r"^(?:[A-Z][A-Z0-9_]* )*static [\w *]*?\b(\w+)(?=\[|\(| =)", re.MULTILINE)
_MACRO = re.compile(r"^ *# *define (\w+)", re.MULTILINE)
_REPORT = re.compile(r"^.*(?:runtime error:|ERROR: \w+Sanitizer).*$", re.MULTILINE)
# Text that does not change what a program does: the rest is the same for the same program.
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one model's C did.

    Attributes:
      outputs: for each set of inputs the content of every output; () if it failed.
      fault: how it failed, one line; "" if it did not.
    """

    outputs: tuple[tuple[bytes, ...], ...] = ()
    fault: str = ""


@dataclasses.dataclass(frozen=True)
class Job:
    """A model to run.

    Attributes:
      compiled: its C.
      sets: for each run the inputs, of their types.
    """

    compiled: compiler.Compiled
    sets: Sequence[Sequence[np.ndarray]]


def identity(compiled: compiler.Compiled) -> str:
    """Text that is equal for models whose C does the same."""
    return _COMMENT.sub("", compiled.files["model.h"] + compiled.files["model.c"])


class Programs:
    """Builds and runs models, many at a time.

    Args:
      folder: for its files; the kernels are compiled there at once, which takes seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kernels = [folder / f"{path.stem}.o" for path in self._sources()]
        for path, made in zip(self._sources(), self._kernels, strict=True):
            subprocess.run([*_GCC, "-g", "-c", str(path), "-o", str(made)], check=True)
        self._driver = folder / "driver.o"
        source = [f"-DSETS={SETS}", "-c", str(_HERE / "driver.c"), "-o", str(self._driver)]
        subprocess.run([*_GCC, *source], check=True)

    @staticmethod
    def _sources() -> list[Path]:
        return sorted((compiler.KERNELS / "portable").glob("*.c"))

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcome of each job, in their order."""
        outcomes: dict[int, Outcome] = {}
        objects = []
        for first in range(0, len(jobs), _PER_FILE):
            numbers = range(first, min(first + _PER_FILE, len(jobs)))
            # The compiler's start takes longer than one model; alone only to tell which is wrong.
            if not self._compile(numbers, jobs):
                objects.append(self._object(first))
                continue
            for number in numbers:
                fault = self._compile([number], jobs)
                if fault:
                    outcomes[number] = Outcome(fault=fault)
                else:
                    objects.append(self._object(number))
        built = [number for number in range(len(jobs)) if number not in outcomes]
        if built:
            self._link(built, objects, jobs)
            outcomes |= self._run_all(built, jobs)
        return [outcomes[number] for number in range(len(jobs))]

    def _compile(self, numbers: Sequence[int], jobs: Sequence[Job]) -> str:
        """Compiles models into one object; returns the compiler's complaint."""
        source = self._folder / f"model_{numbers[0]}.c"
        source.write_text("".join(_renamed(number, jobs[number]) for number in numbers))
        target = str(self._object(numbers[0]))
        command = [*_GCC, *building.WARNINGS, "-c", str(source), "-o", target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return ""
        lines = [line for line in done.stderr.splitlines() if "error:" in line]
        return f"does not compile: {lines[0] if lines else done.stderr[-200:]}"

    def _object(self, number: int) -> Path:
        return self._folder / f"model_{number}.o"

    def _link(self, built: Sequence[int], objects: Sequence[Path], jobs: Sequence[Job]) -> None:
        declared, rows = [], []
        for number in built:
            graph = jobs[number].compiled.graph
            ends = []
            for what, kind, tensors in (
                ("input", "int8_t *", graph.inputs),
                ("output", "const int8_t *", graph.outputs),
            ):
                names = [f"p{number}_model_{what}"]
                if len(tensors) > 1:
                    names = [f"p{number}_model_{what}_{index}" for index in range(len(tensors))]
                declared += [f"{kind}{name}(void);" for name in names]
                sizes = [str(tensor.byte_size) for tensor in tensors]
                ends.append(f"{len(names)}, {{{', '.join(names)}}}, {{{', '.join(sizes)}}}")
            declared.append(f"void p{number}_model_invoke(void);")
            rows.append(f"{{p{number}_model_invoke, {', '.join(ends)}}},")
        text = [
            '#include "driver.h"',
            *declared,
            "const program_t programs[] = {",
            *rows,
            "};",
            f"const int program_count = {len(built)};",
        ]
        table = self._folder / "table.c"
        table.write_text("\n".join(text) + "\n")
        command = [*_GCC, f"-I{_HERE}", str(table), *map(str, [*objects, self._driver])]
        command += [*map(str, self._kernels), "-o", str(self._folder / "program")]
        subprocess.run(command, check=True)

    def _run_all(self, built: Sequence[int], jobs: Sequence[Job]) -> dict[int, Outcome]:
        """Runs the program, again after each model that ends it."""
        outcomes: dict[int, Outcome] = {}
        first = 0
        while first < len(built):
            rest = built[first:]
            given = b"".join(
                array.tobytes() for number in rest for one in jobs[number].sets for array in one
            )
            try:
                done = subprocess.run(
                    [str(self._folder / "program"), str(first)],
                    input=given,
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
                written, said, status = done.stdout, done.stderr, done.returncode
            except subprocess.TimeoutExpired as error:
                written, said, status = error.stdout or b"", b"", None
            for number in rest:
                outputs, written = _outputs(jobs[number], written)
                if outputs is None:
                    fault = _fault(said.decode(errors="replace"), status)
                    outcomes[number] = Outcome(fault=fault)
                    first += 1
                    break
                outcomes[number] = Outcome(outputs)
                first += 1
        return outcomes


def _renamed(number: int, job: Job) -> str:
    """A model's C with names of its own, so that several fit into one file."""
    files = job.compiled.files
    text = files["model.c"].replace('#include "model.h"', files["model.h"])
    names = sorted({*_NAME.findall(text), *_STATIC.findall(text)})
    macros = sorted({*names, *_MACRO.findall(text)})
    return "\n".join(
        [
            *(f"#define {name} p{number}_{name}" for name in names),
            text,
            *(f"#undef {name}" for name in macros),
            "",
        ]
    )


def _outputs(job: Job, written: bytes) -> tuple[tuple[tuple[bytes, ...], ...] | None, bytes]:
    """Cuts a model's outputs from the front of what a program wrote; None if it did not."""
    sizes = [tensor.byte_size for tensor in job.compiled.graph.outputs]
    if len(written) < sum(sizes) * SETS:
        return None, b""
    outputs, start = [], 0
    for _ in range(SETS):
        made = []
        for size in sizes:
            made.append(written[start : start + size])
            start += size
        outputs.append(tuple(made))
    return tuple(outputs), written[start:]


def _fault(said: str, status: int | None) -> str:
    if status is None:
        return f"has not ended after {_TIMEOUT_S} s"
    report = _REPORT.search(said)
    return report[0].strip() if report else f"ended with status {status}"
