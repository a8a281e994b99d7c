"""Speech and music codecs of calls, headsets and recordings, there and back through libsndfile."""

import dataclasses
import functools
import io
import logging
from collections.abc import Sequence

import numpy as np
import soundfile

from edge_tf.audio import simulation

_log = logging.getLogger(__name__)

RATE = 16_000
_PROBED = RATE  # samples, of noise


@dataclasses.dataclass(frozen=True)
class Codec:
    """A codec.

    Attributes:
      name: as people know it.
      share: how often it is drawn, relative to others; those that take long are rare.
      rate: of the sound that it codes, in Hz.
      format, subtype: of libsndfile.
      levels: compression level of libsndfile, from and to; None: it has one bit rate.
    """

    name: str
    share: float
    rate: int
    format: str
    subtype: str
    levels: tuple[float, float] | None = None


CODECS = (
    Codec("mu-law", 0.20, 16_000, "WAV", "ULAW"),
    Codec("A-law", 0.15, 8_000, "WAV", "ALAW"),
    Codec("IMA ADPCM", 0.20, 16_000, "WAV", "IMA_ADPCM"),
    Codec("GSM 06.10", 0.15, 8_000, "WAV", "GSM610"),
    Codec("Vorbis", 0.15, 16_000, "OGG", "VORBIS", (0.5, 1.0)),
    Codec("MP3", 0.08, 16_000, "MP3", "MPEG_LAYER_III", (0.5, 0.95)),
    Codec("Opus", 0.02, 16_000, "OGG", "OPUS", (0.9, 0.98)),
)


@dataclasses.dataclass(frozen=True)
class Ready:
    """A codec that this libsndfile has, and by how many of its samples it delays sound."""

    codec: Codec
    delay: int

    def __call__(self, sound: np.ndarray, level: float | None) -> np.ndarray:
        """The sound as it is heard behind the codec, nowhere later: [n] float32 within [-1, 1]."""
        ratio = self.codec.rate / RATE
        coded = sound if ratio == 1 else simulation.resample(sound, ratio)
        heard = _there_and_back(self.codec, coded, level)[self.delay :]
        if ratio != 1:
            heard = simulation.resample(heard, 1 / ratio)
        missing = max(0, len(sound) - len(heard))
        return np.clip(np.pad(heard, (0, missing))[: len(sound)], -1.0, 1.0)


def through(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound through a codec, [n] float32 within [-1, 1]."""
    ready = available()
    shares = np.cumsum([one.codec.share for one in ready])
    chosen = ready[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
    levels = chosen.codec.levels
    return chosen(sound, float(rng.uniform(*levels)) if levels else None)


@functools.cache
def available() -> Sequence[Ready]:
    """The codecs that libsndfile has, with their measured delay; logs which it has not."""
    ready, missing = [], []
    for codec in CODECS:
        try:
            ready.append(Ready(codec, _delay(codec)))
        except (soundfile.SoundFileError, ValueError):
            missing.append(codec.name)
    if missing:
        _log.warning(
            "libsndfile %s has no %s: streams are mixed without",
            soundfile.__libsndfile_version__,
            ", ".join(missing),
        )
    return ready


def _delay(codec: Codec) -> int:
    """Samples by which a burst of noise is later behind a codec; it is not earlier."""
    burst = 0.1 * np.random.default_rng(0).standard_normal(_PROBED) * np.hanning(_PROBED)
    probe = burst.astype(np.float32)
    heard = _there_and_back(codec, probe, max(codec.levels) if codec.levels else None)
    size = 2 * max(len(heard), len(probe))
    alike = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(probe, size)), size)
    return int(np.argmax(alike[: size // 2]))


def _there_and_back(codec: Codec, sound: np.ndarray, level: float | None) -> np.ndarray:
    coded = io.BytesIO()
    soundfile.write(
        coded,
        sound,
        codec.rate,
        format=codec.format,
        subtype=codec.subtype,
        **({} if level is None else {"compression_level": level}),
    )
    coded.seek(0)
    return soundfile.read(coded, dtype="float32")[0]
