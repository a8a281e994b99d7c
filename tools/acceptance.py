"""How many published .tflite files compile to plain C, with which bytes, RAM and flash.

    python tools/acceptance.py PATH [PATH ...] [--boards=cortex-m4,cortex-m55]
        [--out=FILE] [--results=FILE] [--jobs=N] [--minutes=N]

A path is a .tflite file, or a folder: every one below it counts once, by its content. Each is run
in TensorFlow Lite Micro on seeded random inputs (a model with state: a sequence), exported as plain
C with these as golden vectors, compiled and run on this machine, and on emulated boards. Prints a
table in Markdown; the exit status is 1 if bytes differ, or a file that was named does not compile.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tflite_model
from firmware_export.boards import board as boards
from firmware_export.boards import building, emulation, toolchain
from firmware_export.boards.board import Board
from firmware_export.errors import ExportError
from firmware_export.oracle import random_golden
from firmware_export.standalone import package
from tflite_model.errors import TFLiteError
from tflite_model.info import ModelInfo

_TIMEOUT_S = 1200
# On this machine.
_CHECKS = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
_BOARD_MAIN = Path(__file__).with_name("acceptance_main.c")
_NUMBER = re.compile(r"\d+(?=\.tflite$)")
_COUNTED = ("int8", "int16")
# Ops whose tensors may be float in a quantized model.
_ENDS = ("QUANTIZE", "DEQUANTIZE")


@dataclasses.dataclass(frozen=True)
class Result:
    """One file.

    Attributes:
      name: its path, from the name of the folder that was given.
      kind: "int8", "int16", "uint8", "float", or "not a model" for what cannot be read.
      micro: why TFLite Micro does not run it; "" if it does.
      refusal: why plain C refuses it; "" if it does not.
      compared, differing: bytes of output.
      ram, flash: of plain C: buffer and constants.
      arena: used bytes of TFLite Micro's arena on this machine, with pointers of 64 bits.
      arena_32: what it is at least with pointers of 32 bits, as if all but activations, scratch and
        states were pointers.
      boards: bytes that differ on each board; None where the program does not fit.
    """

    name: str
    kind: str
    micro: str = ""
    refusal: str = ""
    compared: int = 0
    differing: int = 0
    ram: int = 0
    flash: int = 0
    arena: int = 0
    arena_32: int = 0
    boards: Mapping[str, int | None] = dataclasses.field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether it should be accepted: quantized, and TFLite Micro runs it."""
        return self.kind in _COUNTED and not self.micro


def examine(path: Path, name: str, on: Sequence[Board] = ()) -> Result:
    """Compiles and compares one file."""
    model = path.read_bytes()
    try:
        info = tflite_model.parse(model, path.name)
    except TFLiteError as error:
        return Result(name, "not a model", refusal=str(error))
    result = Result(name, kind_of(info))
    if result.kind not in _COUNTED:
        return result
    try:
        made = random_golden.make(model)
        if made is None:
            raise SystemExit("tflite_micro is not installed: make setup")
        used = made[1].used_bytes
        data = made[1].head_bytes + sum(t.byte_size for t in info.tensors if t.is_variable)
        result = dataclasses.replace(result, arena=used, arena_32=data + (used - data) // 2)
    except ExportError as error:
        result = dataclasses.replace(result, micro=str(error))
    with tempfile.TemporaryDirectory(prefix="edge_acceptance_") as folder:
        return _compiled(result, model, path.name, Path(folder), on)


def _compiled(result: Result, model: bytes, file: str, folder: Path, on: Sequence[Board]) -> Result:
    """The result with what became of plain C; `folder` is empty."""
    out = folder / "out"
    try:
        manifest = package.export(model, out, "0", model_name=file)
    except ExportError as error:
        return dataclasses.replace(result, refusal=str(error).removeprefix(f"{file}: "))
    memory = manifest["memory"]
    result = dataclasses.replace(
        result, ram=sum(memory["ram"].values()), flash=memory["constant_bytes"]
    )
    if result.micro:
        return result
    compared, differing = _on_board(out, boards.HOST, manifest) or (0, 0)
    found = {}
    for board in on:
        package.export(model, folder / board.name, "0", target=board.target, model_name=file)
        there = _on_board(folder / board.name, board, manifest)
        found[board.name] = None if there is None else there[1]
    return dataclasses.replace(result, compared=compared, differing=differing, boards=found)


def kind_of(info: ModelInfo) -> str:
    """What the ops compute with: conversions at the ends do not count."""
    types = collections.Counter(
        info.tensors[index].type
        for op in info.ops
        if op.name not in _ENDS
        for index in (*op.inputs[:1], *op.outputs)
        if index >= 0
    )
    if types["FLOAT32"]:
        return "float"
    if types["UINT8"] > types["INT8"] + types["INT16"]:
        return "uint8"
    return "int16" if types["INT16"] > types["INT8"] else "int8"


def _on_board(folder: Path, board: Board, manifest: dict[str, Any]) -> tuple[int, int] | None:
    """(bytes compared, bytes that differ) of the folder's own test; None if it does not fit."""
    sources = [*sorted((folder / "src").glob("*.c")), _BOARD_MAIN]
    flash, ram = board.memory_kb
    try:
        built = building.build(
            board,
            sources,
            [folder / "src"],
            folder / "build",
            flash_kb=flash,
            ram_kb=ram,
            optimize="-O2" if board.is_emulated else "-O1",
            extra_flags=() if board.is_emulated else _CHECKS,
        )
    except building.DoesNotFitError:
        return None
    ran = emulation.run(built, timeout_s=_TIMEOUT_S, count=False)
    compared, differing = _counts(ran.console, manifest)
    assert ran.status == (differing > 0)
    return compared, differing


def _counts(console: str, manifest: dict[str, Any]) -> tuple[int, int]:
    """(bytes compared, bytes that differ) as the self-test prints them."""
    words = [line.split() for line in console.splitlines() if line.startswith("input ")]
    assert len(words) == manifest["golden"]["clips"], console
    return sum(int(w[4]) for w in words), sum(int(w[2]) for w in words)


def table(results: Sequence[Result]) -> str:
    """Figures, then a line for each file that counts, then what is refused and why."""
    counted = [result for result in results if result.counts]
    accepted = [result for result in counted if not result.refusal]
    unrun = [r for r in results if r.micro and r.kind in _COUNTED]
    compared = sum(result.compared for result in accepted)
    differing = sum(result.differing for result in accepted)
    smaller = sum(result.ram <= result.arena for result in accepted)
    smaller_32 = sum(result.ram <= result.arena_32 for result in accepted)
    on = list(dict.fromkeys(name for result in accepted for name in result.boards))
    others = collections.Counter(r.kind for r in results if r.kind not in _COUNTED)
    left_out = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items())) or "none"
    lines = [
        "| type | files | TFLite Micro runs | plain C accepts of these | share |",
        "| --- | --- | --- | --- | --- |",
        *(_share(kind, results) for kind in _COUNTED),
        "",
        f"Bytes of output compared: {compared:,}; {differing:,} differ. RAM is at most",
        f"TFLite Micro's arena (64-bit pointers) in {smaller} of {len(accepted)}, and at most what",
        f"it can be at least with 32-bit pointers in {smaller_32}.",
        *(_on(name, accepted) for name in on),
        f"Other files, not counted: {left_out}.",
        "",
        f"| file | type | bytes equal | of |{''.join(f' {name} |' for name in on)} RAM "
        "| arena, 64-bit | 32-bit, at least | flash for constants |",
        f"| --- | --- | --- | --- |{' --- |' * len(on)} --- | --- | --- | --- |",
        *_lines(accepted, on),
        "",
        *_listed("Refused", [(r, r.refusal) for r in counted if r.refusal]),
        "",
        *_listed(
            "TFLite Micro does not run",
            [(r, f"{r.micro}; plain C: {r.refusal or 'accepted'}") for r in unrun],
        ),
    ]
    return "\n".join([*lines, ""])


def _listed(title: str, found: Sequence[tuple[Result, str]]) -> list[str]:
    if not found:
        return [f"{title}: none."]
    return [f"{title}:", "", *(f"- {_short(result.name)}: {why}" for result, why in found)]


def _share(kind: str, results: Sequence[Result]) -> str:
    of = [result for result in results if result.kind == kind]
    run = [result for result in of if not result.micro]
    good = sum(not result.refusal for result in run)
    share = f"{100 * good / len(run):.1f} %" if run else ""
    return f"| {kind} | {len(of)} | {len(run)} | {good} | {share} |"


def _on(name: str, results: Sequence[Result]) -> str:
    ran = [r for r in results if r.boards.get(name) is not None]
    differing = sum(r.boards[name] or 0 for r in ran)
    large = sum(name in r.boards for r in results) - len(ran)
    compared = sum(r.compared for r in ran)
    return (
        f"On {name}: {len(ran)} files, {compared:,} bytes, {differing:,} differ; {large} too large."
    )


def _lines(results: Sequence[Result], on: Sequence[str] = ()) -> list[str]:
    """A line for each file; for numbered ones ("add0" to "add16") one, with the largest of them."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        folder, _, name = result.name.rpartition("/")
        key = f"{folder}/{_NUMBER.sub('*', name)}"
        groups.setdefault((key, result.kind), []).append(result)
    lines = []
    for (key, kind), of in groups.items():
        name = of[0].name if len(of) == 1 else f"{key} ({len(of)} files)"
        most = max(of, key=lambda r: r.ram)
        compared = sum(r.compared for r in of)
        equal = compared - sum(r.differing for r in of)
        ran = [_equal(of, name) for name in on]
        sizes = [most.ram, most.arena, most.arena_32, most.flash]
        cells = [f"{cell:,}" for cell in (equal, compared)]
        shown = " | ".join([*cells, *ran, *(f"{size:,}" for size in sizes)])
        lines.append(f"| {_short(name)} | {kind} | {shown} |")
    return lines


def _equal(results: Sequence[Result], board: str) -> str:
    """Bytes that are equal on a board, of the files that fit."""
    ran = [r.compared - (r.boards[board] or 0) for r in results if r.boards.get(board) is not None]
    return f"{sum(ran):,}" if ran else ""


def _short(name: str) -> str:
    """The repository, or folder, and the file's name."""
    first, _, rest = name.partition("/")
    return f"{first}: {rest.rpartition('/')[2]}" if rest else name


def files(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """(path, name) of every content once, in order."""
    seen, found = set(), []
    for given in (path.resolve() for path in paths):
        below = [given] if given.is_file() else sorted(given.rglob("*.tflite"))
        for path in below:
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest not in seen:
                seen.add(digest)
                found.append((path, path.relative_to(given.parent).as_posix()))
    return found


def read_results(path: Path | None) -> dict[str, Result]:
    """Results of earlier runs by name; none if there is no such file."""
    if path is None or not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [Result(**json.loads(line)) for line in lines]
    return {result.name: result for result in found}


def examine_all(
    wanted: Sequence[tuple[Path, str]],
    on: Sequence[Board],
    kept: Path | None,
    jobs: int,
    minutes: float | None = None,
) -> list[Result]:
    """Results in the order of the files; the smallest are run first, and kept as they come.

    After some minutes no further one is begun: those are missing.
    """
    known = read_results(kept)
    todo = sorted((f for f in wanted if f[1] not in known), key=lambda f: f[0].stat().st_size)
    end = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        waiting = iter(todo)
        running: set[concurrent.futures.Future[Result]] = set()
        while True:
            free = jobs - len(running) if time.monotonic() < end else 0
            for file in itertools.islice(waiting, free):
                running.add(pool.submit(examine, *file, on))
            if not running:
                break
            done, running = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for result in (future.result() for future in done):
                known[result.name] = result
                _keep(result, kept)
    return [known[name] for _, name in wanted if name in known]


def _keep(result: Result, kept: Path | None) -> None:
    if kept:
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(result)) + "\n")
    state = result.refusal or f"{result.differing} of {result.compared} bytes differ"
    print(f"{result.name}: {result.micro or state}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--boards", default="", help="emulated boards, separated by commas")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--results", type=Path, help="of earlier runs, not repeated")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--minutes", type=float, help="after these, begin no further file")
    given = parser.parse_args(arguments)
    for path in given.paths:
        if not path.exists():
            parser.error(f"{path} does not exist: give .tflite files or folders of them")
    try:
        on = [boards.by_name(name, boards.EMULATED) for name in given.boards.split(",") if name]
    except ExportError as error:
        parser.error(str(error))
    missing = toolchain.missing_packages(on)
    if missing:
        parser.error(f"--boards needs packages: apt-get install {' '.join(missing)}")
    wanted = files(given.paths)
    results = examine_all(wanted, on, given.results, given.jobs, given.minutes)
    text = table(results)
    if len(results) < len(wanted):
        text += f"\nNot run, as the time was over: {len(wanted) - len(results)} files.\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    named = {path.name for path in given.paths if path.is_file()}
    return 1 if any(_is_wrong(result, result.name in named) for result in results) else 0


def _is_wrong(result: Result, named: bool) -> bool:
    bad = result.refusal or result.micro or None in result.boards.values()
    differs = result.differing or any(result.boards.values())
    return bool(differs or (named and (bad or not result.counts)))


if __name__ == "__main__":
    sys.exit(main())
