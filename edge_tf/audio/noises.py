"""Synthetic noise: what rooms, machines and weather sound like, roughly.

All are (length,) float32 with an RMS of 0.1, and differ with the source of randomness.
"""

import numpy as np

from edge_tf.audio import simulation

_GUST_HZ = (0.2, 4.0)  # how fast the loudness of gusts changes
_GUST_DB = (3.0, 12.0)  # its standard deviation
_CLICKS_HZ = (2.0, 40.0)  # clicks in a second
_CLICK_S = (0.002, 0.08)  # how long one rings
_CLICK_DB = 8.0  # standard deviation of their loudness
_ENGINE_HZ = (25.0, 220.0)
_DRIFT_HZ = 0.5  # how fast an engine's speed changes


def coloured(
    rng: np.random.Generator, length: int, exponent: float, rate: int = 16000
) -> np.ndarray:
    """Gaussian noise with power falling as 1 / frequency ** exponent, above 20 Hz.

    Args:
      rng: source of randomness.
      length: samples.
      exponent: 0 white, 1 pink, 2 brown.
      rate: samples per second.

    Returns:
      [length], RMS 0.1.
    """
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequencies = np.fft.rfftfreq(length, 1.0 / rate)
    spectrum *= np.maximum(frequencies, 20.0) ** (-exponent / 2.0)
    # Nothing is audible below 20 Hz, where nearly all of the power of brown noise would be.
    spectrum[frequencies < 20.0] = 0.0
    return simulation.set_rms(np.fft.irfft(spectrum, length))


def hum(rng: np.random.Generator, length: int, rate: int = 16000) -> np.ndarray:
    """A machine's hum: slowly swelling mains harmonics plus a little pink noise.

    Returns:
      [length], RMS 0.1.
    """
    seconds = np.arange(length) / rate
    mains = float(rng.choice((50.0, 60.0)))
    swelling = np.zeros(length)
    for harmonic in range(1, 25):
        strength = rng.uniform(0.2, 1.0) / harmonic**0.8
        swell = 1.0 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.05, 0.5) * seconds + rng.random()))
        phase = mains * harmonic * seconds + rng.random()
        swelling += strength * swell * np.sin(2 * np.pi * phase)
    return simulation.set_rms(simulation.set_rms(swelling) + 0.3 * coloured(rng, length, 1.0, rate))


def gusts(rng: np.random.Generator, length: int, rate: int = 16000) -> np.ndarray:
    """Wind, waves, traffic: coloured noise whose loudness changes slowly and irregularly."""
    noise = coloured(rng, length, rng.uniform(0.0, 2.0), rate)
    decibels = rng.uniform(*_GUST_DB) * _slow(rng, length, rng.uniform(*_GUST_HZ), rate)
    return simulation.set_rms(noise * 10.0 ** (decibels / 20.0))


def crackle(rng: np.random.Generator, length: int, rate: int = 16000) -> np.ndarray:
    """Fire, rain, dishes, keys: short rings of many pitches and levels over a little noise."""
    count = rng.poisson(rng.uniform(*_CLICKS_HZ) * length / rate)
    sound = 0.02 * coloured(rng, length, rng.uniform(0.0, 1.5), rate)
    for start in rng.integers(length, size=count):
        seconds = np.exp(rng.uniform(*np.log(_CLICK_S)))
        times = np.arange(min(length - start, int(6 * seconds * rate))) / rate
        ring = rng.standard_normal(len(times))
        if rng.random() < 0.5:
            ring = np.sin(2 * np.pi * rng.uniform(300.0, 6000.0) * times)
        level = 10.0 ** (_CLICK_DB * rng.standard_normal() / 20.0)
        sound[start : start + len(times)] += level * ring * np.exp(-times / seconds)
    return simulation.set_rms(sound)


def engine(rng: np.random.Generator, length: int, rate: int = 16000) -> np.ndarray:
    """Motors, fans, rotors: harmonics of a speed that drifts, rough, over coloured noise."""
    speed = rng.uniform(*_ENGINE_HZ) * 2.0 ** (0.2 * _slow(rng, length, _DRIFT_HZ, rate))
    phase = 2 * np.pi * np.cumsum(speed) / rate
    falling = rng.uniform(0.5, 1.5)
    harmonics = np.zeros(length)
    for harmonic in range(1, 31):
        strength = rng.uniform(0.2, 1.0) / harmonic**falling
        heard = harmonic * speed < rate / 2
        harmonics += heard * strength * np.sin(harmonic * phase + 2 * np.pi * rng.random())
    rough = 1.0 + rng.uniform(0.0, 0.8) * np.sin(phase / rng.integers(1, 5))
    share = rng.uniform(0.2, 1.0)
    noise = coloured(rng, length, rng.uniform(0.5, 2.0), rate)
    return simulation.set_rms(simulation.set_rms(harmonics * rough) + share * noise)


def _slow(rng: np.random.Generator, length: int, hertz: float, rate: int) -> np.ndarray:
    """Gaussian noise below `hertz`, standard deviation 1."""
    points = max(4, int(np.ceil(2 * hertz * length / rate)))
    values = rng.standard_normal(points)
    smooth = np.interp(np.linspace(0, points - 1, length), np.arange(points), values)
    return smooth / max(float(np.std(smooth)), 1e-6)
