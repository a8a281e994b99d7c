"""One export for every core: the compiler takes the kernels that suit, all with the same bytes."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import board as boards
from firmware_export.boards import building, clips
from firmware_export.standalone import compiler, kernel_files
from firmware_export.standalone.op_table import FAST
from firmware_export.standalone.target import KERNEL_SETS
from tests.firmware_export.boards.conftest import EMULATED, usable
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.kernels_glue import KERNELS
from tests.firmware_export.standalone.model_builder import VALID
from tests.firmware_export.standalone.passes_test import Model

SHAPE = (1, 9, 20, 3)
# Boards, and flags that take instructions from them.
CORES = [
    ("host", ""),
    ("host", "-D__thumb__"),  # plain C for cores with few registers
    *((name, "") for name in EMULATED),
    ("cortex-m33", "-mcpu=cortex-m33+nodsp"),
    ("cortex-m55", "-mcpu=cortex-m55+nomve"),
    ("cortex-m4", "-DEDGE_PORTABLE"),
]


# For channels of their own (kernels_cliffs_test.py), for streams (kernels_streaming_test.py).
ELSEWHERE = {"convolution_any", "push"}


def all_fast_kernels() -> bytes:
    """A model that calls every kernel that some core has instructions for, but `ELSEWHERE`."""
    m = Model(SHAPE)
    x = m.conv(m.input, 6, (3, 3))
    x = m.swish(m.conv(x, 5))
    y = m.depthwise(x, (1, 3))
    y = m.depthwise(y, (3, 3), stride=(1, 2))
    rows = m.slice(y, (0, 1, 0, 0), (1, 7, 10, 5))
    rows = m.depthwise(rows, (3, 1), padding=VALID)
    z = m.op("ADD", [rows, m.slice(y, (0, 3, 0, 0), (1, 5, 10, 5))], like=(0.09, 2))
    z = m.op("TANH", [m.pad(z, (0, 0), (0, 1), (0, 0), (0, 0))], like=(1 / 128, 0))
    flat = m.reshape(z, 1, 6 * 10 * 5, like=(1 / 128, 0))
    weights = m.rng.integers(-127, 128, (7, 300)).astype(np.int8)
    w = m.builder.constant(weights, [0.004] * 7, axis=0)
    bias = m.builder.constant(m.rng.integers(-900, 900, 7).astype(np.int32))
    return m.builder.finish(
        [m.input], [m.op("FULLY_CONNECTED", [flat, w, bias], (1, 7), like=(0.1, 1))]
    )


@pytest.fixture(scope="module")
def model() -> bytes:
    return all_fast_kernels()


@pytest.fixture(scope="module")
def compiled(model: bytes) -> compiler.Compiled:
    return compiler.compile(model, "auto")


def write(compiled: compiler.Compiled, folder: Path) -> list[Path]:
    """All files, as an export has them; returns those to compile."""
    folder.mkdir()
    for name, text in compiled.files.items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.c"))


def test_it_has_every_fast_kernel(compiled: compiler.Compiled):
    assert set(FAST) - ELSEWHERE <= set(compiled.kernels)
    for path in [*KERNELS.glob("dsp/*.c"), *KERNELS.glob("mve/*.c")]:
        there = f"edge_{path.stem}_{path.parent.name}.c" in compiled.files
        assert there != (path.stem in ELSEWHERE)


def test_memory_is_enough_for_each_core_and_no_more(model: bytes, compiled: compiler.Compiled):
    alone = [compiler.compile(model, kernels) for kernels in KERNEL_SETS]
    assert compiled.plan.size == max(each.plan.size for each in alone)
    most = [max(each) for each in zip(*(each.scratch for each in alone), strict=True)]
    assert list(compiled.scratch) == most


@pytest.mark.parametrize(
    ("name", "flag"), [pytest.param(*core, marks=pytest.mark.firmware) for core in CORES]
)
def test_the_same_bytes_on_every_core(
    model: bytes, compiled: compiler.Compiled, tmp_path: Path, name: str, flag: str
):
    board = usable(name)
    given = np.random.default_rng(0).integers(-128, 128, (3, *SHAPE[1:])).astype(np.int8)
    flash, ram = board.memory_kb
    flags = [flag] if flag else []
    built = building.build(
        board,
        [clips.MAIN, *write(compiled, tmp_path / "src")],
        [tmp_path / "src"],
        tmp_path / "build",
        clips.defines(),
        flash_kb=flash,
        ram_kb=ram,
        extra_flags=[*flags, "-Wpedantic"] if name != "host" else [*flags, *building.SANITIZE],
    )
    result = clips.run_features(built, given, tmp_path, count=False)
    for x, got in zip(given, result.logits, strict=True):
        (want,) = tflm_oracle.run(model, [x[np.newaxis]])
        np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))
    # What is left out of the programs of other tests is empty, and nothing else is.
    if board.is_emulated and not flag:
        names = list(compiled.files)
        left_out = kernel_files.of_others(names, board.target.kernels)
        holding = {Path(s.file).name for s in built.sections}
        kernels = {n for n in names if n.startswith("edge_") and n.endswith(".c")}
        assert kernels - holding == left_out


@pytest.mark.parametrize(
    ("kernels", "flags", "what"),
    [
        ("dsp", ["-mcpu=cortex-m33+nodsp"], "kernels for cores with DSP"),
        ("mve", ["-mcpu=cortex-m55+nomve"], "kernels for cores with MVE"),
        ("auto", ["-mcpu=cortex-m4", "-mbig-endian"], "this core is big-endian"),
    ],
)
def test_a_core_that_lacks_what_they_need_is_told_in_one_line(
    model: bytes, tmp_path: Path, kernels: str, flags: list[str], what: str
):
    usable("cortex-m4")
    sources = write(compiler.compile(model, kernels), tmp_path / "src")
    command = ["arm-none-eabi-gcc", "-mthumb", *flags, "-fsyntax-only"]
    for source in sources:
        done = subprocess.run([*command, str(source)], capture_output=True, text=True)
        assert done.returncode != 0
        (line,) = re.findall(r"^.*error: .*$", done.stderr, re.MULTILINE)
        assert what in line


def test_boards_use_the_kernels_that_the_compiler_takes():
    """Programs leave out the files of other sets: `target` must be what edge_target.h chooses."""
    for board in boards.BOARDS:
        usable(board.name)
        command = [board.compiler, *board.flags, "-E", "-dM", str(KERNELS / "edge_target.h")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (chosen,) = re.findall(r"#define EDGE_KERNELS_(\w+) 1$", done.stdout, re.MULTILINE)
        assert chosen.lower() == board.target.kernels
