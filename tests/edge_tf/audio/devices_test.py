"""Simulated devices: their parts within the stated limits, and sound through them."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.audio import devices
from edge_tf.errors import UserError
from tests.edge_tf.audio import wav_files

RATE = 16_000
IDENTITY = np.eye(1, 64)[0]

seeds = st.integers(0, 2**32 - 1)
at_leisure = settings(max_examples=40)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise(count: int = 4_000, seed: int = 0, loudest: int = 3_000) -> np.ndarray:
    return rng(seed).integers(-loudest, loudest, count).astype(np.int16)


def decibels(taps: np.ndarray, hz: float) -> float:
    phases = np.exp(-2j * np.pi * hz / RATE * np.arange(len(taps)))
    return 20 * np.log10(abs(taps @ phases))


# Devices


@at_leisure
@given(seeds, st.sampled_from([8_000, 16_000, 22_050, 44_100]))
def test_any_device_is_finite_32_ms_long_and_within_its_gain(seed, rate):
    taps = devices.draw(rng(seed), rate)
    assert taps.shape == (round(0.032 * rate),) and taps.dtype == np.float64
    assert np.isfinite(taps).all()
    assert abs(20 * np.log10(devices.pink_gain(taps, rate))) <= 6.0 + 1e-9


def test_pink_noise_keeps_its_level_up_to_the_drawn_gain():
    """Measured on noise, not by the function that sets it: within 1 dB of its figure."""
    count = 1 << 16
    white = np.fft.rfft(rng().normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / RATE)
    shape = np.zeros(len(hz))
    shape[hz >= 50] = hz[hz >= 50] ** -0.5
    pink = np.fft.irfft(white * shape)
    pink = (pink / np.abs(pink).max()).astype(np.float32)
    for seed in range(10):
        taps = devices.draw(rng(seed), RATE)
        level = np.std(devices.apply(pink, taps)) / np.std(pink)
        assert abs(20 * np.log10(level / devices.pink_gain(taps, RATE))) < 1.0


def test_what_devices_have_in_common_and_in_what_they_differ():
    """Low and high ends fall off; between, the gain varies by about 6 dB, smoothly."""
    pool = devices.pool(0, 200, RATE)
    gains = {
        hz: np.array([decibels(taps, hz) for taps in pool])
        for hz in (30, 1_000, 1_100, 2_000, 4_000, 7_900)
    }
    assert gains[30].mean() < gains[1_000].mean() - 10
    assert gains[7_900].mean() < gains[1_000].mean() - 3
    between = gains[1_000] - gains[4_000]  # two octaves apart: nearly independent
    assert 5.0 < between.std() < 11.0
    # A tenth of an octave apart only reflections differ.
    assert (gains[1_000] - gains[1_100]).std() < 0.5 * between.std()
    assert abs(gains[1_000]).max() < 15 + 15 + 6 + 10


def test_most_of_a_device_is_in_its_first_milliseconds():
    """Minimum phase and early reflections: a clip is not moved, and not smeared."""
    for taps in devices.pool(1, 50, RATE):
        energy = np.cumsum(taps**2) / np.sum(taps**2)
        assert energy[int(0.012 * RATE)] > 0.9
        assert energy[-len(taps) // 8] > 0.999


def test_the_test_devices_are_always_the_same_and_never_trained_with():
    tests = [devices.simulated(index, RATE) for index in range(1, 7)]
    np.testing.assert_array_equal(tests[2], devices.simulated(3, RATE))
    everything = [*tests, *devices.pool(0, 300, RATE), *devices.pool(1, 20, RATE)]
    assert len({taps.tobytes() for taps in everything}) == len(everything)
    responses = np.array([[decibels(t, hz) for hz in (250, 1_000, 4_000)] for t in tests])
    assert np.all(responses.std(axis=0) > 1.0)


def test_a_test_device_sounds_the_same_at_another_rate():
    """Below both high cuts, but for where reflections fall between samples."""
    for index in (1, 2, 3):
        slow = devices.simulated(index, 16_000)
        fast = devices.simulated(index, 32_000)
        ratio = [
            20 * np.log10(abs(slow @ np.exp(-2j * np.pi * hz / 16_000 * np.arange(len(slow)))))
            - 20 * np.log10(abs(fast @ np.exp(-2j * np.pi * hz / 32_000 * np.arange(len(fast)))))
            for hz in (250, 500, 1_000, 2_000)
        ]
        assert np.ptp(ratio) < 4.0


def test_a_pool_depends_on_its_seed_and_a_longer_one_begins_as_a_shorter():
    one, same, other = devices.pool(0, 3, RATE), devices.pool(0, 5, RATE), devices.pool(1, 3, RATE)
    for a, b in zip(one, same, strict=False):
        np.testing.assert_array_equal(a, b)
    assert np.any(one[0] != other[0])


@pytest.mark.parametrize("index", [0, -1])
def test_there_is_no_device_below_1(index):
    with pytest.raises(ValueError, match="counted from 1"):
        devices.simulated(index, RATE)


def test_refuses_a_sample_rate_without_room_for_a_device():
    with pytest.raises(ValueError, match="sample_rate=2000"):
        devices.draw(rng(), 2_000)


# Minimum phase


def test_minimum_phase_of_a_flat_magnitude_is_one_tap():
    np.testing.assert_allclose(devices.minimum_phase(np.full(65, 2.0)), 2.0 * np.eye(1, 128)[0])


@at_leisure
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_minimum_phase_finds_a_filter_whose_zeros_are_inside_the_circle(a, b):
    """From the magnitude alone, also that of the filter with its taps turned round."""
    taps = np.convolve([1.0, a], [1.0, b])
    for same_magnitude in (taps, taps[::-1]):
        found = devices.minimum_phase(np.abs(np.fft.rfft(same_magnitude, 1024)))
        np.testing.assert_allclose(found[:3], taps, atol=1e-6)
        np.testing.assert_allclose(found[3:], 0.0, atol=1e-6)


@at_leisure
@given(st.integers(4, 60), st.floats(1.0, 20.0))
def test_smooth_root_squared_is_the_covariance(points, correlation):
    root = devices.smooth_root(points, correlation)
    steps = (np.arange(points)[:, None] - np.arange(points)) / correlation
    np.testing.assert_allclose(root @ root.T, np.exp(-0.5 * steps**2), atol=1e-7)
    np.testing.assert_allclose(root, root.T, atol=1e-7)


# Sound


@at_leisure
@given(seeds, st.integers(1, 3_000), st.integers(1, 600))
def test_apply_is_the_causal_convolution(seed, count, length):
    sound = noise(count, seed)
    taps = 0.2 * rng(seed).normal(size=length)
    expected = np.convolve(sound.astype(np.float64), taps)[:count]
    heard = devices.apply(sound, taps)
    assert heard.dtype == np.int16 and heard.shape == sound.shape
    assert np.abs(heard - np.clip(expected, -32768, 32767)).max() <= 0.5 + 1e-6
    floats = (sound / 32768).astype(np.float32)
    heard = devices.apply(floats, taps)
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, expected / 32768, atol=1e-6)


def test_the_identity_and_a_delay():
    sound = noise()
    np.testing.assert_array_equal(devices.apply(sound, IDENTITY), sound)
    delayed = devices.apply(sound, np.roll(IDENTITY, 5))
    np.testing.assert_array_equal(delayed[5:], sound[:-5])
    assert not delayed[:5].any()


def test_integers_saturate_and_do_not_wrap():
    loud = np.array([30_000, -30_000, 30_000, 100], np.int16)
    np.testing.assert_array_equal(devices.apply(loud, 4 * IDENTITY), [32767, -32768, 32767, 400])


def test_a_batch_is_its_rows_and_the_callers_array_stays():
    batch = noise(6_000).reshape(3, 2_000)
    before = batch.copy()
    taps = devices.simulated(1, RATE)
    heard = devices.apply(batch, taps)
    for row, alone in zip(heard, batch, strict=True):
        np.testing.assert_array_equal(row, devices.apply(alone, taps))
    np.testing.assert_array_equal(batch, before)


def test_refuses_samples_of_other_types():
    with pytest.raises(TypeError, match="float64"):
        devices.apply(np.zeros(8), IDENTITY)


# Recorded responses


def write(path, samples: np.ndarray) -> None:
    wav_files.write(path, samples / 32767, rate=RATE)


def test_responses_are_read_in_order_without_leading_silence_and_of_level_1(tmp_path):
    first = np.zeros(400, np.int16)
    first[100], first[140] = 16_000, -4_000
    second = np.zeros(300, np.int16)
    second[0] = 1_000
    write(tmp_path / "b.wav", second)
    write(tmp_path / "a.WAV", first)
    (tmp_path / "readme.txt").write_text("not a response")
    one, two = devices.load_responses(tmp_path, RATE)
    assert one.dtype == np.float64
    assert np.flatnonzero(one).tolist() == [0, 40]
    assert one[40] / one[0] == pytest.approx(-0.25)
    np.testing.assert_allclose(two[0], 1.0)
    for taps in (one, two):
        assert devices.pink_gain(taps, RATE) == pytest.approx(1.0)


def test_other_formats_are_read_or_counted(tmp_path, caplog):
    write(tmp_path / "a.wav", noise(100))
    soundfile.write(tmp_path / "b.flac", noise(100), RATE, format="FLAC")
    for name in ("c.m4a", "d.M4A", "._a.wav"):
        (tmp_path / name).write_bytes(b"")
    same = devices.load_responses(tmp_path, RATE)
    np.testing.assert_allclose(same[0], same[1], atol=1e-3)
    assert "2 impulse responses are left out, such as" in caplog.text
    assert "c.m4a; convert them: ffmpeg" in caplog.text


def test_a_long_response_is_cut_after_a_second(tmp_path):
    write(tmp_path / "hall.wav", noise(5 * RATE))
    (taps,) = devices.load_responses(tmp_path, RATE)
    assert len(taps) == RATE


def test_errors_name_the_folder_or_the_file(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.*name a folder of impulse responses"):
        devices.load_responses(tmp_path / "nowhere", RATE)
    with pytest.raises(UserError, match=r"contains no sound files that can be read; put one"):
        devices.load_responses(tmp_path, RATE)
    write(tmp_path / "dead.wav", np.zeros(100, np.int16))
    with pytest.raises(UserError, match=r"dead\.wav: the impulse response is silence"):
        devices.load_responses(tmp_path, RATE)
    (tmp_path / "dead.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError, match=r"dead\.wav: not a WAV file"):
        devices.load_responses(tmp_path, RATE)
