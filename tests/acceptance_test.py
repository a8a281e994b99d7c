"""The script that counts which published files compile: its verdicts, and what it counts."""

from pathlib import Path

import numpy as np
import pytest

import tflite_model
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
    assert [name for _, name in acceptance.files([tmp_path])] == ["a/y.tflite", "a/z.tflite"]


def test_the_table() -> None:
    text = acceptance.table(
        [
            Result("good", "int8", "", "", 100, 0, 50, 700, 90),
            Result("worse", "int8", "", "", 20, 3, 95, 700, 90),
            Result("refused", "int8", "", "op 1 has no kernel", arena=90),
            Result("unrun", "int16", "TFLite Micro cannot", ""),
            Result("other", "float"),
        ]
    )
    assert "| int8 | 3 | 3 | 2 | 66.7 % |" in text
    assert "| int16 | 1 | 0 | 0 |  |" in text
    assert "compared: 120; 3 differ. RAM is at most" in text
    assert "TFLite Micro's arena in 1 of 2.\nOther files, not counted: 1 float." in text
    assert "| worse | int8 | 17 | 20 | 95 | 90 | 700 |" in text
    assert "- refused: op 1 has no kernel" in text
    more = [Result(f"b/add{n}.tflite", "int16", "", "", 10, 0, n, 5, 90) for n in (1, 3, 2)]
    assert "| add*.tflite (3 files) | int16 | 30 | 30 | 3 | 90 | 5 |" in acceptance.table(more)
    assert "- unrun: TFLite Micro cannot; plain C: accepted" in text


def test_kinds() -> None:
    for kind in ("int16", "int8"):
        model = ends_test.converted("float32", "float32", inner=kind)
        assert acceptance.kind_of(tflite_model.parse(model)) == kind
