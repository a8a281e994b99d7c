"""An exported folder's own self-test passes on every emulated board, and fails where it should."""

import re
import shutil
from pathlib import Path

import pytest

from firmware_export.boards import building, emulation
from firmware_export.boards.emulation import RunResult
from tests.firmware_export.boards.conftest import EMULATED, usable

MAIN = Path(__file__).parents[3] / "tools" / "acceptance_main.c"


def run_on(name: str, exported: Path, folder: Path) -> RunResult:
    """What is in src/, compiled as the compiler of the board takes it."""
    board = usable(name)
    flash_kb, ram_kb = board.memory_kb
    sources = [MAIN, *sorted((exported / "src").glob("*.c"))]
    built = building.build(
        board, sources, [exported / "src"], folder / "build", flash_kb=flash_kb, ram_kb=ram_kb
    )
    return emulation.run(built, folder)


@pytest.mark.firmware
@pytest.mark.parametrize("form", ["exported", "streamed"])
@pytest.mark.parametrize("name", EMULATED)
def test_it_passes(name: str, form: str, request: pytest.FixtureRequest, tmp_path: Path):
    """Whole windows of a converted network, and a stream; both with sound and its features."""
    result = run_on(name, request.getfixturevalue(form), tmp_path)
    lines = result.console.splitlines()
    assert (result.status, lines[-1]) == (0, "self-test: 0 bytes differ"), result.console
    assert sum("0 of 4040 features differ" in line for line in lines) == 2
    labels = [line for line in lines if re.match(r"clip \d: label '\w+', predicted '", line)]
    assert len(labels) >= 2


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4", "xtensa"])
def test_it_finds_a_wrong_byte(name: str, streamed: Path, tmp_path: Path):
    shutil.copytree(streamed / "src", tmp_path / "src")
    golden = tmp_path / "src" / "golden.c"
    head, logits = golden.read_text().split("golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {")
    wrong = re.sub(r"-?\d+(?=,)", lambda number: f"{int(number[0]) ^ 1}", logits, count=1)
    golden.write_text(f"{head}golden_logits[GOLDEN_CLIPS][MODEL_OUTPUT_SIZE] = {{{wrong}")
    result = run_on(name, tmp_path, tmp_path / "run")
    assert (result.status, result.console.splitlines()[-1]) == (1, "self-test: 1 bytes differ")
