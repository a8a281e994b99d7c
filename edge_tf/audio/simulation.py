"""The path from a mouth to a recording: vocal tract length, room, microphone, noise.

NumPy only. Signals are float32 arrays of shape [samples], full scale 1.0. All randomness comes from
the caller's generator or seed.
"""

import dataclasses

import numpy as np

_FRAME_SECONDS = 0.01
_EPSILON = 1e-9


def resample(samples: np.ndarray, ratio: float) -> np.ndarray:
    """Changes the length by `ratio` through the spectrum, without aliasing.

    With target rate / source rate it resamples; a further factor above 1 simulates a longer vocal
    tract: slower, and every formant lower by that factor.

    Args:
      samples: [n].
      ratio: output samples per input sample, above 0.

    Returns:
      [round(n * ratio)].
    """
    length = max(1, round(len(samples) * ratio))
    if len(samples) == 0:
        return np.zeros(0, np.float32)
    # The transform is periodic: silence at the end keeps the ends from meeting. Of 256 lengths,
    # use the one for which `ratio` gives the most nearly whole number of samples.
    paddings = np.arange(256, 512)
    padded_lengths = (len(samples) + paddings) * ratio
    padding = int(paddings[np.argmin(np.abs(padded_lengths - np.round(padded_lengths)))])
    padded_out = round((len(samples) + padding) * ratio)
    spectrum = np.fft.rfft(samples, len(samples) + padding)
    kept = min(len(spectrum), padded_out // 2 + 1)
    spectrum = spectrum[:kept].copy()
    # A soft edge over the last twentieth of the band rings less than a hard one.
    edge = max(1, kept // 20)
    spectrum[-edge:] *= 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, edge))
    scale = padded_out / (len(samples) + padding)
    return (np.fft.irfft(spectrum, padded_out)[:length] * scale).astype(np.float32)


def _frame_power(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """Mean square of each 10 ms frame, and the frame's length in samples."""
    size = max(1, int(rate * _FRAME_SECONDS))
    frames = -(-len(samples) // size)
    padded = np.zeros(frames * size, np.float64)
    padded[: len(samples)] = samples
    return np.mean(padded.reshape(frames, size) ** 2, axis=1), size


def trim_silence(samples: np.ndarray, rate: int, threshold_db: float = -40.0) -> np.ndarray:
    """Cuts leading and trailing frames that are `threshold_db` below the loudest one.

    Args:
      samples: [n].
      rate: samples per second.
      threshold_db: relative to the loudest 10 ms.

    Returns:
      [m], m <= n; one frame of margin stays on both sides. Empty when all is silent.
    """
    power, size = _frame_power(samples, rate)
    if len(power) == 0 or power.max() < _EPSILON:
        return samples[:0]
    loud = np.flatnonzero(power >= power.max() * 10.0 ** (threshold_db / 10.0))
    return samples[max(0, (loud[0] - 1) * size) : (loud[-1] + 2) * size]


def fade_ends(samples: np.ndarray, length: int) -> np.ndarray:
    """Fades `length` samples in and out at the ends, so that cuts do not click."""
    length = min(length, len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    faded = samples.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def active_rms(samples: np.ndarray, rate: int) -> float:
    """RMS over the frames that are within 30 dB of the loudest; 0.0 for silence."""
    power, _ = _frame_power(samples, rate)
    if len(power) == 0 or power.max() < _EPSILON:
        return 0.0
    return float(np.sqrt(np.mean(power[power >= power.max() * 1e-3])))


@dataclasses.dataclass(frozen=True)
class Room:
    """A room without geometry: direct sound, a few early reflections, a decaying diffuse tail.

    Attributes:
      rt60: seconds until the tail has fallen by 60 dB.
      direct_to_reverberant_db: energy of the direct sound relative to the rest.
      early_reflections: how many arrive within the first 40 ms.
      seed: for their times, signs and strengths, and for the tail.
    """

    rt60: float
    direct_to_reverberant_db: float
    early_reflections: int
    seed: int

    def impulse_response(self, rate: int) -> np.ndarray:
        """[samples], direct sound 1.0 at index 0, cut where the tail is 50 dB down."""
        rng = np.random.default_rng(self.seed)
        length = max(2, int(rate * self.rt60 * 50.0 / 60.0))
        seconds = np.arange(length) / rate
        decay = 10.0 ** (-3.0 * seconds / self.rt60)
        rest = rng.standard_normal(length) * decay
        # The diffuse field builds up while the first reflections arrive.
        rest *= np.minimum(1.0, seconds / 0.02)
        times = rng.integers(int(0.001 * rate), max(int(0.04 * rate), 18), self.early_reflections)
        strengths = rng.uniform(2.0, 6.0, self.early_reflections)
        signs = rng.choice((-1.0, 1.0), self.early_reflections)
        for time, strength in zip(np.minimum(times, length - 1), strengths * signs, strict=True):
            rest[time] += strength * decay[time]
        rest[0] = 0.0
        energy = np.sum(rest**2)
        if energy > _EPSILON:
            rest *= np.sqrt(10.0 ** (-self.direct_to_reverberant_db / 10.0) / energy)
        rest[0] = 1.0
        return rest.astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Microphone:
    """A microphone's frequency response, as magnitudes.

    Attributes:
      high_pass: Hz, second order.
      low_pass: Hz, fourth order.
      tilt_db: dB per octave around 1 kHz; negative is dull.
      peaks: (centre in Hz, gain in dB, width in octaves) of resonances.
    """

    high_pass: float
    low_pass: float
    tilt_db: float
    peaks: tuple[tuple[float, float, float], ...]

    def magnitude(self, frequencies: np.ndarray) -> np.ndarray:
        """Gain at each frequency in Hz, same shape, at least 0."""
        hertz = np.maximum(frequencies, 1.0)
        octaves = np.log2(hertz / 1000.0)
        decibels = self.tilt_db * np.clip(octaves, -4.0, 3.0)
        for centre, gain, width in self.peaks:
            decibels = decibels + gain * np.exp(
                -(((octaves - np.log2(centre / 1000)) / width) ** 2)
            )
        ratio = (hertz / self.high_pass) ** 2
        roll_off = 1.0 / np.sqrt(1.0 + (hertz / self.low_pass) ** 8)
        return 10.0 ** (decibels / 20.0) * ratio / np.sqrt(1.0 + ratio**2) * roll_off


class Channel:
    """A room and a microphone together, ready to be applied to many short sounds.

    Args:
      room: for the reverberation.
      microphone: for the frequency response.
      rate: samples per second of all sounds.
      longest: samples of the longest sound.
    """

    def __init__(self, room: Room, microphone: Microphone, rate: int, longest: int) -> None:
        response = room.impulse_response(rate)
        self._tail = len(response) - 1
        self._longest = longest
        self._size = 1 << (longest + self._tail).bit_length()
        colour = microphone.magnitude(np.fft.rfftfreq(self._size, 1.0 / rate))
        self._transfer = np.fft.rfft(response, self._size) * colour

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """The sound as recorded: [n] to [n + tail].

        Raises:
          ValueError: n is above `longest`.
        """
        if len(samples) > self._longest:
            raise ValueError(f"sound of {len(samples)} samples, at most {self._longest} fit")
        recorded = np.fft.irfft(np.fft.rfft(samples, self._size) * self._transfer, self._size)
        return recorded[: len(samples) + self._tail].astype(np.float32)


def set_rms(samples: np.ndarray, rms: float = 0.1) -> np.ndarray:
    """Scales to an RMS over all samples; silence stays silence. Float32, same shape."""
    present = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    return (samples * (rms / max(present, _EPSILON))).astype(np.float32)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """16-bit PCM, same shape. A signal that would clip is scaled down to 0.99 of full scale."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    scale = 32767.0 * min(1.0, 0.99 / max(peak, _EPSILON))
    return np.round(samples * scale).astype(np.int16)
