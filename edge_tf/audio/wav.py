"""Reading sound files: WAV and every other format that libsndfile knows and people use."""

import dataclasses
from pathlib import Path

import numpy as np

from edge_tf.audio import decoding, mono
from edge_tf.errors import UserError

# Suffixes of files that can be read; what counts then is the content.
EXTENSIONS = (
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph"),
)
# Suffixes of sound that cannot be read.
OTHER_EXTENSIONS = (
    *(".m4a", ".m4b", ".aac", ".mp4", ".mov", ".3gp", ".wma", ".amr", ".webm", ".weba", ".mka"),
    *(".mkv", ".ape", ".wv", ".tta", ".ac3", ".raw", ".pcm"),
)
HOW_TO_CONVERT = "convert them: ffmpeg -i FILE NEW.wav"

_MOST_BYTES = 1 << 30  # of a file
_MOST_SAMPLES = 1 << 29  # of its sound: 9 hours at 16 kHz


@dataclasses.dataclass(frozen=True)
class Sound:
    """Mono samples at the requested rate.

    Attributes:
      samples: (n,) int16.
      notes: what a user should know of the file, each such that it reads well after "12 of 800
        clips" and after the name of one: "resampled", "had the length field of a pipe: read to
        the end".
    """

    samples: np.ndarray
    notes: tuple[str, ...] = ()


def read(path: str | Path, sample_rate: int) -> Sound:
    """Reads a sound file as mono 16-bit samples at `sample_rate` Hz.

    Channels are averaged, unless they cancel out; other rates are resampled; what is beyond full
    scale is clipped.

    Raises:
      UserError: the file cannot be read as sound, or is too long for memory.
    """
    pieces, length = [np.zeros(0, np.int16)], 0
    with decoding.open_file(path, _MOST_BYTES) as decoder:
        for piece in mono.samples(decoder, sample_rate):
            pieces.append(piece)
            length += len(piece)
            if length > _MOST_SAMPLES:
                raise UserError(f"{path}: more than {_MOST_SAMPLES} samples", "cut it into clips")
    return Sound(np.concatenate(pieces), tuple(decoder.notes))


def duration(path: str | Path) -> float:
    """Seconds of sound in a file. Raises UserError as `read` does."""
    with decoding.open_file(path) as decoder:
        frames = decoder.frames
        if frames is None:
            frames = sum(len(piece) for piece in decoder.pieces)
        return frames / decoder.sample_rate
