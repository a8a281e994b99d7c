"""The table of ops: what it says of types is what readers accept, and docs/ops.md is this table."""

from pathlib import Path

import pytest

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, op_table, registry
from firmware_export.standalone.kernel_structs import KERNELS
from firmware_export.standalone.op_table import FAST, Row
from tests.firmware_export.standalone.model_builder import Builder

DOCS = Path(__file__).parents[3] / "docs" / "ops.md"
# Of no op of a file: a pass makes them.
_OWN = {"push"}


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.name: row for row in op_table.rows()}


def test_the_page_is_made_from_the_code():
    made = op_table.markdown()
    assert DOCS.read_text(encoding="utf-8") == made, (
        "make it again: python -m firmware_export.standalone.op_table > docs/ops.md"
    )


def test_every_op_and_every_fast_kernel(rows):
    assert set(rows) == set(registry.rules())
    files = {path.stem for folder in ("dsp", "mve") for path in (KERNELS / folder).glob("*.c")}
    assert files - _OWN <= set(FAST), "name the ops that call this kernel"
    assert {op for ops in FAST.values() for op in ops} <= set(rows)


def test_types(rows):
    wanted = {
        "HARD_SWISH": "int8",
        "CONV_2D": "int8, int16",
        "RESHAPE": "int8, bool, uint8, int16, int32, float32",
        "CONCATENATION": "int8, bool, int16, int32, float32",
        "DEQUANTIZE": "int8 -> float32; uint8 -> float32; int16 -> float32",
        "ARG_MAX": "int8 -> int32",
        "LESS": "int8 -> bool",
        "SELECT_V2": "int8, int16, float32",
        "VAR_HANDLE": "",
    }
    assert {name: rows[name].types for name in wanted} == wanted
    assert "float32 -> int8, int16" in rows["QUANTIZE"].types
    assert "int8 -> int8, uint8" in rows["QUANTIZE"].types
    assert "float32" in rows["ASSIGN_VARIABLE"].types


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize(
    "name", ["RESHAPE", "HARD_SWISH", "LOGISTIC", "RELU", "ABS", "ELU", "TANH"]
)
def test_a_reader_refuses_exactly_what_the_table_lacks(rows, name, kind):
    builder = Builder()
    scale = None if kind in ("bool", "int32", "float32") else 1 / 32768
    x, y = (builder.activation((1, 4), scale, dtype=kind) for _ in range(2))
    builder.op(name, [x], y)
    model = builder.finish([x], [y])
    if kind in rows[name].types.split(", "):
        compiler.compile(model)
    else:
        with pytest.raises(ExportError, match=f"of type {kind.upper()}"):
            compiler.compile(model)


def test_for_a_terminal(rows):
    lines = op_table.text().splitlines()
    assert [line.split()[0] for line in lines[: len(rows)]] == list(rows)
    assert "SHAPE" in lines[-2] and "SQRT" in lines[-1]
