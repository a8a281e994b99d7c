"""The options of one op (strides, axes, fused activation), by schema name."""

import functools
import importlib
import re
import types
from collections.abc import Callable, Mapping
from typing import Any

from flatbuffers.table import Table
from tflite.BuiltinOptions import BuiltinOptions

_TABLES = {
    value: name
    for name, value in vars(BuiltinOptions).items()
    if not name.startswith("_") and name != "NONE"
}
_NONE: Mapping[str, Any] = types.MappingProxyType({})


def read_options(
    op: Any, numbers: Callable[[Any], tuple[Any, ...]]
) -> tuple[str, Mapping[str, Any]]:
    """Reads the options table of a generated `Operator`.

    Args:
      op: the operator, as the generated accessors return it.
      numbers: converts a vector that they return to a tuple; the caller can bound its length here.

    Returns:
      (name of the table, its fields): ("Conv2DOptions", {"padding": 0, "stride_w": 2, ...}), and
      ("", {}) for an op without options. Nested tables are left out; none of our ops has them.
    """
    table: Table | None = op.BuiltinOptions()
    kind = _TABLES.get(op.BuiltinOptionsType(), "")
    if table is None or not kind:
        return "", _NONE
    generated = _generated_class(kind)()
    generated.Init(table.Bytes, table.Pos)
    fields: dict[str, Any] = {}
    for field, accessor, is_vector in _fields(kind):
        value = getattr(generated, accessor)()
        if is_vector:
            fields[field] = numbers(value)
        elif isinstance(value, (bool, int, float)):
            fields[field] = value
        elif isinstance(value, bytes):
            fields[field] = value.decode("utf-8", errors="replace")
    return kind, types.MappingProxyType(fields)


def _generated_class(kind: str) -> Any:
    return getattr(importlib.import_module(f"tflite.{kind}"), kind)


@functools.cache
def _fields(kind: str) -> list[tuple[str, str, bool]]:
    """(schema name, accessor, is a vector) of every field, in schema order."""
    names = [name for name in vars(_generated_class(kind)) if re.match("[A-Z]", name)]
    fields = []
    for name in names:
        if name == "Init" or name.startswith("GetRootAs") or name.endswith("HasIdentifier"):
            continue
        if name.endswith("AsNumpy"):
            fields.append((_snake_case(name.removesuffix("AsNumpy")), name, True))
        elif f"{name}Length" not in names and not name.endswith(("Length", "IsNone")):
            fields.append((_snake_case(name), name, False))
    return fields


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
