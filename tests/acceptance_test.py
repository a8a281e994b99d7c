"""The script that counts which published files compile: its verdicts, and what it counts."""

from pathlib import Path

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import board as boards
from firmware_export.boards import toolchain
from tests import shared
from tests.firmware_export import models
from tests.firmware_export.standalone import ends_test, variables_test
from tests.firmware_export.standalone.model_builder import Builder
from tools import acceptance
from tools.acceptance import Result


@pytest.fixture(scope="module", autouse=True)
def tflite_micro() -> None:
    shared.need_tflite_micro()


def unknown_op() -> bytes:
    """An int8 op that only TFLite Micro has."""
    builder = Builder()
    x, y = (builder.activation((1, 4), 0.1) for _ in range(2))
    builder.op("DIV", [x, builder.constant(np.full((1, 4), 5, np.int8), [0.1])], y)
    return builder.finish([x], [y])


def examined(folder: Path, model: bytes) -> Result:
    path = folder / "a.tflite"
    path.write_bytes(model)
    return acceptance.examine(path, "a.tflite")


def test_an_int8_model(tmp_path: Path) -> None:
    result = examined(tmp_path, models.fully_connected())
    assert (result.kind, result.micro, result.refusal) == ("int8", "", "")
    assert (result.compared, result.differing) == (4 * models.CLASSES, 0)
    assert 0 < result.ram < result.arena
    assert result.flash > models.INPUTS * models.CLASSES


def test_other_ends_and_state(tmp_path: Path) -> None:
    result = examined(tmp_path, ends_test.converted("float32", "float32"))
    assert (result.kind, result.compared, result.differing) == ("int8", 4 * 120, 0)
    model, _ = variables_test.queue(0)
    size = tflite_model.parse(model).outputs[0].byte_size
    result = examined(tmp_path, model)
    assert (result.compared, result.differing) == (16 * size, 0)


def test_what_is_refused(tmp_path: Path) -> None:
    result = examined(tmp_path, unknown_op())
    assert (result.kind, result.micro) == ("int8", "")
    assert result.refusal.startswith("op 0 (DIV) has no kernel")
    assert result.counts


def test_what_is_no_model(tmp_path: Path) -> None:
    assert examined(tmp_path, b"").kind == "not a model"


def test_a_content_counts_once(tmp_path: Path) -> None:
    for name, content in (("b/x", b"1"), ("a/y", b"1"), ("a/z", b"2")):
        path = tmp_path / f"{name}.tflite"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = acceptance.files([tmp_path / "a" / "z.tflite", tmp_path])
    assert [name for _, name in found] == ["z.tflite", f"{tmp_path.name}/a/y.tflite"]


def test_the_table() -> None:
    good = Result("good", "int8", "", "", 100, 0, 50, 700, 90, 70, {"cortex-m4": 0, "rv32": None})
    text = acceptance.table(
        [
            good,
            Result("worse", "int8", "", "", 20, 3, 75, 700, 90, 70, {"cortex-m4": 3}),
            Result("worst", "int8", "", "", 10, 0, 95, 700, 90, 70),
            Result("zoo/b/refused.tflite", "int8", "", "op 1 has no kernel", arena=90),
            Result("unrun", "int16", "TFLite Micro cannot", ""),
            Result("other", "float"),
        ]
    )
    assert "| int8 | 4 | 4 | 3 | 75.0 % |" in text
    assert "| int16 | 1 | 0 | 0 |  |" in text
    assert "compared: 130; 3 differ. RAM is at most" in text
    assert "TFLite Micro's arena (64-bit pointers) in 2 of 3, and at most what" in text
    assert "it can be at least with 32-bit pointers in 1.\n" in text
    assert "On cortex-m4: 2 files, 120 bytes, 3 differ; 0 too large.\n" in text
    assert "On rv32: 0 files, 0 bytes, 0 differ; 1 too large.\n" in text
    assert "Other files, not counted: 1 float." in text
    assert "| worse | int8 | 17 | 20 | 17 |  | 75 | 90 | 70 | 700 |" in text
    assert "- zoo: refused.tflite: op 1 has no kernel" in text
    more = [Result(f"b/add{n}.tflite", "int16", "", "", 10, 0, n, 5, 90, 80) for n in (1, 3, 2)]
    alone = acceptance.table(more)
    assert "| b: add*.tflite (3 files) | int16 | 30 | 30 | 3 | 90 | 80 | 5 |" in alone
    assert "Refused: none." in alone
    assert "- unrun: TFLite Micro cannot; plain C: accepted" in text


def test_kinds() -> None:
    for kind in ("int16", "int8"):
        model = ends_test.converted("float32", "float32", inner=kind)
        assert acceptance.kind_of(tflite_model.parse(model)) == kind
    builder = Builder()
    x, y = (builder.activation((1, 4), 0.1, 128, dtype="uint8") for _ in range(2))
    builder.op("RELU", [x], y)
    model = builder.finish([x], [y])
    assert acceptance.kind_of(tflite_model.parse(model)) == "uint8"


def test_named_files_on_boards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As MLPerf Tiny's five are checked: what is named must be equal everywhere."""
    if toolchain.missing_packages([boards.by_name("cortex-m4")]):
        pytest.skip("needs the tools of the emulated Cortex-M4")
    good, bad = tmp_path / "good.tflite", tmp_path / "bad.tflite"
    good.write_bytes(models.fully_connected())
    bad.write_bytes(unknown_op())
    assert acceptance.main([str(good), "--boards=cortex-m4"]) == 0
    assert f"On cortex-m4: 1 files, {4 * models.CLASSES} bytes, 0 differ" in capsys.readouterr().out
    assert acceptance.main([str(bad)]) == 1
    assert acceptance.main([str(tmp_path), f"--results={tmp_path / 'results'}"]) == 0
    assert len(acceptance.read_results(tmp_path / "results")) == 2
    assert acceptance.main([str(tmp_path), "--minutes=0"]) == 0
    assert "Not run, as the time was over: 2 files." in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["", "--boards=cortex-m99", "--boards=host"])
def test_bad_input(tmp_path: Path, flag: str) -> None:
    given = [str(tmp_path / "none.tflite")] if not flag else [str(tmp_path), flag]
    with pytest.raises(SystemExit) as ended:
        acceptance.main(given)
    assert ended.value.code == 2
