"""Unseen recording devices: simulated ones and recorded impulse responses.

A device is an FIR filter. Simulated ones model how recordings of one scene differ between phones
(arXiv:2005.14623, TAU Urban Acoustic Scenes 2020 Mobile: devices s1 to s6 are recordings convolved
with impulse responses): a smooth frequency response, roll-offs at both ends, early reflections in
the housing, a gain.
"""

import functools
import logging
from pathlib import Path

import numpy as np

from edge_tf.audio import wav
from edge_tf.errors import UserError

_log = logging.getLogger(__name__)

# Separate seeds: test devices are never drawn in training.
_TEST, _TRAINING = 0x7E57, 0x7EAC
_LENGTH = 0.032  # seconds of a filter: 512 taps at 16 kHz
_LOWEST_HZ, _OCTAVES, _KNOTS_PER_OCTAVE = 32.0, 10, 8
_DEVIATION_DB, _LIMIT_DB, _GAIN_DB = 6.0, 15.0, 6.0
_FLOOR_DB = -60.0  # of the response: the low cut is 0 at 0 Hz and has no logarithm
_LONGEST_RESPONSE = 1.0  # seconds that are kept of a recorded response


def draw(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """A random device.

    Gain over log frequency is a Gaussian process (6 dB, correlation length one octave, limited
    to 15 dB); low cut at 60 to 300 Hz and high cut at 0.5 to 0.94 of the Nyquist frequency (4 to
    7.5 kHz at 16 kHz) roll off like Butterworth filters of order 1 to 2. The minimum-phase filter
    with that magnitude is followed by 3 to 8 reflections 1 to 8 ms after the direct sound. Pink
    noise above 50 Hz keeps its level, up to a gain of U(-6, 6) dB.

    Args:
      rng: source of randomness.
      sample_rate: Hz, at least 4,000.

    Returns:
      (taps,) float64, 32 ms long: 512 taps at 16 kHz.

    Raises:
      ValueError: the sample rate is too low.
    """
    if sample_rate < 4_000:
        raise ValueError(f"sample_rate={sample_rate} is below 4,000 Hz")
    taps = round(_LENGTH * sample_rate)
    size = 8 * taps
    hz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    knots = np.arange(_OCTAVES * _KNOTS_PER_OCTAVE + 1) / _KNOTS_PER_OCTAVE
    smooth = smooth_root(len(knots), _KNOTS_PER_OCTAVE) @ rng.standard_normal(len(knots))
    smooth = np.clip(_DEVIATION_DB * smooth, -_LIMIT_DB, _LIMIT_DB)
    decibels = np.interp(np.log2(np.maximum(hz, 1.0) / _LOWEST_HZ), knots, smooth)
    low = 60.0 * 5.0 ** rng.random()
    high = sample_rate / 2 * 0.5 * 1.875 ** rng.random()
    low_order, high_order = rng.uniform(1.0, 2.0, 2)
    with np.errstate(divide="ignore"):
        decibels -= 10.0 * np.log10(1.0 + (low / hz) ** (2.0 * low_order))
    decibels -= 10.0 * np.log10(1.0 + (hz / high) ** (2.0 * high_order))
    response = minimum_phase(10.0 ** (np.maximum(decibels, _FLOOR_DB) / 20.0))[:taps]
    response = np.convolve(response, _reflections(rng, sample_rate))[:taps]
    fade = taps // 8
    response[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    gain = 10.0 ** (rng.uniform(-_GAIN_DB, _GAIN_DB) / 20.0)
    return gain * response / pink_gain(response, sample_rate)


def simulated(index: int, sample_rate: int) -> np.ndarray:
    """Test device `index`: always the same, and never drawn in training.

    Args:
      index: number of the device, from 1.
      sample_rate: Hz.

    Returns:
      (taps,) float64, as from draw.

    Raises:
      ValueError: index is below 1.
    """
    if index < 1:
        raise ValueError(f"device {index}: test devices are counted from 1")
    return draw(np.random.default_rng([_TEST, index]), sample_rate)


def pool(seed: int, count: int, sample_rate: int) -> list[np.ndarray]:
    """`count` training devices, none of them a test device; each as from draw."""
    rng = np.random.default_rng([_TRAINING, seed])
    return [draw(rng, sample_rate) for _ in range(count)]


def apply(samples: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Sound as the device records it: the causal convolution, cut to the input's length.

    Args:
      samples: (..., n) int16, or float32 in [-1, 1].
      taps: (k,) float64.

    Returns:
      The same shape and type; int16 is rounded and saturates, float32 is not limited.

    Raises:
      TypeError: samples of another type.
    """
    if samples.dtype not in (np.int16, np.float32):
        raise TypeError(f"samples are {samples.dtype}, not int16 or float32")
    count = samples.shape[-1]
    size = _fft_size(count + len(taps) - 1)
    spectrum = np.fft.rfft(samples, size)
    spectrum *= np.fft.rfft(taps, size)
    recorded = np.fft.irfft(spectrum, size)[..., :count]
    if samples.dtype == np.int16:
        recorded = np.clip(np.rint(recorded), -32768, 32767)
    return recorded.astype(samples.dtype)


def load_responses(folder: str | Path, sample_rate: int) -> list[np.ndarray]:
    """Recorded impulse responses of devices, in the order of their file names.

    The silence before the direct sound is cut off, at most one second is kept, and each is scaled
    so that pink noise keeps its level.

    Args:
      folder: with one sound file per device.
      sample_rate: Hz; other rates are resampled.

    Returns:
      Filters for apply, each (taps,) float64.

    Raises:
      UserError: no such folder, no sound files in it, or one that is not a response.
    """
    folder = Path(folder)
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(
            f"{folder}: {error.strerror}", "name a folder of impulse responses (.wav, .flac)"
        ) from None
    paths = [path for path in names if path.suffix.lower() in wav.EXTENSIONS]
    others = [path for path in names if path.suffix.lower() in wav.OTHER_EXTENSIONS]
    if others:
        _log.warning(
            "%d impulse responses are left out, such as %s; %s",
            len(others), others[0], wav.HOW_TO_CONVERT,
        )  # fmt: skip
    if not paths:
        raise UserError(
            f"{folder} contains no sound files that can be read",
            "put one impulse response per device there (.wav, .flac)",
        )
    return [_response(path, sample_rate) for path in paths]


def minimum_phase(magnitude: np.ndarray) -> np.ndarray:
    """The minimum-phase filter with this magnitude: causal, its energy as early as possible.

    Via the real cepstrum, folded onto positive times (Oppenheim and Schafer, Discrete-Time
    Signal Processing, sec. 13.5).

    Args:
      magnitude: (n / 2 + 1,) of the bins of a real FFT of even size n, all above 0.

    Returns:
      (n,) float64.
    """
    cepstrum = np.fft.irfft(np.log(magnitude))
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2.0
    cepstrum[half + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))


def pink_gain(taps: np.ndarray, sample_rate: int) -> float:
    """Factor by which a filter changes the RMS level of pink noise between 50 Hz and Nyquist."""
    size = 8 * max(len(taps), round(_LENGTH * sample_rate))
    hz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    used = hz >= 50.0
    power = np.abs(np.fft.rfft(taps, size)[used]) ** 2
    return float(np.sqrt(np.average(power, weights=1.0 / hz[used])))


@functools.cache
def smooth_root(points: int, correlation: float) -> np.ndarray:
    """Maps white noise to a smooth random curve of variance 1: (points, points) float64.

    The symmetric square root of the covariance: it is unique, so the same on every machine.

    Args:
      points: length of the curve.
      correlation: points over which the covariance falls to exp(-1/2).
    """
    steps = np.arange(points) / correlation
    values, vectors = np.linalg.eigh(np.exp(-0.5 * (steps[:, None] - steps[None, :]) ** 2))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _reflections(rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """Direct sound 1, then echoes of either sign that decay by e in 3 ms; at most 0.3 each."""
    count = rng.integers(3, 9)
    times = rng.uniform(0.001, 0.008, 8)[:count]
    amplitudes = rng.uniform(-0.3, 0.3, 8)[:count] * np.exp(-times / 0.003)
    response = np.zeros(round(0.008 * sample_rate) + 1)
    response[0] = 1.0
    np.add.at(response, np.rint(times * sample_rate).astype(int), amplitudes)
    return response


def _fft_size(minimum: int) -> int:
    """The next size of the form 2^a, 3 * 2^a or 5 * 2^a: others can be many times slower."""
    return min(k << max(0, (-(-minimum // k) - 1).bit_length()) for k in (1, 3, 5))


def _response(path: Path, sample_rate: int) -> np.ndarray:
    samples = wav.read(path, sample_rate).samples / 32768.0
    strength = np.abs(samples)
    if not strength.any():
        raise UserError(f"{path}: the impulse response is silence", "record it again, or remove it")
    first = int(np.argmax(strength >= 0.1 * strength.max()))
    kept = samples[first : first + round(_LONGEST_RESPONSE * sample_rate)]
    return kept / pink_gain(kept, sample_rate)
