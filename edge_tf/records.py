"""Dataclasses to JSON and back: one codec for every file of a run directory.

A record's type hints are its schema: `from_json` checks a value against them (with msgspec) and
reports a mismatch in one line. A field with a default may be missing, as in files written before
the field existed; unknown keys are ignored.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_tf import files
from edge_tf.errors import UserError

Record = TypeVar("Record")

JsonObject = dict[str, Any]
"""A JSON object as written, or one with keys that nothing here reads."""

_LATER = "later"
_MOST_SHOWN = 80  # characters of a value in an error
# msgspec's messages: 'Expected `int`, got `str` - at `$.recipe.seed`'.
_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


def later(default: Any) -> Any:
    """A field that was added later: not written at its default, as before the field existed."""
    return dataclasses.field(default=default, metadata={_LATER: True})


def load(path: Path, kind: type[Record], remedy: str = "restore it or make it again") -> Record:
    """Reads a JSON file that contains one record.

    Raises:
      UserError: it cannot be read, is not JSON, or does not fit `kind`.
    """
    return from_json(files.read_json(path), kind, str(path), remedy)


def from_json(
    value: object,
    kind: type[Record],
    where: str,
    remedy: str = "restore it or make it again",
) -> Record:
    """A record, or a list or mapping of records, from parsed JSON.

    Args:
      value: the result of json.loads.
      kind: a dataclass, or a container of one such as list[...].
      where: names the value in errors: the file, and the place in it.
      remedy: what the user can do.

    Raises:
      UserError: it does not fit; the message names the field and its value.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {_explained(str(error), value)}", remedy) from None
    except UserError as error:  # from the dataclass's own checks
        raise UserError(f"{where}: {error}") from None
    except (ArithmeticError, RecursionError) as error:
        raise UserError(f"{where}: {error}", remedy) from None


def refuse_unknown(value: Mapping[str, object], kind: type, where: str, remedy: str) -> None:
    """Raises UserError if there are keys that a dataclass does not have."""
    unknown = sorted(set(value) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise UserError(f"{where}: unknown {', '.join(map(str, unknown))}", remedy)


def to_json(record: Any) -> Any:
    """JSON types only, fields in order; see `later` for those that may be omitted."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {
            field.name: to_json(value)
            for field in dataclasses.fields(record)
            if (value := getattr(record, field.name)) != field.default
            or _LATER not in field.metadata
        }
    if isinstance(record, Mapping):
        return {key: to_json(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [to_json(value) for value in record]
    return record


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _explained(message: str, value: object) -> str:
    """msgspec's message, preceded by the field and its value."""
    found = _PLACE.fullmatch(message)
    if found is None:
        return message
    there = value
    try:
        for name, index in re.findall(r"(\w+)|\[(\d+)\]", found["path"]):
            there = there[name] if name else there[int(index)]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):  # inside a mapping msgspec writes [...]
        return f"{found['path']}: {found['what']}"
    shown = f"={_short(repr(there))}" if isinstance(there, str | int | float | None) else ""
    return f"{found['path']}{shown}: {found['what']}"
