"""The sounds inside an unpacked package, whichever way it stores them."""

import contextlib
import dataclasses
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.audio import resampling, simulation, wav
from edge_tf.data.streams.package_list import Stored
from edge_tf.errors import UserError

_SOUNDS = (".ogg", ".oga", ".wav", ".mp3", ".flac")
_MOST_BYTES = 1 << 28  # of an archive

# An archive *.1c: b"QTBL", a version, a byte for the encoding, the number of entries; then entries.
_QUEEN = struct.Struct(">4s8sBH")
_QUEEN_ENTRY = struct.Struct(">12sBII")  # name, bundle, offset, bytes
_QUEEN_ENCODINGS = {1: ".mp3", 2: ".ogg", 3: ".flac"}
_QUEEN_SOUND = ".SB"

_BYTES_RATE = 11_025


@dataclasses.dataclass(frozen=True)
class PackageSound:
    """A sound: its name, and what reads it as (n,) int16 (UserError: it is damaged)."""

    name: str
    read: Callable[[], np.ndarray]


def find(root: Path, stored: Stored, rate: int) -> list[PackageSound]:
    """The sounds below a folder, by name.

    Args:
      root: of the unpacked package.
      stored: how it stores them.
      rate: Hz that they are read at.

    Raises:
      UserError: an archive is damaged.
    """
    paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    if stored is Stored.FILES:
        chosen = [path for path in paths if path.suffix.lower() in _SOUNDS]
        return [_file(path, root, rate) for path in chosen]
    if stored is Stored.BYTES:
        return [_bytes(path, root, rate) for path in paths if path.suffix == ".ALS"]
    archives = [path for path in paths if path.suffix == ".1c"]
    return [sound for path in archives for sound in _queen(path, rate)]


def _file(path: Path, root: Path, rate: int) -> PackageSound:
    return PackageSound(str(path.relative_to(root)), lambda: wav.read(path, rate).samples)


def _bytes(path: Path, root: Path, rate: int) -> PackageSound:
    def read() -> np.ndarray:
        data = np.frombuffer(files.read_bytes(path, _MOST_BYTES), np.uint8)
        resampler = resampling.Resampler(_BYTES_RATE, rate)
        centred = (data.astype(np.float32) - 128.0) / 128.0
        return simulation.to_int16(np.concatenate((resampler.push(centred), resampler.finish())))

    return PackageSound(str(path.relative_to(root)), read)


def _queen(path: Path, rate: int) -> Sequence[PackageSound]:
    data = files.read_bytes(path, _MOST_BYTES)
    damaged = UserError(f"{path.name} is no archive of this game", "leave out the package")
    if len(data) < _QUEEN.size:
        raise damaged
    magic, _, encoding, count = _QUEEN.unpack_from(data)
    table = _QUEEN.size + count * _QUEEN_ENTRY.size
    if magic != b"QTBL" or encoding not in _QUEEN_ENCODINGS or table > len(data):
        raise damaged
    found = []
    for place in range(count):
        entry = _QUEEN_ENTRY.unpack_from(data, _QUEEN.size + place * _QUEEN_ENTRY.size)
        name = entry[0].split(b"\0")[0].decode("ascii", "replace")
        if name.endswith(_QUEEN_SOUND):
            piece = data[entry[2] : entry[2] + entry[3]]
            found.append(PackageSound(name, _reader(piece, _QUEEN_ENCODINGS[encoding], rate)))
    return found


def _reader(data: bytes, suffix: str, rate: int) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(tempfile.NamedTemporaryFile(suffix=suffix))
            file.write(data)
            file.flush()
            return wav.read(file.name, rate).samples

    return read
