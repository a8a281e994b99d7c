"""A file of learnt words: the blob that a firmware loads, and the same as a C header."""

import re
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.errors import UserError
from firmware_export import c_text
from firmware_export.runtime.words import Words, WordsError

_MOST_BYTES = 1 << 20  # more than a thousand words of the longest embedding


def load(path: Path, empty: Words) -> Words:
    """The words of a file; `empty` if there is none.

    Args:
      path: of the blob; it may hold anything.
      empty: no words, of the network that they must be for.

    Raises:
      UserError: it cannot be read, or holds no words of this network.
    """
    if not path.exists():
        return empty
    blob = files.read_bytes(path, _MOST_BYTES)
    try:
        return Words.from_bytes(blob, empty.size, empty.identity)
    except WordsError as error:
        raise UserError(
            f"{path} cannot be used: {error}", "give another file, or learn its words again"
        ) from None


def save(path: Path, words: Words) -> None:
    """Writes the blob, all of it or nothing."""
    files.write_bytes(path, words.to_bytes())


def save_header(path: Path, words: Words) -> None:
    """Writes the blob as a C header with one array, named as the file.

    Raises:
      UserError: the file's name gives no name in C.
    """
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    if path.suffix != ".h" or not re.match(r"[A-Za-z_]", name):
        raise UserError(f"--header={path} must end in a name like words.h", "give another")
    names = ", ".join(c_text.string_literal(one).replace("/", "\\057") for one in words.names)
    blob = np.frombuffer(words.to_bytes(), np.uint8)
    rows = [f"    {row}" for row in c_text.int_rows(blob, per_row=12)]
    guard = f"{name.upper()}_H_"
    lines = [
        "/* Words learnt with pipelines.enroll, for words_load(); do not edit, learn again. */",
        f"/* {names or 'none'} */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdint.h>",
        "",
        "/* clang-format off */",
        f"static const uint8_t {name}[{len(blob)}] = {{",
        *rows,
        "};",
        "/* clang-format on */",
        "",
        f"#endif /* {guard} */",
    ]
    files.write_text(path, "\n".join(lines) + "\n")
