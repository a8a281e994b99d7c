"""Sound on a pipe, decoded as it arrives: samples without a header, or a WAV file."""

import os
from collections.abc import Iterator

import numpy as np

from edge_tf.audio import decoding, encodings, riff
from edge_tf.audio.decoding import Decoder
from edge_tf.audio.encodings import Encoding, RawFormat
from edge_tf.errors import UserError

NAME = "standard input"
ENDED_EARLY = "ended before the length field says"

_MAGICS = (*riff.MAGICS, *decoding.CONTAINERS, *decoding.FOREIGN)


def open_pipe(descriptor: int, raw: RawFormat) -> Decoder:
    """Waits for the first samples, or for the whole header of a WAV file.

    Args:
      descriptor: of the pipe.
      raw: what samples without a header are.

    Raises:
      UserError: another kind of file, or a WAV file that cannot be decoded as it arrives.
    """
    source = riff.PipeSource(descriptor)
    while _may_be_container(bytes(source.head)):
        before = len(source.head)
        if len(source.at(before, 1)) == 0:
            break
    head = bytes(source.head)
    if not head.startswith(_MAGICS) or (head[:4] in riff.MAGICS and head[8:12] != b"WAVE"):
        encoding = encodings.RAW_ENCODINGS[raw.encoding]
        pieces = _decoded(_arriving(descriptor, head), encoding, raw.channels, is_raw=True)
        return Decoder(str(raw), raw.sample_rate, raw.channels, None, pieces, [])
    header = riff.parse(source, NAME) if riff.is_wav(source) else None
    if header is None or header.encoding is None:
        kinds = {**decoding.CONTAINERS, **decoding.FOREIGN}
        kind = next((kind for magic, kind in kinds.items() if head.startswith(magic)), "coded WAV")
        raise UserError(
            f"{NAME} is {kind}, which cannot be decoded as it arrives",
            "save it to a file and give --wav=FILE",
        )
    notes = list(header.notes)
    arriving = _promised(_arriving(descriptor, bytes(source.head[header.offset :])), header, notes)
    pieces = _decoded(arriving, header.encoding, header.channels, is_raw=False)
    return decoding.of_plain_wav(header, pieces, notes)


def _may_be_container(head: bytes) -> bool:
    """More bytes are needed to tell; of raw samples, one or two suffice."""
    return len(head) < 12 and any(magic[: len(head)] == head[: len(magic)] for magic in _MAGICS)


def _arriving(descriptor: int, head: bytes) -> Iterator[bytes]:
    """What a pipe has, at once, until it ends."""
    data = head or os.read(descriptor, decoding.PIECE)
    while data:
        yield data
        data = os.read(descriptor, decoding.PIECE)


def _promised(
    arriving: Iterator[bytes], header: riff.WavHeader, notes: list[str]
) -> Iterator[bytes]:
    """The bytes that a WAV file promises, and a note if it has others."""
    if header.frames is None:
        yield from arriving
        return
    assert header.encoding is not None
    block = header.channels * header.encoding.width
    left, rest = header.frames * block, b""
    for data in arriving:
        yield data[:left]
        rest += data[left:]
        left = max(0, left - len(data))
        if len(rest) > block * header.sample_rate // 10:
            if not riff.is_chunk(rest):
                notes.append(riff.SHORT_LENGTH)
            return
    if left:
        notes.append(ENDED_EARLY)


def _decoded(
    arriving: Iterator[bytes], encoding: Encoding, channels: int, is_raw: bool
) -> Iterator[np.ndarray]:
    """Whole frames of what arrives."""
    block, rest = channels * encoding.width, b""
    for data in arriving:
        data = rest + data
        whole = len(data) // block * block
        rest = data[whole:]
        if whole:
            yield encoding.decode(data[:whole], channels)
    if rest and is_raw:
        part = "half a sample" if channels == 1 else "a part of a frame"
        raise UserError(
            f"{NAME} ends with {part}: {len(rest)} of {block} bytes",
            "give 16-bit little-endian mono PCM, or say what it is: --raw_encoding, --raw_channels",
        )
