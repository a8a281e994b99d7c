"""Sound as it stands in a file, piece by piece, whatever its format.

Plain samples in WAV files are read after our own look at the header (riff.py); what is coded, and
other containers, by libsndfile.
"""

import contextlib
import dataclasses
import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge_tf.audio import encodings, riff
from edge_tf.errors import UserError

HOW_TO_CONVERT = "convert it (ffmpeg -i FILE NEW.wav), or remove it"
OTHER_LENGTH = "had a length field that does not fit: read to the end"
NO_END = "had no last page: perhaps cut off"

PIECE = 1 << 17  # values that are decoded at once
_MOST_PATCHED = 1 << 28  # bytes of a coded WAV file whose length is set right in memory
_UNKNOWN = 1 << 60  # libsndfile's frames where a header gives none
_DELAY_OF_MP3 = 2 * 1152  # frames that gapless decoding may take away
# Containers by how they begin. Only these get to libsndfile, which knows others, too.
CONTAINERS = {
    b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3\x02": "MP3", b"ID3\x03": "MP3", b"ID3\x04": "MP3",
    b"FORM": "AIFF", b".snd": "AU", b"caff": "CAF", b"riff\x2e\x91\xcf\x11": "Wave64",
    b"NIST_1A": "NIST SPHERE",
}  # fmt: skip
# Other containers, which are told by name.
FOREIGN = {b"\x1aE\xdf\xa3": "Matroska or WebM", b"0&\xb2u": "WMA", b"#!AMR": "AMR"}


@dataclasses.dataclass(frozen=True)
class Decoder:
    """A sound whose header has been read.

    Attributes:
      about: for the user, such as "WAV (PCM_16), 48,000 Hz, 2 channels".
      sample_rate: Hz.
      channels: in each frame.
      frames: that the header promises; None if it does not say.
      pieces: yields (frames, channels), int16, or float64 with full scale 1; raises UserError if
        the sound is damaged further on.
      notes: what a user should know; complete after the last piece.
    """

    about: str
    sample_rate: int
    channels: int
    frames: int | None
    pieces: Iterator[np.ndarray]
    notes: list[str]


@contextlib.contextmanager
def open_file(path: str | Path, most_bytes: int | None = None) -> Iterator[Decoder]:
    """Opens a sound file of any format that can be read.

    Raises:
      UserError: no such file, it cannot be read as sound, or is larger than `most_bytes`.
    """
    name = str(path)
    try:
        # Without blocking: a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{name}: {reason}", "check the path and its permissions") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{name}: not a file", "remove it, or put a sound file there")
        if most_bytes is not None and status.st_size > most_bytes:
            raise UserError(f"{name}: larger than {most_bytes >> 30} GiB", "cut it into clips")
        source = riff.FileSource(descriptor, name)
        container = _container(source, name)
        header = riff.parse(source, name) if container == "WAV" else None
        if header and header.encoding:
            yield of_plain_wav(header, _stored(header, source, name), list(header.notes))
            return
        notes = list(header.notes) if header else []
        library_reads: int | io.BytesIO = descriptor
        if header and riff.PIPE_LENGTH in header.notes and source.size <= _MOST_PATCHED:
            library_reads = _with_length(source, header.offset)
        with _library(library_reads, name, header) as sound:
            yield _coded(sound, source, name, container, notes)
    finally:
        os.close(descriptor)


def of_plain_wav(header: riff.WavHeader, pieces: Iterator[np.ndarray], notes: list[str]) -> Decoder:
    """The decoder of a WAV file whose samples are not coded."""
    assert header.encoding is not None
    layout = encodings.describe(header.sample_rate, header.channels)
    return Decoder(
        f"WAV ({header.encoding.subtype}), {layout}",
        header.sample_rate,
        header.channels,
        header.frames,
        pieces,
        notes,
    )


def _container(source: riff.FileSource, name: str) -> str:
    head = source.at(0, 16)
    if not head:
        raise UserError(f"{name}: the file is empty", "record it again, or remove it")
    if riff.is_wav(source) or head[:4] in riff.MAGICS:
        return "WAV"
    mpeg = head[0] == 0xFF and head[1:2] > b"\xdf"  # the sync word of a frame
    if head[4:8] == b"ftyp":
        foreign = "MPEG-4 (.m4a, .mp4)"
    elif mpeg and head[1] & 0x06 == 0:
        foreign = "AAC"
    else:
        foreign = next((kind for magic, kind in FOREIGN.items() if head.startswith(magic)), "")
    if foreign:
        raise UserError(f"{name}: {foreign} cannot be read", HOW_TO_CONVERT)
    if mpeg:
        return "MP3"
    for magic, kind in CONTAINERS.items():
        if head.startswith(magic):
            return kind
    raise UserError(f"{name}: not a sound file that can be read", HOW_TO_CONVERT)


def _stored(header: riff.WavHeader, source: riff.FileSource, name: str) -> Iterator[np.ndarray]:
    """Plain samples of a WAV file."""
    assert header.encoding is not None and header.frames is not None
    block = header.channels * header.encoding.width
    position, left = header.offset, header.frames
    while left:
        count = min(left, max(1, PIECE // header.channels))
        data = source.at(position, count * block)
        if len(data) < block:
            raise UserError(f"{name}: became shorter while it was read", "write it again")
        frames = len(data) // block
        yield header.encoding.decode(data[: frames * block], header.channels)
        position += frames * block
        left -= frames


def _with_length(source: riff.FileSource, offset: int) -> io.BytesIO:
    """The file with the right length before its samples: of 0, libsndfile reads none."""
    length = min(source.size - offset, 0xFFFFFFFF)
    order = ">I" if source.at(0, 4) == b"RIFX" else "<I"
    patched = io.BytesIO(source.at(0, source.size))
    patched.seek(offset - 4)
    patched.write(struct.pack(order, length))
    patched.seek(0)
    return patched


@contextlib.contextmanager
def _library(file: int | io.BytesIO, name: str, header: riff.WavHeader | None) -> Iterator[Any]:
    """The file in libsndfile, whose errors become lines."""
    import soundfile

    class Forward(soundfile.SoundFile):
        """Never seeks: soundfile does so after each read, which not all formats survive."""

        def seekable(self) -> bool:
            return False

    what = f"format {header.tag} in WAV cannot be decoded" if header else "cannot be decoded"
    try:
        with Forward(file, closefd=False) as sound:
            yield sound
    except soundfile.LibsndfileError as error:
        reason = " ".join(error.error_string.split()).rstrip(".")[:200]
        raise UserError(f"{name}: {what} ({reason})", HOW_TO_CONVERT) from None


def _coded(
    sound: Any, source: riff.FileSource, name: str, container: str, notes: list[str]
) -> Decoder:
    channels, rate, frames = sound.channels, sound.samplerate, sound.frames
    if not 1 <= channels <= 64 or not 1_000 <= rate <= 768_000:
        raise UserError(f"{name}: {channels} channels at {rate} Hz make no sense", HOW_TO_CONVERT)
    if frames >= _UNKNOWN:
        frames = None
    elif frames <= 0:
        raise UserError(f"{name}: it contains no samples", "record it again, or remove it")
    if container == "NIST SPHERE":
        count = re.search(rb"\nsample_count -i (\d{1,15})\n", source.at(0, 4096))
        frames = int(count[1]) if count else frames
    if container not in ("WAV", "MP3") and "(should be " in sound.extra_info:
        notes.append(OTHER_LENGTH)
    if container == "Ogg" and re.search("lacks an end-of-stream|Junk after", sound.extra_info):
        notes.append(NO_END)
    tolerance = _DELAY_OF_MP3 if container == "MP3" else 0

    def pieces() -> Iterator[np.ndarray]:
        heard = 0
        while len(piece := sound.read(max(1, PIECE // channels), "float64", always_2d=True)):
            heard += len(piece)
            yield piece
        if not heard:
            raise UserError(f"{name}: it contains no samples", "record it again, or remove it")
        if frames is not None and heard < frames - tolerance:
            raise UserError(
                f"{name}: truncated: {frames - heard} of {frames} frames of sound are missing",
                "copy or record it again, or remove it",
            )

    about = f"{container} ({sound.subtype}), {encodings.describe(rate, channels)}"
    return Decoder(about, rate, channels, frames, pieces(), notes)
