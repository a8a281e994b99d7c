"""The kernels for Arm cores compile with clang, on which Arm Compiler 6 is based."""

import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_export.boards.board import Board
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.kernels_glue import KERNELS

# Of each file; clang took minutes to find that assembly needed more registers than there are.
_SECONDS = 20.0
_CORES = {"dsp": ("cortex-m4", ()), "mve": ("cortex-m55", ("-mfloat-abi=hard",))}


def headers_of(board: Board) -> Path:
    """The folder of the C library that gcc finds."""
    done = subprocess.run(
        [board.compiler, "-E", "-x", "c", "-"],
        input="#include <string.h>\n",
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    found = next(
        line.split('"')[1] for line in lines if line.startswith("#") and "/string.h" in line
    )
    return Path(found).parent


@pytest.mark.firmware
@pytest.mark.parametrize("optimize", ["-O2", "-Os"])
@pytest.mark.parametrize("folder", _CORES)
def test_clang_compiles_every_kernel(folder: str, optimize: str, tmp_path: Path):
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: install the package clang")
    core, flags = _CORES[folder]
    headers = headers_of(usable(core))
    sources = sorted((KERNELS / folder).glob("*.c"))
    assert sources
    for source in sources:
        done = subprocess.run(
            [
                *("clang", "--target=arm-none-eabi", f"-mcpu={core}", *flags, optimize),
                *("-Wall", "-Wextra", "-Werror", "-isystem", headers, "-I", KERNELS),
                *("-c", source, "-o", tmp_path / "kernel.o"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, done.stderr
