"""Reads .npz files that may come from someone else.

np.load allocates what an array's header claims before it looks at the content: a header of a few
bytes can claim terabytes. Here sizes are compared first, and no object is unpickled.
"""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge_tf import files

_MOST_BYTES = 1 << 29
_MOST_ARRAYS = 20_000
_MOST_HEADER = 10_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Booleans, integers, floats and text; never objects or records.
_KINDS = "biufU"
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

# What zipfile, zlib and NumPy raise on truncated, modified or malicious content.
_DAMAGE = (
    OSError,
    EOFError,
    MemoryError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    tokenize.TokenError,  # NumPy reads headers of Python 2 token by token
    zipfile.BadZipFile,
    zlib.error,
)


def load(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by name.

    Raises:
      UserError: the file cannot be read, or is not a file.
      ValueError: it is not such an archive, or its sizes contradict each other.
    """
    content = files.read_bytes(path, _MOST_BYTES)
    try:
        return _parsed(content)
    except _DAMAGE as error:
        raise ValueError(str(error)[:200] or type(error).__name__) from None


def _parsed(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        check_entries(entries, _MOST_ARRAYS, _MOST_BYTES)
        return {
            entry.filename.removesuffix(".npy"): _array(entry.filename, archive.read(entry))
            for entry in entries
        }


def check_entries(entries: list[zipfile.ZipInfo], count: int, size: int) -> None:
    """Checks the table of a zip archive before any entry is read.

    zipfile reads no more of an entry than the table says, and compares its checksum.

    Raises:
      ValueError: more than `count` entries or `size` bytes, an entry twice, or one that is
        encrypted or compressed in an unusual way.
    """
    if len(entries) > count:
        raise ValueError(f"{len(entries):,} entries")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError(f"it claims to hold more than {size:,} bytes")
    if len({entry.filename for entry in entries}) != len(entries):
        raise ValueError("an entry is there twice")
    if any(entry.flag_bits & 1 or entry.compress_type not in _METHODS for entry in entries):
        raise ValueError("an entry is encrypted or compressed in an unusual way")


def _array(name: str, content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"{name} has format version {version}")
    shape, columns_first, dtype = _HEADERS[version](stream, max_header_size=_MOST_HEADER)
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(f"{name} has items of type {dtype}")
    if any(size < 0 for size in shape):
        raise ValueError(f"{name} has the shape {shape}")
    at, claimed = stream.tell(), math.prod(shape) * dtype.itemsize
    if claimed != len(content) - at:
        raise ValueError(f"{name} claims {claimed} bytes and has {len(content) - at}")
    # A copy, since callers may write.
    flat = np.frombuffer(content, dtype, offset=at).copy()
    return flat.reshape(shape, order="F" if columns_first else "C")
