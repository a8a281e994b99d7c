"""Rooms, microphones, noises and levels do to a signal what their names promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.audio import simulation
from edge_tf.audio.simulation import Channel, Microphone, Room

RATE = 16000
FLAT = Microphone(high_pass=1.0, low_pass=1e6, tilt_db=0.0, peaks=())
DRY = Room(rt60=0.1, direct_to_reverberant_db=200.0, early_reflections=0, seed=0)


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def loudest_hertz(samples: np.ndarray, rate: int = RATE) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[np.argmax(spectrum)])


def test_resample_keeps_a_tone_and_its_level():
    """22,050 to 16,000 Hz: the same pitch, the same amplitude, no delay."""
    out = simulation.resample(tone(1000.0, rate=22050), RATE / 22050)
    middle = slice(1000, 7000)
    np.testing.assert_allclose(out[middle], tone(1000.0)[: len(out)][middle], atol=0.02)


def test_resample_removes_what_the_new_rate_cannot_hold():
    out = simulation.resample(tone(10000.0, rate=22050), RATE / 22050)
    assert np.abs(out[500:-500]).max() < 0.02


def test_a_longer_tract_lowers_formants_by_its_factor():
    out = simulation.resample(tone(1000.0), 1.1)
    assert loudest_hertz(out) == pytest.approx(1000.0 / 1.1, abs=3.0)


@settings(max_examples=50)
@given(st.integers(0, 4000), st.floats(0.3, 2.0))
def test_resample_gives_the_promised_length(length, ratio):
    out = simulation.resample(np.ones(length, np.float32), ratio)
    assert len(out) == (max(1, round(length * ratio)) if length else 0)
    assert np.isfinite(out).all()


def test_trim_silence_keeps_the_sound_and_a_small_margin():
    sound = np.concatenate([np.zeros(5000), tone(300.0, 0.2), np.zeros(7000)]).astype(np.float32)
    trimmed = simulation.trim_silence(sound, RATE)
    assert 3200 <= len(trimmed) <= 3200 + 4 * 160
    assert np.sum(trimmed**2) == pytest.approx(np.sum(sound**2))
    assert len(simulation.trim_silence(np.zeros(9000, np.float32), RATE)) == 0
    assert len(simulation.trim_silence(np.zeros(0, np.float32), RATE)) == 0


def test_active_rms_does_not_count_pauses():
    sound = np.concatenate([tone(400.0), np.zeros(40000, np.float32)])
    assert simulation.active_rms(sound, RATE) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert simulation.active_rms(np.zeros(100, np.float32), RATE) == 0.0


def test_fade_ends_removes_the_step_of_a_cut():
    faded = simulation.fade_ends(np.ones(1000, np.float32), 80)
    assert faded[0] == faded[-1] == 0.0 and (faded[80:-80] == 1.0).all()
    assert len(simulation.fade_ends(np.ones(3, np.float32), 80)) == 3


@pytest.mark.parametrize("rt60", [0.1, 0.3, 0.6])
def test_room_decays_by_its_rt60(rt60):
    """The slope of the tail's energy, fitted over its first half, is 60 dB in rt60 seconds."""
    room = Room(rt60=rt60, direct_to_reverberant_db=0.0, early_reflections=0, seed=7)
    energy = room.impulse_response(RATE).astype(float) ** 2
    remaining = 10 * np.log10(np.cumsum(energy[::-1])[::-1])
    start, stop = int(0.025 * RATE), int(rt60 * RATE * 0.5)
    slope = np.polyfit(np.arange(start, stop) / RATE, remaining[start:stop], 1)[0]
    assert -60.0 / slope == pytest.approx(rt60, rel=0.2)


def test_room_has_its_ratio_of_direct_sound_and_its_seed():
    room = Room(rt60=0.4, direct_to_reverberant_db=6.0, early_reflections=8, seed=1)
    response = room.impulse_response(RATE)
    assert 10 * np.log10(1.0 / np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.01)
    np.testing.assert_array_equal(response, room.impulse_response(RATE))


def test_microphone_cuts_where_it_says():
    microphone = Microphone(high_pass=200.0, low_pass=5000.0, tilt_db=0.0, peaks=((1000, 6, 0.5),))
    gain = 20 * np.log10(microphone.magnitude(np.array([20.0, 200.0, 1000.0, 5000.0, 7900.0])))
    assert gain[0] < -35 and gain[1] == pytest.approx(-3, abs=0.5)
    assert gain[2] == pytest.approx(6, abs=0.5)
    assert gain[3] == pytest.approx(-3, abs=0.5) and gain[4] < -14


def test_channel_passes_sound_and_adds_the_tail():
    """A dry room and a flat microphone change nothing; an echo arrives after the sound."""
    sound = tone(440.0, 0.1)
    dry = Channel(DRY, FLAT, RATE, longest=8000)(sound)
    np.testing.assert_allclose(dry[: len(sound)], sound, atol=0.02)
    wet = Room(rt60=0.5, direct_to_reverberant_db=0.0, early_reflections=4, seed=2)
    recorded = Channel(wet, FLAT, RATE, longest=8000)(sound)
    assert len(recorded) > len(sound)
    assert simulation.active_rms(recorded[len(sound) :], RATE) > 0.01
    with pytest.raises(ValueError, match="at most 8000"):
        Channel(wet, FLAT, RATE, longest=8000)(np.zeros(8001, np.float32))


@settings(max_examples=50)
@given(st.lists(st.floats(-50.0, 50.0, width=32), max_size=40))
def test_to_int16_never_wraps_around(values):
    """Louder than full scale is turned down, signs are kept, quiet sound is left alone."""
    samples = np.array(values, np.float32)
    pcm = simulation.to_int16(samples)
    assert pcm.dtype == np.int16 and pcm.shape == samples.shape
    assert (np.abs(pcm.astype(int)) <= 32440).all()
    assert (np.sign(pcm) * np.sign(samples) >= 0).all()
    if len(samples) and np.abs(samples).max() <= 0.99:
        np.testing.assert_allclose(pcm / 32767.0, samples, atol=1e-4)
