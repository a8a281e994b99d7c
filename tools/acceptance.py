"""How many published .tflite files compile to plain C, with which bytes, RAM and flash.

    python tools/acceptance.py FOLDER [FOLDER ...] [--out=FILE] [--results=FILE]

Every .tflite file below the folders counts once, by its content. Each is run in TensorFlow Lite
Micro on seeded random inputs (a model with state: a sequence), exported as plain C with these as
golden vectors, compiled and run on this machine. Prints a table in Markdown.
"""

import argparse
import collections
import dataclasses
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tflite_model
from firmware_export.boards import building
from firmware_export.errors import ExportError
from firmware_export.oracle import random_golden
from firmware_export.standalone import package
from tflite_model.errors import TFLiteError
from tflite_model.info import ModelInfo

_TIMEOUT_S = 600
_NUMBER = re.compile(r"\d+(?=\.tflite$)")
_COUNTED = ("int8", "int16")
# Ops whose tensors may be float in a quantized model.
_ENDS = ("QUANTIZE", "DEQUANTIZE")


@dataclasses.dataclass(frozen=True)
class Result:
    """One file.

    Attributes:
      name: its path below the folder.
      kind: "int8", "int16", "float", or "not a model" for what cannot be read.
      micro: why TFLite Micro does not run it; "" if it does.
      refusal: why plain C refuses it; "" if it does not.
      compared, differing: bytes of output.
      ram, flash: of plain C: buffer and constants.
      arena: used bytes of TFLite Micro's arena.
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

    @property
    def counts(self) -> bool:
        """Whether it should be accepted: quantized, and TFLite Micro runs it."""
        return self.kind in _COUNTED and not self.micro


def examine(path: Path, name: str) -> Result:
    """Compiles and compares one file."""
    model = path.read_bytes()
    try:
        info = tflite_model.parse(model, path.name)
    except TFLiteError as error:
        return Result(name, "not a model", refusal=str(error))
    kind = kind_of(info)
    micro, arena = "", 0
    try:
        made = random_golden.make(model, info)
        if made is None:
            raise SystemExit("tflite_micro is not installed: make setup")
        arena = made[1].used_bytes
    except ExportError as error:
        micro = str(error)
    with tempfile.TemporaryDirectory(prefix="edge_acceptance_") as folder:
        out = Path(folder) / "out"
        try:
            manifest = package.export(model, out, "0", model_name=path.name)
        except ExportError as error:
            refusal = str(error).removeprefix(f"{path.name}: ")
            return Result(name, kind, micro, refusal, arena=arena)
        compared, differing = _self_test(out, manifest) if not micro else (0, 0)
    memory = manifest["memory"]
    return Result(
        name,
        kind,
        micro,
        "",
        compared,
        differing,
        sum(memory["ram"].values()),
        memory["constant_bytes"],
        arena,
    )


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
    return "int16" if types["INT16"] > types["INT8"] else "int8"


def _self_test(folder: Path, manifest: dict[str, Any]) -> tuple[int, int]:
    """(bytes compared, bytes that differ) of the exported folder's own test on this machine."""
    files = [*(folder / "src").glob("*.c"), folder / "extras" / "self_test_main.c"]
    program = folder / "self_test"
    options = ("-std=c99", "-O1", *building.WARNINGS, "-fsanitize=undefined")
    command = ["gcc", *options, f"-I{folder / 'src'}", *map(str, files), "-o", str(program)]
    subprocess.run(command, check=True, timeout=_TIMEOUT_S)
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=_TIMEOUT_S)
    words = [line.split() for line in done.stdout.splitlines() if line.startswith("input ")]
    assert len(words) == manifest["golden"]["clips"], done.stdout + done.stderr
    return sum(int(w[4]) for w in words), sum(int(w[2]) for w in words)


def table(results: Sequence[Result]) -> str:
    """Figures, then a line for each file that counts, then what is refused and why."""
    counted = [result for result in results if result.counts]
    accepted = [result for result in counted if not result.refusal]
    unrun = [r for r in results if r.micro and r.kind in _COUNTED]
    compared = sum(result.compared for result in accepted)
    differing = sum(result.differing for result in accepted)
    smaller = sum(result.ram <= result.arena for result in accepted)
    others = collections.Counter(r.kind for r in results if r.kind not in _COUNTED)
    left_out = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items())) or "none"
    lines = [
        "| type | files | TFLite Micro runs | plain C accepts of these | share |",
        "| --- | --- | --- | --- | --- |",
        *(_share(kind, results) for kind in _COUNTED),
        "",
        f"Bytes of output compared: {compared:,}; {differing:,} differ. RAM is at most",
        f"TFLite Micro's arena in {smaller} of {len(accepted)}.",
        f"Other files, not counted: {left_out}.",
        "",
        "| file | type | bytes equal | of | RAM | TFLite Micro's arena | flash for constants |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_lines(accepted),
        "",
        "Refused:",
        "",
        *(f"- {Path(r.name).name}: {r.refusal}" for r in counted if r.refusal),
        "",
        "TFLite Micro does not run:",
        "",
        *(f"- {Path(r.name).name}: {r.micro}; plain C: {r.refusal or 'accepted'}" for r in unrun),
    ]
    return "\n".join([*lines, ""])


def _share(kind: str, results: Sequence[Result]) -> str:
    of = [result for result in results if result.kind == kind]
    run = [result for result in of if not result.micro]
    good = sum(not result.refusal for result in run)
    share = f"{100 * good / len(run):.1f} %" if run else ""
    return f"| {kind} | {len(of)} | {len(run)} | {good} | {share} |"


def _lines(results: Sequence[Result]) -> list[str]:
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
        cells = [equal, compared, most.ram, most.arena, most.flash]
        shown = " | ".join(f"{cell:,}" for cell in cells)
        lines.append(f"| {name.rpartition('/')[2]} | {kind} | {shown} |")
    return lines


def files(folders: Iterable[Path]) -> list[tuple[Path, str]]:
    """(path, path below its folder) of every content once, in order."""
    seen, found = set(), []
    for folder in folders:
        for path in sorted(folder.rglob("*.tflite")):
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest not in seen:
                seen.add(digest)
                found.append((path, path.relative_to(folder).as_posix()))
    return found


def read_results(path: Path | None) -> dict[str, Result]:
    """Results of earlier runs by name; none if there is no such file."""
    if path is None or not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [Result(**json.loads(line)) for line in lines]
    return {result.name: result for result in found}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--results", type=Path, help="of earlier runs, not repeated")
    given = parser.parse_args()
    known = read_results(given.results)
    results = []
    for path, name in files(given.folders):
        result = known.get(name) or examine(path, name)
        results.append(result)
        if given.results and name not in known:
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dataclasses.asdict(result)) + "\n")
        state = result.refusal or f"{result.differing} of {result.compared} bytes differ"
        print(f"{name}: {result.micro or state}", file=sys.stderr, flush=True)
    text = table(results)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    return 1 if any(result.differing for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
