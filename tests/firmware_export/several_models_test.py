"""Several models in one firmware."""

import re
from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.several import MAIN, NAMES, sources


class TestThreeModels:
    @pytest.mark.parametrize("board", ["host", "cortex-m4"])
    @pytest.mark.parametrize("external", [False, True], ids=["own kernels", "shared kernels"])
    def test_each_has_its_bytes(self, firmware: Path, board: str, external: bool, tmp_path: Path):
        """With shared kernels, two take turns on one buffer, and one runs two streams at once."""
        base = firmware / "shared" if external else firmware
        folders = [base / name for name in (*NAMES, *(("kernels",) if external else ()))]
        flash_kb, ram_kb = usable(board).memory_kb
        built = building.build(
            usable(board),
            [MAIN, *sources(*folders)],
            [folder / "src" for folder in folders],
            tmp_path,
            {"EXTERNAL": 1} if external else {},
            flash_kb=flash_kb,
            ram_kb=ram_kb,
            extra_flags=building.SANITIZE if board == "host" else (),
        )
        console = emulation.run(built, tmp_path).console
        found = [int(number) for number in re.findall(r"^\w+ (\d+)$", console, re.MULTILINE)]
        # Three models twice, streams; each of two clips and the sum have a line.
        assert found == [0] * 7 + [2 * 3 * 3], console
