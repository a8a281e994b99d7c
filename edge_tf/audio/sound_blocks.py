"""Sound of any length, block by block: from a WAV file that is never fully in memory, or a pipe."""

import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edge_tf.audio import wav
from edge_tf.errors import UserError


def of_file(path: str | Path, sample_rate: int, samples: int) -> Iterator[np.ndarray]:
    """Mono blocks of a WAV file at `sample_rate`.

    16-bit mono files at that rate are read block by block; others are decoded and resampled first,
    as `wav.read` does.

    Args:
      path: the file.
      sample_rate: Hz.
      samples: per block; the last one may be shorter.

    Yields:
      (n,) int16, n at most `samples`.

    Raises:
      UserError: the file cannot be read as WAV.
    """
    header = _header(path)
    if (header.encoding, header.channels, header.sample_rate) != ("pcm16", 1, sample_rate):
        sound = wav.read(path, sample_rate).samples
        for at in range(0, len(sound), samples):
            yield sound[at : at + samples]
        return
    with open(path, "rb") as file:
        file.seek(header.offset)
        left = header.frames
        while left:
            data = file.read(2 * min(samples, left))
            if len(data) < 2:
                raise UserError(f"{path}: became shorter while it was read", "write it again")
            block = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
            left -= len(block)
            yield block


def of_pipe(pipe: BinaryIO, samples: int) -> Iterator[np.ndarray]:
    """Blocks of raw 16-bit little-endian samples as they arrive, until the pipe ends.

    Args:
      pipe: unbuffered or buffered; available bytes are returned at once.
      samples: maximum per block.

    Yields:
      (n,) int16, n at most `samples`.

    Raises:
      UserError: it ends within a sample.
    """
    rest = b""
    while data := os.read(pipe.fileno(), 2 * samples - len(rest)):
        data = rest + data
        whole = len(data) // 2 * 2
        rest = data[whole:]
        if whole:
            yield np.frombuffer(data[:whole], "<i2").astype(np.int16)
    if rest:
        raise UserError(
            "standard input ends with half a sample", "give 16-bit little-endian mono PCM"
        )


def _header(path: str | Path) -> wav.WavHeader:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would block
            raise UserError(f"{path}: not a file", "name a WAV file, or give raw PCM with --wav=-")
        with open(path, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return wav.parse_header(b"", str(path))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return wav.parse_header(data, str(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: {reason}", "name a WAV file") from None
