"""Samples as a WAV file."""

import io
import wave

import numpy as np


def encode(samples: np.ndarray, sample_rate: int) -> bytes:
    """The content of a 16-bit mono WAV file.

    Args:
      samples: (n,) int16.
      sample_rate: Hz.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()
