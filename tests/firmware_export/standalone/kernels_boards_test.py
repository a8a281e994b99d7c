"""The arithmetic of the kernels on every board: with and without DSP instructions."""

from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from tests.firmware_export.boards.conftest import EMULATED, usable
from tests.firmware_export.standalone.kernels_glue import KERNELS

PROGRAM = Path(__file__).with_name("programs") / "requantize.c"


def passes(name: str, folder: Path, **options) -> bool:
    build = building.build(usable(name), [PROGRAM], [KERNELS], folder, **options)
    result = emulation.run(build, count=False)
    return (result.status, result.console) == (0, "passed\n")


@pytest.mark.firmware
@pytest.mark.parametrize("name", EMULATED)
def test_requantization_on_a_board(name, tmp_path):
    assert passes(name, tmp_path)


def test_requantization_on_the_host(tmp_path):
    assert passes("host", tmp_path, extra_flags=building.SANITIZE)


def test_requantization_for_cores_without_products_of_64_bits(tmp_path):
    """As on a Cortex-M0+, for which no board is emulated here."""
    assert passes("host", tmp_path, extra_flags=["-D__thumb__", *building.SANITIZE])
