"""Measures the kernels on emulated cores and writes what a count takes: cost_figures.py.

    python -m tests.firmware_export.standalone.cost_calibration [--only=CORE] FILE ...

Files named *stream* are in the streaming form. Networks of small ops of many shapes are added.
With --only, such as --only="cortex-m4 dsp", other cores keep their figures.
Prints how far the estimates of each file are from what was measured.
"""

import dataclasses
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tflite_model
from firmware_export.boards import board as boards
from firmware_export.boards import building, emulation, object_cache, programs
from firmware_export.boards.board import Board
from firmware_export.standalone import compiler, cost_features, cost_figures, costs
from firmware_export.standalone.ops.shared import kernel_choice
from tests.firmware_export.standalone import kernels_cliffs_test
from tests.firmware_export.standalone.model_builder import VALID
from tests.firmware_export.standalone.passes_test import Model

FIGURES = Path(costs.__file__).with_name("cost_figures.py")
Figures = dict[str, tuple[float, ...]]
_M0PLUS = "cortex-m0plus"
# Errors count by their share of an op, those of large ops a little more.
_WEIGHT = 0.75
_ROUNDS = 3_000
# Weak pull to zero of counts that the networks hardly tell apart, as a share of all ops.
_RIDGE = 0.003


@dataclasses.dataclass(frozen=True)
class Measured:
    """A network's ops on a core: for each the counts, by kernel, and the instructions."""

    name: str
    counts: list[dict[str, cost_features.Counts]]
    instructions: list[int]


def cores() -> list[Board]:
    """Boards whose cores have figures; code for a Cortex-M0+ also runs on a Cortex-M4."""
    m4 = boards.by_name("cortex-m4")
    flags = ("-mthumb", f"-mcpu={_M0PLUS}", "-mfloat-abi=soft", "--specs=nano.specs")
    m0plus = dataclasses.replace(
        m4, name=_M0PLUS, target=boards.GENERIC, flags=(*flags, "-nostartfiles")
    )
    portable = dataclasses.replace(m4, target=boards.GENERIC)
    return [m4, portable, m0plus, boards.by_name("cortex-m55"), boards.by_name("rv32")]


def variety() -> bytes:
    """Ops of many shapes, also those that our networks lack; none is large."""
    made = Model((1, 12, 14, 4))
    x = made.conv(made.input, 12, (3, 3))
    x = made.conv(x, 18, (1, 1))
    x = made.depthwise(x, (3, 3))
    x = made.depthwise(x, (3, 1))
    x = made.conv(x, 32, (1, 1), (2, 2))
    x = made.depthwise(x, (5, 5))
    x = made.conv(x, 7, (1, 1))
    x = made.conv(x, 24, (2, 2), padding=VALID)
    x = made.depthwise(x, (3, 3), (2, 2))
    x = made.op("ADD", [x, x])
    x = made.op("MUL", [x, x])
    x = made.op("LOGISTIC", [x], like=(1 / 256, -128))
    x = made.op("ADD", [x, x])
    _, height, width, depth = made.shape_of(x)
    pooled = dict(filter_height=height, filter_width=width, stride_h=height, stride_w=width)
    x = made.op("AVERAGE_POOL_2D", [x], (1, 1, 1, depth), padding=VALID, **pooled)
    x = made.conv(x, 96)
    x = made.conv(x, 50)
    x = made.conv(x, 200)
    x = made.conv(x, 10)
    x = made.op("SOFTMAX", [made.reshape(x, 1, 10)], like=(1 / 256, -128), beta=1.0)
    return made.builder.finish([made.input], [x])


def convolutions() -> bytes:
    """Deep windows, which our networks lack."""
    made = Model((1, 14, 14, 16))
    x = made.conv(made.input, 16, (3, 3))
    x = made.conv(x, 32, (3, 3), (2, 2))
    x = made.conv(x, 32, (3, 3))
    x = made.conv(made.op("ADD", [x, x]), 48, (1, 1))
    x = made.conv(x, 64, (3, 3), (2, 2))
    return made.builder.finish([made.input], [made.conv(x, 64, (3, 3))])


def odd_depths() -> bytes:
    """Convolutions whose inputs are no whole words: they are not computed in pairs of channels."""
    made = Model((1, 9, 14, 6))
    x = made.input
    for channels, window in ((22, 1), (46, 1), (70, 1), (18, 3), (126, 1), (30, 1), (10, 3)):
        x = made.conv(x, channels, (window, window))
    x = made.conv(made.conv(x, 90, (1, 1), (3, 4)), 50)
    return made.builder.finish([made.input], [x])


def few_pixels() -> bytes:
    """Four pixels, and odd numbers of outputs where inputs are whole words: neither groups of six
    pixels nor pairs of channels."""
    made = Model((1, 2, 2, 8))
    x = made.input
    for channels in (7, 16, 5, 64, 9, 32, 13, 128, 11, 20, 31, 96, 3):
        x = made.conv(x, channels, (1, 1))
    return made.builder.finish([made.input], [x])


def narrow_rows() -> bytes:
    """A few pixels per row, of few or many channels: what is done per channel counts most."""
    made = Model((1, 9, 7, 24))
    x = made.depthwise(made.depthwise(made.input, (3, 1)), (4, 1))
    x = made.depthwise(made.conv(x, 14), (3, 1))
    for channels in (40, 8, 64):
        x = made.depthwise(made.conv(x, channels), (3, 3))
    _, height, _, _ = made.shape_of(x)
    for channels in (48, 4):
        tall = made.depthwise(made.conv(x, channels), (height, 1), padding=VALID)
        x = made.op("ADD", [x, made.conv(tall, 64)])
    return made.builder.finish([made.input], [x])


def wild_channels(kind: str) -> bytes:
    """One op, none of whose channels the fast kernels take."""
    channels = kernels_cliffs_test.CHANNELS[kind]
    return kernels_cliffs_test.model(kind, np.full(channels, 0.6), np.zeros(channels), 0)


def measure(name: str, model: bytes, board: Board, objects: Path) -> Measured:
    """Runs one inference, or the first frame of a stream, and reads what each op took."""
    info, kernels = tflite_model.parse(model), board.target.kernels
    compiled = compiler.compile(info, kernels, profile=True, streaming="stream" in name)
    values = np.random.default_rng(0).integers(-128, 128, int(np.prod(info.inputs[0].shape)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build = programs.build_profile(compiled, board, folder, objects)
        (folder / "input.bin").write_bytes(values.astype(np.int8).tobytes())
        done = emulation.run(build, folder, timeout_s=900)
    taken = [int(line.split()[0]) for line in done.console.splitlines()]
    counts = [costs.counts(op, kernel_choice.lower(op, (kernels,))) for op in compiled.graph.ops]
    return Measured(name, counts, taken)


def fit(networks: list[Measured]) -> Figures:
    """What each count takes: the least squares of relative errors, none below zero."""
    columns: dict[tuple[str, int], int] = {}
    rows = []
    for counts in (op for network in networks for op in network.counts):
        row: dict[int, float] = defaultdict(float)
        for kernel, values in counts.items():
            for position, value in enumerate(values):
                row[columns.setdefault((kernel, position), len(columns))] += value
        rows.append(row)
    matrix = np.zeros((len(rows), len(columns)))
    for number, row in enumerate(rows):
        matrix[number, list(row)] = list(row.values())
    taken = np.array([op for network in networks for op in network.instructions], float)
    weight = np.maximum(taken, 1) ** -_WEIGHT
    found = _nonnegative(matrix * weight[:, None], taken * weight)
    figures: dict[str, list[float]] = defaultdict(list)
    for (kernel, _), column in sorted(columns.items()):
        figures[kernel].append(float(f"{found[column]:.4g}"))
    return {kernel: tuple(values) for kernel, values in figures.items()}


def _nonnegative(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Least squares with solutions of at least zero, by coordinate descent."""
    norms = np.linalg.norm(matrix, axis=0)
    norms[norms == 0] = 1
    scaled = matrix / norms
    products, right = scaled.T @ scaled, scaled.T @ wanted
    products[np.diag_indices_from(products)] += _RIDGE
    found = np.zeros(len(norms))
    for _ in range(_ROUNDS):
        for column in range(len(found)):
            step = (right[column] - products[column] @ found) / products[column, column]
            found[column] = max(0.0, found[column] + step)
    return found / norms


def text(figures: dict[str, Figures]) -> str:
    """cost_figures.py."""
    lines = [
        '"""Instructions per count of cost_features.py, by core and kernel, in QEMU at -O2.',
        "",
        "Written by tests/firmware_export/standalone/cost_calibration.py; benchmarks/load.md has",
        "the errors.",
        '"""',
        "",
        "FIGURES: dict[str, dict[str, tuple[float, ...]]] = {",
    ]
    for core, kernels in figures.items():
        lines.append(f'    "{core}": {{')
        lines += [f'        "{name}": {tuple(kernels[name])},' for name in sorted(kernels)]
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def networks_of(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        **files,
        "variety": variety(),
        "convolutions": convolutions(),
        "odd depths": odd_depths(),
        "narrow rows": narrow_rows(),
        **{f"wild {kind}": wild_channels(kind) for kind in ("windows", "pointwise", "depthwise")},
    }


def main(paths: list[str]) -> None:
    only = [path.removeprefix("--only=") for path in paths if path.startswith("--only=")]
    paths = [path for path in paths if not path.startswith("--only=")]
    files = {Path(path).name: Path(path).read_bytes() for path in paths}
    m0plus, compile_one = cores()[2], building._compile

    def compiled(board: Board, objects: Path | None, job: tuple[list[str], Path, Path]) -> str:
        """The start-up code of the machine is that of its Cortex-M4."""
        command, source, target = job
        if board == m0plus and source.parent == boards.SOURCES:
            command = [*command, "-mcpu=cortex-m4"]
        return compile_one(board, objects, (command, source, target))

    building._compile = compiled
    figures: dict[str, Figures] = dict(cost_figures.FIGURES) if only else {}
    with tempfile.TemporaryDirectory() as scratch:
        objects = object_cache.folder() or Path(scratch)
        for board in cores():
            core = costs.key(board.name, board.target.kernels)
            if only and core not in only:
                continue
            models = networks_of(files)
            if board.target.kernels == "dsp":  # other kernels have no groups of four
                models["few pixels"] = few_pixels()
            networks = [measure(name, model, board, objects) for name, model in models.items()]
            figures[core] = fit(networks)
            estimate: Callable[[dict[str, cost_features.Counts]], float] = lambda counts: sum(  # noqa: E731
                float(np.dot(values, figures[core][kernel]))  # noqa: B023
                for kernel, values in counts.items()
            )
            for network in networks:
                guessed, taken = sum(map(estimate, network.counts)), sum(network.instructions)
                print(
                    f"{core}, {network.name}: measured {taken:,}, estimated {guessed:,.0f}, "
                    f"{guessed / taken - 1:+.1%}",
                    flush=True,
                )
    FIGURES.write_text(text(figures), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
