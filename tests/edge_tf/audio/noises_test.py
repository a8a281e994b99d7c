"""Synthetic noise: its spectrum, its changes in time, its level; each seed another."""

import numpy as np
import pytest

from edge_tf.audio import noises

RATE = 16_000
MADE = (noises.hum, noises.gusts, noises.crackle, noises.engine)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_its_colour(exponent):
    """Power falls by 3 dB an octave for each unit of the exponent."""
    noise = noises.coloured(np.random.default_rng(0), 1 << 17, exponent)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    low = power[(hertz > 100) & (hertz < 200)].mean()
    high = power[(hertz > 3200) & (hertz < 6400)].mean()
    assert 10 * np.log10(low / high) == pytest.approx(15.05 * exponent, abs=1.0)
    assert noise.std() == pytest.approx(0.1, rel=0.01)


def test_hum_is_harmonics_of_the_mains():
    hum = noises.hum(np.random.default_rng(0), 4 * RATE)
    spectrum = np.abs(np.fft.rfft(hum)) ** 2
    hertz = np.fft.rfftfreq(len(hum), 1 / RATE)
    shares = []
    for mains in (50.0, 60.0):
        distance = np.abs(hertz - mains * np.round(hertz / mains))
        shares.append(spectrum[(distance < 1.5) & (hertz < 1500)].sum() / spectrum.sum())
    assert max(shares) > 0.8


@pytest.mark.parametrize("make", MADE)
def test_its_level_is_the_same_and_each_seed_another(make):
    first, again, second = (make(np.random.default_rng(seed), 2 * RATE) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    for sound in (first, second):
        assert sound.shape == (2 * RATE,) and sound.dtype == np.float32
        assert np.sqrt(np.mean(np.square(sound))) == pytest.approx(0.1, rel=1e-3)


def levels(sound: np.ndarray, seconds: float) -> np.ndarray:
    """RMS of pieces in decibels."""
    size = int(seconds * RATE)
    pieces = sound[: len(sound) // size * size].reshape(-1, size)
    return 10 * np.log10(np.mean(np.square(pieces, dtype=np.float64), axis=1) + 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_gusts_swell_and_still_noise_does_not(seed):
    rng = np.random.default_rng(seed)
    assert levels(noises.gusts(rng, 10 * RATE), 0.1).std() > 2.0
    assert levels(noises.coloured(rng, 10 * RATE, 0.5), 0.1).std() < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_crackle_is_peaks_over_little(seed):
    sound = noises.crackle(np.random.default_rng(seed), 10 * RATE)
    steady = noises.coloured(np.random.default_rng(seed), 10 * RATE, 0.5)
    peaks = [float(np.mean(one**4) / np.mean(one**2) ** 2) for one in (sound, steady)]
    assert peaks[0] > 6.0 and peaks[1] == pytest.approx(3.0, abs=0.3)  # kurtosis


@pytest.mark.parametrize("seed", range(5))
def test_an_engine_has_lines_in_its_spectrum(seed):
    """Over a tenth of a second its speed hardly changes: half of the power is in few bins."""

    def concentrated(sound: np.ndarray) -> float:
        power = np.sort(np.abs(np.fft.rfft(sound[: RATE // 10] * np.hanning(RATE // 10))) ** 2)
        return float(power[-60:].sum() / power.sum())

    engine = noises.engine(np.random.default_rng(seed), RATE)
    assert concentrated(engine) > concentrated(noises.coloured(np.random.default_rng(1), RATE, 0.0))
    assert concentrated(engine) > 0.6
