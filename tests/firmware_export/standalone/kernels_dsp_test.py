"""Kernels with DSP instructions give what the portable ones give."""

from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import building, emulation
from firmware_export.boards.board import BOARDS
from firmware_export.standalone.graph import calls
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import KERNELS, check, random_bytes, read
from tests.firmware_export.standalone.model_builder import SAME, VALID, Builder

PROGRAM = Path(__file__).with_name("programs") / "kernels_dsp.c"
KINDS = ("pointwise", "convolution", "depthwise", "depthwise_dense", "dense", "row_sum", "add")


def sources(folder: Path) -> list[Path]:
    """The program, the kernels for these cores, and the portable ones under other names."""
    special = sorted((KERNELS / "dsp").glob("*.c"))
    assert special
    stems = {path.stem for path in special}
    renamed = []
    for kind in KINDS:
        path = folder / f"portable_{kind}.c"
        names = "".join(f"#define edge_{name} portable_{name}\n" for name in KINDS)
        path.write_text(f'{names}#include "portable/{kind}.c"\n')
        renamed.append(path)
    others = [KERNELS / "portable" / f"{kind}.c" for kind in KINDS if kind not in stems]
    return [PROGRAM, *special, *renamed, *others]


@pytest.mark.firmware
@pytest.mark.parametrize(
    ("name", "optimize"),
    [
        *((board.name, "-O2") for board in BOARDS if board.target.kernels == "dsp"),
        ("cortex-m4", "-Os"),
        ("cortex-m4", "-O3"),
    ],
)
def test_results_are_those_of_the_portable_kernels(name: str, optimize: str, tmp_path: Path):
    build = building.build(
        usable(name),
        sources(tmp_path),
        [KERNELS],
        tmp_path / "build",
        ram_kb=512,
        stack_kb=16,
        optimize=optimize,
    )
    result = emulation.run(build, count=False)
    assert (result.status, result.console) == (0, "passed\n")


def test_dilation_that_is_written_out_as_zeros_is_found():
    rng = np.random.default_rng(0)
    shape = (1, 3, 30, 5)
    weights = random_bytes(rng, (1, 3, 9, 5))
    weights[:, 1] = 0
    weights[:, :, np.arange(9) % 4 > 0] = 0
    builder = Builder()
    x = builder.activation(shape, 0.05, 3)
    y = builder.activation(shape, 0.05, -7)
    scales = list(np.full(5, 0.003, np.float32))
    inputs = [x, builder.constant(weights, scales, axis=3)]
    builder.op(
        "DEPTHWISE_CONV_2D",
        inputs,
        y,
        padding=SAME,
        stride_h=1,
        stride_w=1,
        depth_multiplier=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
    )
    model = builder.finish([x], [y])
    (call,) = read(model).ops[0].lower("dsp").calls
    window = [call.fields[name] for name in ("kernel_height", "kernel_width")]
    assert window == [2, 3]
    assert [call.fields[name] for name in ("dilation_y", "dilation_x")] == [2, 4]
    check(model, random_bytes(rng, shape))


def test_channels_with_weights_all_but_zero_do_not_need_a_slow_kernel():
    rng = np.random.default_rng(0)
    shape = (1, 2, 7, 6)
    scales = 2.0 ** np.array([-8, -24, -25, -26, -27, -29])
    builder = Builder()
    x = builder.activation(shape, 0.05, 3)
    y = builder.activation(shape, 0.05, -7)
    bias = np.array([1000, 1 << 28, -(1 << 28), 0, 1 << 27, 1 << 29], np.int32)
    inputs = [
        x,
        builder.constant(random_bytes(rng, (6, 1, 1, 6)), list(scales), axis=0),
        builder.constant(bias, list(0.05 * scales), axis=0),
    ]
    builder.op(
        "CONV_2D",
        inputs,
        y,
        padding=VALID,
        stride_h=1,
        stride_w=1,
        dilation_h_factor=1,
        dilation_w_factor=1,
    )
    model = builder.finish([x], [y])
    (call,) = read(model).ops[0].lower("dsp").calls
    shift = call.fields["shift"]
    assert isinstance(shift, calls.Array) and shift.values.max() <= 14
    assert check(model, random_bytes(rng, shape)) == ["pointwise"]
