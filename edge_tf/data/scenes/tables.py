"""Text tables with named columns (.csv, .tsv), as shipped with data sets."""

import csv
import os
from pathlib import Path

from edge_tf.errors import UserError

Row = tuple[int, dict[str, str]]


def read(path: Path, columns: tuple[str, ...], separator: str) -> list[Row]:
    """Reads a table.

    Args:
      path: the file.
      columns: required columns; others are dropped.
      separator: "," or a tab. Cells are not quoted.

    Returns:
      For each row, its line number in the file and its cells by column, stripped of white space.

    Raises:
      UserError: it cannot be read, lacks a column or has no rows, or a row lacks cells.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path} cannot be read ({reason})", "restore it") from None
    reader = csv.DictReader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    try:
        there = reader.fieldnames or []
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        # line_num does not count the failing line yet.
        raise UserError(f"{path}, line {reader.line_num + 1}: {error}", "restore it") from None
    missing = [column for column in columns if column not in there]
    if missing:
        kind = "tabs" if separator == "\t" else "commas"
        raise UserError(
            f"{path} has no column '{missing[0]}'",
            f"name {', '.join(columns)} in its first line, separated by {kind}",
        )
    if not rows:
        raise UserError(f"{path} lists no clips", "restore it")
    return [(line, _cells(path, line, row, columns)) for line, row in rows]


def inside(path: Path, line: int, name: str) -> str:
    """`name`, a path from a row. Raises UserError if it leaves the folder that it is relative to.

    Args:
      path, line: position of the row, for the message.
    """
    if os.path.isabs(name) or ".." in name.split("/"):  # Path would take seconds for TAU 2022
        raise UserError(
            f"{path}, line {line}: '{name}' leaves --data_dir", "name files relative to it"
        )
    return name


def _cells(path: Path, line: int, row: dict[str, str], columns: tuple[str, ...]) -> dict[str, str]:
    # DictReader uses None as the value of missing cells and as the key of surplus ones.
    cells = {column: (row[column] or "").strip() for column in columns}
    empty = [column for column in columns if not cells[column]]
    if empty or None in row:
        what = f"no {empty[0]}" if empty else "more cells than columns"
        raise UserError(f"{path}, line {line}: {what}", f"expected {', '.join(columns)}")
    return cells
