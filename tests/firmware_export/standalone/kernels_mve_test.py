"""Kernels with MVE give what the portable ones give."""

from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import KERNELS

PROGRAMS = Path(__file__).with_name("programs")
KINDS = (
    *("pointwise", "convolution", "depthwise", "depthwise_dense", "dense"),
    *("row_sum", "add", "table"),
)


def sources(program: Path, folder: Path) -> list[Path]:
    """A program, the kernels for MVE, and the portable ones under other names."""
    special = sorted((KERNELS / "mve").glob("*.c"))
    assert special
    renamed = []
    for kind in KINDS:
        path = folder / f"portable_{kind}.c"
        names = "".join(f"#define edge_{name} portable_{name}\n" for name in KINDS)
        path.write_text(f'{names}#include "portable/{kind}.c"\n')
        renamed.append(path)
    stems = {path.stem for path in special}
    others = [KERNELS / "portable" / f"{kind}.c" for kind in KINDS if kind not in stems]
    return [program, *special, *renamed, *others]


@pytest.mark.firmware
@pytest.mark.parametrize(
    ("program", "optimize"),
    [
        # Compares the kernels of any core.
        ("kernels_dsp.c", "-O2"),
        ("kernels_dsp.c", "-Os"),
        # What is special with MVE.
        ("kernels_mve.c", "-O2"),
        ("kernels_mve.c", "-O3"),
    ],
)
def test_results_are_those_of_the_portable_kernels(program: str, optimize: str, tmp_path: Path):
    build = building.build(
        usable("cortex-m55"),
        sources(PROGRAMS / program, tmp_path),
        [KERNELS],
        tmp_path / "build",
        flash_kb=512,
        ram_kb=1024,
        stack_kb=16,
        optimize=optimize,
    )
    result = emulation.run(build, count=False)
    assert (result.status, result.console) == (0, "passed\n")
