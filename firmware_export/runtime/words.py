"""Words learnt on a device: their names and prototypes, and the blob that keeps them.

A blob holds all words of a device, since one checksum then covers what is written to flash at once,
and the order of the words, which is their index, is part of it. words.c reads and writes the same
bytes. All numbers are little-endian:

    offset  bytes
         0      4  "ETFW"
         4      2  version, 1
         6      2  size of an embedding
         8      2  number of words
        10      2  0
        12     16  identity of the network: the first bytes of the SHA-256 of its whole-window file
        28         per word: 16 bytes of name, filled up with zeros, at least one; size * 2 bytes of
                   prototype, int16, see recogniser.py
       end      4  CRC-32 (IEEE 802.3) of all that comes before
"""

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.runtime.recogniser import FRACTION

MAGIC = b"ETFW"
VERSION = 1
NAME_BYTES = 16
IDENTITY_BYTES = 16
MOST_WORDS = 10
"""That a device has room for, unless its program defines WORDS_MOST."""
LEAST_VALUE, MOST_VALUE = FRACTION * -128, FRACTION * 127
"""Of a prototype: a mean of int8."""

_HEAD = struct.Struct(f"<4sHHHH{IDENTITY_BYTES}s")
_CRC = struct.Struct("<I")
HEAD_BYTES = _HEAD.size


class WordsError(ExportError):
    """Words that cannot be kept, or a blob that holds none."""


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word: its name and its prototype, (size,) int16."""

    name: str
    prototype: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """All words of a device.

    Attributes:
      size: of an embedding.
      identity: of the network, IDENTITY_BYTES bytes; see `identity_of`.
      words: in the order of their indices.
    """

    size: int
    identity: bytes
    words: Sequence[Word] = ()

    @property
    def names(self) -> list[str]:
        return [word.name for word in self.words]

    @property
    def prototypes(self) -> np.ndarray:
        """(words, size) int16."""
        rows = [word.prototype for word in self.words]
        return np.array(rows, np.int16).reshape(len(rows), self.size)

    def with_word(self, name: str, prototype: np.ndarray) -> "Words":
        """One more, at the end; the others stay as they are.

        Raises:
          WordsError: the name cannot be kept, or there is a word of that name.
        """
        check_name(name)
        if name in self.names:
            raise WordsError(f"there is a word '{name}' already; remove it first")
        return dataclasses.replace(self, words=(*self.words, Word(name, prototype)))

    def without(self, name: str) -> "Words":
        """One less; those after it move up by one index.

        Raises:
          WordsError: there is no such word.
        """
        if name not in self.names:
            there = ", ".join(self.names) or "none"
            raise WordsError(f"there is no word '{name}'; the words are: {there}")
        return dataclasses.replace(self, words=[w for w in self.words if w.name != name])

    def to_bytes(self) -> bytes:
        """The blob."""
        head = _HEAD.pack(MAGIC, VERSION, self.size, len(self.words), 0, self.identity)
        body = b"".join(
            word.name.encode().ljust(NAME_BYTES, b"\0") + word.prototype.astype("<i2").tobytes()
            for word in self.words
        )
        return head + body + _CRC.pack(zlib.crc32(head + body))

    @classmethod
    def from_bytes(cls, blob: bytes, size: int, identity: bytes) -> "Words":
        """Reads a blob, which may come from anywhere.

        Args:
          blob: all of it, and nothing else.
          size, identity: of the network that the words are for.

        Raises:
          WordsError: it is none, of another version or network, or damaged.
        """
        if len(blob) < _HEAD.size + _CRC.size or not blob.startswith(MAGIC):
            raise WordsError("it is no file of words")
        _, version, given, count, reserved, network = _HEAD.unpack_from(blob)
        if version != VERSION:
            raise WordsError(f"it has version {version} of the format, not {VERSION}")
        if given != size or network != identity:
            raise WordsError("its words were learnt with another network")
        step = NAME_BYTES + 2 * size
        whole = _HEAD.size + count * step
        if reserved or len(blob) != whole + _CRC.size:
            raise WordsError(f"it is damaged: {len(blob)} bytes for {count} words")
        if _CRC.unpack_from(blob, whole)[0] != zlib.crc32(blob[:whole]):
            raise WordsError("it is damaged: its checksum is another")
        words = cls(size, identity)
        for at in range(_HEAD.size, whole, step):
            name = _name_of(blob[at : at + NAME_BYTES])
            prototype = np.frombuffer(blob, "<i2", size, at + NAME_BYTES).astype(np.int16)
            if prototype.min() < LEAST_VALUE or prototype.max() > MOST_VALUE:
                raise WordsError(f"it is damaged: '{name}' is no mean of embeddings")
            words = words.with_word(name, prototype)
        return words


def identity_of(model: bytes) -> bytes:
    """The identity of a network.

    Args:
      model: its .tflite file for whole windows; the streaming form has the same embeddings.
    """
    return hashlib.sha256(model).digest()[:IDENTITY_BYTES]


def check_name(name: str) -> None:
    """Raises WordsError if a word cannot have this name on a device."""
    try:
        raw = name.encode()
    except UnicodeEncodeError:
        raw = b""
    if not 0 < len(raw) < NAME_BYTES or any(byte < 0x20 or byte == 0x7F for byte in raw):
        raise WordsError(
            f"'{name!r:.60}' cannot be the name of a word; use 1 to {NAME_BYTES - 1} bytes of text "
            "in UTF-8, without control characters"
        )


def _name_of(field: bytes) -> str:
    """The name in its 16 bytes."""
    raw = field.rstrip(b"\0")
    try:
        name = raw.decode()
        check_name(name)
    except (UnicodeDecodeError, WordsError):
        raise WordsError(f"it is damaged: {field!r} is no name") from None
    return name
