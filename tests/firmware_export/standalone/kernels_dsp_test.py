"""Kernels with DSP instructions give what the portable ones give."""

from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import KERNELS

PROGRAM = Path(__file__).with_name("programs") / "kernels_dsp.c"
KINDS = ("pointwise", "convolution", "depthwise", "row_sum", "add")


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
        ("cortex-m4", "-O2"),
        ("cortex-m4", "-Os"),
        ("cortex-m4", "-O3"),
        ("cortex-m7", "-O2"),
        ("cortex-m33", "-O2"),
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
