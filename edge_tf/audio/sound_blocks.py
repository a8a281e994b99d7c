"""Sound of any length, block by block: from a file that is never fully in memory, or a pipe."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from edge_tf.audio import decoding, mono, piped_sound
from edge_tf.audio.decoding import Decoder
from edge_tf.audio.encodings import RawFormat


class SoundBlocks:
    """An opened sound, as mono blocks; iterate over it once.

    Yields (n,) int16, and raises UserError if the sound is damaged further on.

    Attributes:
      about: for the user: format, rate, channels.
      seconds: length; None if unknown.
    """

    def __init__(self, decoder: Decoder, blocks: Iterator[np.ndarray]) -> None:
        self.about = decoder.about
        self.seconds = decoder.frames and decoder.frames / decoder.sample_rate
        self._decoder, self._blocks = decoder, blocks

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._blocks

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the sound; complete at its end."""
        return tuple(self._decoder.notes)


@contextlib.contextmanager
def of_file(path: str | Path, sample_rate: int, samples: int) -> Iterator[SoundBlocks]:
    """The samples of `wav.read`, from a file of any length.

    Args:
      path: the file.
      sample_rate: Hz; other rates are resampled.
      samples: per block; the last one may be shorter.

    Raises:
      UserError: the file cannot be read as sound.
    """
    with decoding.open_file(path) as decoder:
        yield SoundBlocks(decoder, _equal(mono.samples(decoder, sample_rate), samples))


def of_pipe(pipe: BinaryIO, sample_rate: int, samples: int, raw: RawFormat) -> SoundBlocks:
    """Blocks of what arrives through a pipe, at once, until it ends. Waits for its beginning.

    Args:
      pipe: unbuffered, or not yet read from.
      sample_rate: Hz; other rates are resampled.
      samples: maximum per block.
      raw: what samples without a header are; a WAV file says it itself.

    Raises:
      UserError: it begins like a file that cannot be decoded as it arrives.
    """
    decoder = piped_sound.open_pipe(pipe.fileno(), raw)
    return SoundBlocks(decoder, _at_most(mono.samples(decoder, sample_rate), samples))


def _equal(pieces: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    rest = np.zeros(0, np.int16)
    for piece in pieces:
        rest = np.concatenate((rest, piece))
        whole = len(rest) // samples * samples
        yield from _at_most(iter((rest[:whole],)), samples)
        rest = rest[whole:]
    if len(rest):
        yield rest


def _at_most(pieces: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    for piece in pieces:
        for at in range(0, len(piece), samples):
            yield piece[at : at + samples]
