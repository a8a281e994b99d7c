"""Dataclasses to JSON and back: one codec for every file of a run directory.

A record's type hints are its schema: `from_json` holds a value against them (msgspec does) and says
in one line where it does not fit. A field with a default may be missing, as in files that were
written before there was such a field; keys that the record does not know are left alone.
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
"""A JSON object as it is written, or one whose keys nobody here reads."""

_LATER = "later"
# What msgspec says: 'Expected `int`, got `str` - at `$.recipe.seed`'.
_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


def later(default: Any) -> Any:
    """A field that was added later: with its default it is not written, as before it was there."""
    return dataclasses.field(default=default, metadata={_LATER: True})


def load(path: Path, kind: type[Record], remedy: str = "restore it or make it again") -> Record:
    """Reads a JSON file that holds one record.

    Raises:
      UserError: it cannot be read, is not JSON, or not of this kind.
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
      value: of json.loads.
      kind: a dataclass, or list[...] and the like of one.
      where: names the value in errors: its file, and the place in it.
      remedy: what the user can do.

    Raises:
      UserError: it does not fit; the message names the field and its value.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {_explained(str(error), value)}", remedy) from None
    except UserError as error:  # of the dataclass itself
        raise UserError(f"{where}: {error}") from None


def refuse_unknown(value: Mapping[str, object], kind: type, where: str, remedy: str) -> None:
    """Raises UserError if there are keys that a dataclass does not have."""
    unknown = sorted(set(value) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise UserError(f"{where}: there is no {', '.join(map(str, unknown))}", remedy)


def to_json(record: Any) -> Any:
    """JSON types only, fields in their order; see `later` for those that may be left out."""
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


def _explained(message: str, value: object) -> str:
    """msgspec's message with the field, and what stands there, in front."""
    found = _PLACE.fullmatch(message)
    if found is None:
        return message
    there = value
    try:
        for name, index in re.findall(r"(\w+)|\[(\d+)\]", found["path"]):
            there = there[name] if name else there[int(index)]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):  # below a mapping msgspec writes [...]
        return f"{found['path']}: {found['what']}"
    shown = f"={there!r}" if isinstance(there, str | int | float | None) else ""
    return f"{found['path']}{shown}: {found['what']}"
