"""Values as C source: any C99 or C++11 compiler reads back exactly the bytes that went in."""

from collections.abc import Iterable, Sequence

import numpy as np

from firmware_export.errors import ExportError

# By element type. A bool is a byte, 0 or 1.
C_TYPES = {
    "bool": "int8_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
}


def byte_rows(data: bytes, per_row: int = 12) -> list[str]:
    """Bytes as rows of hexadecimal constants: ["0x1c, 0x00,", ...]."""
    return _rows([f"0x{value:02x}" for value in data], per_row)


def int_rows(values: np.ndarray, per_row: int = 16) -> list[str]:
    """Integers of any shape, flattened, as rows of decimal constants: ["-128, 0, 5,", ...]."""
    return _rows([str(value) for value in values.reshape(-1).tolist()], per_row)


def number_rows(values: np.ndarray, per_row: int) -> list[str]:
    """The same of any type in `C_TYPES`.

    Raises:
      ExportError: infinities and NaN have no constants in C99.
    """
    if values.dtype.kind != "f":
        return int_rows(values.view(np.int8) if values.dtype.kind == "b" else values, per_row)
    if not np.isfinite(values).all():
        raise ExportError("a constant of the model is not finite; train it again")
    return _rows([float_literal(value) for value in values.reshape(-1).tolist()], min(per_row, 6))


def int_list(values: Iterable[int]) -> str:
    """The inside of a short initializer: "1, 40, 101, 1"."""
    return ", ".join(str(value) for value in values)


def float_literal(value: float) -> str:
    """The shortest float constant that a compiler reads back as exactly this float32."""
    text = str(np.float32(value))
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def string_literal(text: str) -> str:
    """A quoted C string in UTF-8; anything but printable ASCII becomes octal escapes.

    Octal, because it ends after three digits, while a hexadecimal escape would swallow the letters
    that follow it. Question marks are escaped because two of them can begin a trigraph.

    Raises:
      ExportError: the text contains a NUL, which would end it early in C.
    """
    if "\0" in text:
        raise ExportError(f"the label {text!r} contains a NUL; rename it")
    return '"' + "".join(_character(byte) for byte in text.encode("utf-8")) + '"'


def _character(byte: int) -> str:
    letter = chr(byte)
    if letter in '"\\?':
        return "\\" + letter
    return letter if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def _rows(items: Sequence[str], per_row: int) -> list[str]:
    return [
        ", ".join(items[start : start + per_row]) + "," for start in range(0, len(items), per_row)
    ]
