"""Headers of WAV files (RIFF, RIFX, RF64, BW64) as recorders really write them.

Where the samples begin, how they are stored and how many there are. libsndfile decodes them, but it
takes a length that a recorder could not correct, or one that lies, without a word; and it needs a
file, while a header must be read from a pipe, too.
"""

import dataclasses
import os
import struct
from typing import Protocol

from edge_tf.audio.encodings import Encoding
from edge_tf.errors import UserError

# Each reads well after "12 of 800 clips" and after the name of one.
PIPE_LENGTH = "had the length field of a pipe: read to the end"
SHORT_LENGTH = "had more sound than the length field says: the rest was left out"

CONVERT = "convert it to 16-bit PCM WAV, or remove it"
_AGAIN = "record it again, or remove it"
_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_IN_DS64 = 0xFFFFFFFF
MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_KNOWN = (b"data", b"fmt ", b"LIST", b"fact", b"bext", b"cue ", b"id3 ", b"ID3 ", b"JUNK", b"junk",
          b"PAD ", b"FLLR", b"smpl", b"inst", b"iXML", b"PEAK", b"axml", b"chna")  # fmt: skip
_MOST_CHUNKS = 10_000
_MOST_HEADER_OF_PIPE = 1 << 24


class Source(Protocol):
    """Bytes that can be looked at by position.

    Attributes:
      size: in bytes; None if it ends when its writer ends.
    """

    @property
    def size(self) -> int | None: ...

    def at(self, position: int, count: int) -> bytes:
        """`count` bytes from `position` on; fewer at the end."""
        ...


class FileSource:
    """An open file, by its descriptor and name."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self._name = descriptor, name
        self.size = os.fstat(descriptor).st_size

    def at(self, position: int, count: int) -> bytes:
        if position >= self.size:  # which may be more than a file offset can be
            return b""
        try:
            return os.pread(self._descriptor, count, position)
        except OSError as error:
            raise UserError(f"{self._name}: {error.strerror}", "check the disk") from None


class PipeSource:
    """The beginning of a pipe: what has been looked at stays in `head`."""

    def __init__(self, descriptor: int, head: bytes = b"") -> None:
        self._descriptor = descriptor
        self.head = bytearray(head)
        self.size: int | None = None

    def at(self, position: int, count: int) -> bytes:
        if position + count > _MOST_HEADER_OF_PIPE:
            raise UserError(
                "standard input has no sound within its first 16 MiB",
                "save it to a file and give --wav=FILE",
            )
        while len(self.head) < position + count:
            more = os.read(self._descriptor, position + count - len(self.head))
            if not more:
                break
            self.head += more
        return bytes(self.head[position : position + count])


@dataclasses.dataclass(frozen=True)
class WavHeader:
    """What a WAV file says of its samples.

    Attributes:
      encoding: None if they are coded in blocks (ADPCM, GSM, MP3).
      tag: number of the format.
      channels: number of interleaved channels.
      sample_rate: Hz.
      frames: samples per channel; None if coded, or until a pipe ends.
      offset: of the first sample, in bytes.
      notes: what a user should know of its length.
    """

    encoding: Encoding | None
    tag: int
    channels: int
    sample_rate: int
    frames: int | None
    offset: int
    notes: tuple[str, ...] = ()


def is_wav(source: Source) -> bool:
    """A WAV file begins here, perhaps after an ID3 tag."""
    begin = source.at(_after_id3(source), 12)
    return begin[:4] in MAGICS and begin[8:] == b"WAVE"


def is_chunk(data: bytes) -> bool:
    """What follows the samples is a chunk that people write, perhaps after a padding byte."""
    return data[:4] in _KNOWN or data[1:5] in _KNOWN


def parse(source: Source, name: str) -> WavHeader:
    """Walks the chunks up to the samples.

    Raises:
      UserError: not a WAV file, no samples, or fewer than promised.
    """
    if not is_wav(source):
        raise UserError(f"{name}: not a WAV file", CONVERT)
    begin = _after_id3(source)
    magic = source.at(begin, 4)
    order = ">" if magic == b"RIFX" else "<"
    position, form, long_size, is_empty = begin + 12, None, None, False
    for _ in range(_MOST_CHUNKS):
        head = source.at(position, 8)
        if len(head) < 8:
            break
        kind, size = head[:4], *struct.unpack(order + "I", head[4:])
        body = position + 8
        if kind == b"ds64" and len(sizes := source.at(body, 16)) == 16:
            long_size = struct.unpack("<QQ", sizes)[1]
        elif kind == b"fmt ":
            form = _Form.read(source, body, size, order, name)
        elif kind == b"data":
            if form is None:
                raise UserError(f"{name}: sound data comes before the format", CONVERT)
            if size == _IN_DS64 and long_size is not None and magic in (b"RF64", b"BW64"):
                size = long_size
            is_empty = not size and _chunks_follow(source, body, order)
            if not is_empty:
                return _with_length(form, source, body, size, order, name)
        position = _after(source, body, size)
    if is_empty:
        raise UserError(f"{name}: it contains no samples", _AGAIN)
    raise UserError(f"{name}: it has no sound data", CONVERT)


@dataclasses.dataclass(frozen=True)
class _Form:
    """The fmt chunk."""

    encoding: Encoding | None
    tag: int
    channels: int
    sample_rate: int
    block: int

    @classmethod
    def read(cls, source: Source, body: int, size: int, order: str, name: str) -> "_Form":
        fields = source.at(body, min(size, 40))
        if size < 16 or len(fields) < min(size, 40):
            raise UserError(f"{name}: its format chunk is cut off", _AGAIN)
        tag, channels, rate, _, block, bits = struct.unpack_from(order + "HHIIHH", fields)
        if tag == _EXTENSIBLE and len(fields) >= 26:
            tag = struct.unpack_from(order + "H", fields, 24)[0]
        if not 1 <= channels <= 64 or not 1_000 <= rate <= 768_000:
            raise UserError(f"{name}: {channels} channels at {rate} Hz make no sense", CONVERT)
        if tag not in (_PCM, _FLOAT, _ALAW, _ULAW):
            return cls(None, tag, channels, rate, max(1, block))
        # Samples of 12 or 20 bits stand in the upper bits of whole bytes, some of 24 bits in four.
        width = (bits + 7) // 8
        if (tag, bits, block) == (_PCM, 24, 4 * channels):
            width = 4
        endian = "BIG" if order == ">" else "LITTLE"
        subtypes = {
            _PCM: {1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"},
            _FLOAT: {4: "FLOAT", 8: "DOUBLE"},
            _ALAW: {1: "ALAW"},
            _ULAW: {1: "ULAW"},
        }[tag]
        if width not in subtypes:
            kind = {_PCM: "integers", _FLOAT: "floats"}.get(tag, f"format {tag}")
            raise UserError(f"{name}: samples of {bits} bits ({kind}) are not supported", CONVERT)
        if block != channels * width:
            raise UserError(f"{name}: its block size does not match its format", CONVERT)
        return cls(Encoding(subtypes[width], endian), tag, channels, rate, block)


def _with_length(
    form: _Form, source: Source, body: int, size: int, order: str, name: str
) -> WavHeader:
    """Decides how many of the bytes after the header are samples."""
    notes: tuple[str, ...] = ()
    length: int | None = size
    if source.size is None:
        length = None if _is_unset(size) else size
    else:
        left = source.size - body
        if not left:
            raise UserError(f"{name}: it contains no samples", _AGAIN)
        rest = source.size - _walk(source, _after(source, body, size), order)[0]
        more = rest > (form.block * form.sample_rate // 10 if form.encoding else 4096)
        if _is_unset(size) and (size > left or more or not size):
            notes, length = (PIPE_LENGTH,), left
        elif size > left:
            raise UserError(
                f"{name}: truncated: {size - left} of {size} bytes of sound are missing",
                "copy or record it again, or remove it",
            )
        elif more:
            notes = (SHORT_LENGTH,)
    if length is not None and length < form.block:
        raise UserError(f"{name}: it contains no samples", _AGAIN)
    frames = length // form.block if form.encoding and length is not None else None
    return WavHeader(form.encoding, form.tag, form.channels, form.sample_rate, frames, body, notes)


def _is_unset(size: int) -> bool:
    """A length that was written before the recording and never corrected.

    About 2 GiB (SoX, arecord, MPlayer), 4 GiB (FFmpeg, GStreamer), 0, or all ones in 64 bits.
    """
    return (
        size == 0
        or 0x7FFF0000 <= size <= 0x80001000
        or 0xFFFF0000 <= size <= 0xFFFFFFFF
        or size >= 0x7FFF << 48
    )


def _after(source: Source, body: int, size: int) -> int:
    """Where the next chunk begins: some writers forget the padding byte after an odd size."""
    end = body + size
    if not size & 1 or (source.size is not None and end >= source.size):
        return end
    ids = source.at(end, 5)
    is_unpadded = ids[1:5] not in _KNOWN and (
        ids[:4] in _KNOWN or (_is_id(ids[:4]) and not _is_id(ids[1:5]))
    )
    return end if is_unpadded else end + 1


def _is_id(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _chunks_follow(source: Source, position: int, order: str) -> bool:
    """Whether an empty data chunk ends here, rather than sound of a length that nobody set."""
    if source.at(position, 4) not in _KNOWN:
        return False
    if source.size is None:
        return True
    end, is_data = _walk(source, position, order)
    return is_data or end + 8 > source.size


def _walk(source: Source, position: int, order: str) -> tuple[int, bool]:
    """Where a chain of whole chunks in a file ends, and whether that is at a data chunk."""
    assert source.size is not None
    for _ in range(_MOST_CHUNKS):
        head = source.at(position, 8)
        if len(head) < 8 or not _is_id(head[:4]) or head[:4] == b"data":
            return min(position, source.size), head[:4] == b"data"
        (size,) = struct.unpack(order + "I", head[4:])
        if position + 8 + size > source.size:
            break
        position = _after(source, position + 8, size)
    return min(position, source.size), False


def _after_id3(source: Source) -> int:
    """Where sound begins: taggers put ID3 in front of anything."""
    head = source.at(0, 10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
        return 0
    size = 0
    for byte in head[6:]:
        size = size << 7 | byte
    return 10 + size + (10 if head[5] & 0x10 else 0)
