"""Noise, shift, SpecAugment; roll, devices, mixup: ranges and shares of the published recipes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.audio import devices
from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.augmentation_config import AugmentationConfig
from tests.edge_tf.audio import wav_files

SAMPLES = 400
# Digital full scale all along: the amplitude of the added noise can be read off the output.
FLAT_NOISE = np.full(4 * SAMPLES, 32767, np.int16)
SHIFT_ONLY = AugmentationConfig(probability=1.0, max_shift=50)
NOISE_ONLY = AugmentationConfig(probability=1.0, max_shift=0)

seeds = st.integers(0, 2**32 - 1)
at_leisure = settings(max_examples=60)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def ramps(count: int, samples: int = SAMPLES) -> np.ndarray:
    """Clips whose every sample tells its position: 1, 2, 3, ..."""
    return np.tile(np.arange(1, samples + 1, dtype=np.int16), (count, 1))


def zeros(count: int) -> np.ndarray:
    return np.zeros((count, SAMPLES), np.int16)


def speech(count: int) -> np.ndarray:
    """is_silence of clips that are not."""
    return np.zeros(count, bool)


def shift_of(row: np.ndarray) -> int:
    """By how many samples a ramp moved; fails unless all of it moved and zeros came in."""
    ramp = np.round(row * 32768.0).astype(int)
    heard = np.flatnonzero(ramp)
    assert len(heard), "nothing is left of the clip"
    shift = int(heard[0] + 1 - ramp[heard[0]])
    expected = np.arange(1, len(row) + 1) - shift
    expected[(expected < 1) | (expected > len(row))] = 0
    np.testing.assert_array_equal(ramp, expected)
    return shift


# Time shift


def test_shift_moves_the_whole_clip_and_zeros_come_in():
    out = Augmenter(SHIFT_ONLY, []).waveforms(ramps(300), speech(300), rng())
    shifts = np.array([shift_of(row) for row in out])
    assert np.abs(shifts).max() <= SHIFT_ONLY.max_shift
    assert shifts.min() < -40 and shifts.max() > 40  # both ways, close to the limit
    assert abs(shifts.mean()) < 5  # the standard error is 1.7


@at_leisure
@given(seeds, st.integers(0, 3 * SAMPLES))
def test_no_shift_is_beyond_the_limit_or_fails(seed, limit):
    """Even where the limit is above the clip's length; then it may be all zeros."""
    config = AugmentationConfig(probability=1.0, max_shift=limit)
    out = Augmenter(config, []).waveforms(ramps(3), speech(3), rng(seed))
    assert all(abs(shift_of(row)) <= limit for row in out if row.any())


# Probability


@pytest.mark.parametrize("probability", [0.2, 0.8])
def test_the_share_of_changed_clips(probability):
    """Within four standard errors."""
    count = 1_500
    clips = ramps(count, 40)
    config = AugmentationConfig(probability=probability, max_shift=0)
    out = Augmenter(config, [FLAT_NOISE]).waveforms(clips, speech(count), rng(1))
    changed = np.mean(np.any(out != clips.astype(np.float32) / 32768.0, axis=1))
    error = (probability * (1 - probability) / count) ** 0.5
    assert abs(changed - probability) < 4 * error


def test_noise_and_shift_come_together_or_not_at_all():
    config = AugmentationConfig(max_shift=50)
    shifted = Augmenter(config, [])
    noisy = Augmenter(AugmentationConfig(max_shift=0), [FLAT_NOISE])
    moved, heard = [], []
    for seed in range(60):
        moved.append(shift_of(shifted.waveforms(ramps(1), speech(1), rng(seed))[0]) != 0)
        heard.append(noisy.waveforms(zeros(1), speech(1), rng(seed)).any())
    # The same generator takes the same decision; a shift of 0 may be drawn, rarely.
    assert all(h for m, h in zip(moved, heard, strict=True) if m)
    assert sum(h and not m for m, h in zip(moved, heard, strict=True)) <= 4
    assert 0 < sum(heard) < 60


@at_leisure
@given(seeds, st.integers(1, 5))
def test_nothing_changes_at_probability_0(seed, count):
    clips = rng(seed).integers(-32768, 32768, (count, SAMPLES)).astype(np.int16)
    config = AugmentationConfig(probability=0.0)
    out = Augmenter(config, [FLAT_NOISE]).waveforms(clips, speech(count), rng(seed))
    np.testing.assert_array_equal(out, clips.astype(np.float32) / 32768.0)
    assert out.dtype == np.float32


# Noise


def test_noise_amplitude_is_uniform_up_to_its_limit():
    out = Augmenter(NOISE_ONLY, [FLAT_NOISE]).waveforms(zeros(500), speech(500), rng())
    amplitudes = out[:, 0]
    np.testing.assert_array_equal(out, np.repeat(amplitudes[:, None], SAMPLES, axis=1))
    assert 0.0 <= amplitudes.min() < 0.005
    assert 0.095 < amplitudes.max() <= 0.1
    assert abs(amplitudes.mean() - 0.05) < 0.006  # four standard errors


def test_silence_always_gets_noise_of_its_own_amplitude():
    """Even at probability 0."""
    config = AugmentationConfig(probability=0.0, silence_amplitude=1.0)
    silent = np.arange(600) % 2 == 0
    out = Augmenter(config, [FLAT_NOISE]).waveforms(zeros(600), silent, rng())
    amplitudes = out[silent, 0]
    assert (amplitudes > 0.0).all()
    assert 0.97 < amplitudes.max() <= 1.0
    assert abs(amplitudes.mean() - 0.5) < 0.07
    assert not out[~silent].any()


def test_noise_is_a_stretch_of_one_of_the_recordings():
    """Every start is possible, the first and the last too, and every recording."""
    recordings = [np.arange(1, 13, dtype=np.int16) * 1000, np.arange(-10, 0, dtype=np.int16) * 1000]
    config = AugmentationConfig(probability=1.0, max_shift=0, noise_amplitude=1.0)
    out = Augmenter(config, recordings).waveforms(np.zeros((400, 10), np.int16), speech(400), rng())
    out = out[np.abs(out).max(axis=1) > 1e-3]
    slopes = np.diff(out, axis=1)
    np.testing.assert_allclose(slopes, np.repeat(slopes[:, :1], 9, axis=1), rtol=1e-3, atol=1e-6)
    starts = np.round(out[:, 0] / slopes[:, 0]).astype(int)
    assert set(starts) == {1, 2, 3, -10}


def test_without_recordings_clips_are_shifted_only():
    silent = np.array([True, False])
    out = Augmenter(SHIFT_ONLY, []).waveforms(np.vstack([zeros(1), ramps(1)]), silent, rng())
    assert not out[0].any()
    assert shift_of(out[1]) != 0


@at_leisure
@given(seeds, st.floats(0.0, 4.0))
def test_the_result_stays_in_the_range_of_sound(seed, amplitude):
    draw = rng(seed)
    clips = draw.choice(np.array([-32768, -1, 0, 32767], np.int16), (4, SAMPLES))
    noise = draw.choice(np.array([-32768, 32767], np.int16), 2 * SAMPLES)
    config = AugmentationConfig(probability=1.0, noise_amplitude=amplitude, max_shift=20)
    out = Augmenter(config, [noise]).waveforms(clips, np.array([0, 1, 0, 1], bool), draw)
    assert out.dtype == np.float32
    assert np.abs(out).max() <= 1.0


def test_the_sum_is_clipped_not_wrapped():
    clips = np.full((20, SAMPLES), 32767, np.int16)
    config = AugmentationConfig(probability=1.0, noise_amplitude=1.0, max_shift=0)
    out = Augmenter(config, [FLAT_NOISE]).waveforms(clips, speech(20), rng())
    assert out.min() >= np.float32(32767 / 32768)
    assert out.max() == 1.0


def test_the_callers_arrays_are_not_changed():
    clips, noise = ramps(8), FLAT_NOISE.copy()
    Augmenter(AugmentationConfig(probability=1.0), [noise]).waveforms(
        clips[:, :SAMPLES], speech(8), rng()
    )
    np.testing.assert_array_equal(clips, ramps(8))
    np.testing.assert_array_equal(noise, FLAT_NOISE)


# SpecAugment


def runs_of_zeros(row: np.ndarray) -> list[int]:
    """Lengths of the stretches of zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate([[1.0], row, [1.0]])))
    return list(edges[1::2] - edges[::2])


@pytest.mark.parametrize("tau", [1.5, 2, 3, 6, 8])
def test_a_mask_is_narrower_than_its_parameter(tau):
    """int(U(0, p)) is p - 1 at most: two masks cover at most 2 (p - 1)."""
    config = AugmentationConfig.for_bc_resnet(tau)
    by_band, by_frame = Augmenter(config, []).masks(400, 40, 101, rng())
    assert by_band.shape == (400, 40) and by_frame.shape == (400, 101)
    for factors, widest in ((by_band, config.frequency_mask), (by_frame, config.time_mask)):
        assert factors.dtype == np.float32
        assert set(np.unique(factors)) <= {0.0, 1.0}
        widths = np.sum(factors == 0.0, axis=1)
        assert widths.max() <= 2 * (widest - 1)
        assert all(len(runs_of_zeros(row)) <= 2 for row in factors)
        if widest > 1:
            assert widths.max() > widest - 1  # two masks, not one
            assert widths.min() == 0


def test_tau_1_5_masks_no_band_but_frames():
    """Its parameter 1 gives int(U(0, 1)) = 0: so did the published training."""
    by_band, by_frame = Augmenter(AugmentationConfig.for_bc_resnet(1.5), []).masks(
        300, 40, 101, rng()
    )
    assert by_band.all()
    assert not by_frame.all()


def test_tau_1_masks_nothing():
    by_band, by_frame = Augmenter(AugmentationConfig.for_bc_resnet(1), []).masks(50, 40, 101, rng())
    assert by_band.all() and by_frame.all()


def test_every_band_and_frame_can_be_masked_and_widths_are_uniform():
    config = AugmentationConfig(frequency_mask=7, time_mask=20, masks=1)
    by_band, by_frame = Augmenter(config, []).masks(3_000, 40, 101, rng())
    assert (by_band == 0.0).any(axis=0).all()
    assert (by_frame == 0.0).any(axis=0).all()
    counts = np.bincount(np.sum(by_band == 0.0, axis=1), minlength=7)
    assert len(counts) == 7
    assert np.abs(counts / 3_000 - 1 / 7).max() < 0.026  # four standard errors


@at_leisure
@given(
    seeds,
    st.integers(1, 6),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 4),
)
def test_masks_of_any_shape(seed, batch, bands, frames, widest_band, widest_frame, masks):
    """Also where a mask may be wider than the axis: then it covers at most all of it."""
    config = AugmentationConfig(frequency_mask=widest_band, time_mask=widest_frame, masks=masks)
    by_band, by_frame = Augmenter(config, []).masks(batch, bands, frames, rng(seed))
    for factors, widest in ((by_band, widest_band), (by_frame, widest_frame)):
        assert set(np.unique(factors)) <= {0.0, 1.0}
        assert np.sum(factors == 0.0, axis=1).max() <= masks * max(0, widest - 1)
    assert by_band.shape == (batch, bands) and by_frame.shape == (batch, frames)


# Randomness


@at_leisure
@given(seeds)
def test_the_same_generator_gives_the_same_batch(seed):
    augmenter = Augmenter(AugmentationConfig.for_bc_resnet(8), [FLAT_NOISE, FLAT_NOISE // 2])
    silent = np.array([True, False, False])
    clips = ramps(3, 1_600)
    first, second = rng(seed), rng(seed)
    one = augmenter.waveforms(clips, silent, first), *augmenter.masks(3, 40, 101, first)
    two = augmenter.waveforms(clips, silent, second), *augmenter.masks(3, 40, 101, second)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.bit_generator.state == second.bit_generator.state


def test_the_global_generator_is_neither_used_nor_moved():
    augmenter = Augmenter(AugmentationConfig.for_bc_resnet(8), [FLAT_NOISE])
    before = np.random.get_state(legacy=False)["state"]
    augmenter.waveforms(ramps(4), speech(4), rng())
    augmenter.masks(4, 40, 101, rng())
    after = np.random.get_state(legacy=False)["state"]
    assert after["pos"] == before["pos"]
    np.testing.assert_array_equal(after["key"], before["key"])


def test_another_generator_gives_another_batch():
    augmenter = Augmenter(AugmentationConfig(probability=1.0), [FLAT_NOISE])
    a = augmenter.waveforms(ramps(4), speech(4), rng(1))
    b = augmenter.waveforms(ramps(4), speech(4), rng(2))
    assert not np.array_equal(a, b)


# Scenes

QUIET = {"probability": 0.0, "max_shift": 0}  # what words get is off
SCENES = AugmentationConfig.for_scenes(64, 167, device_probability=0.5, equalizer_probability=0.5)


def test_a_roll_loses_nothing_and_goes_both_ways():
    config = AugmentationConfig(**QUIET, max_roll=50)
    clips = ramps(300)
    out = np.round(Augmenter(config, []).waveforms(clips, speech(300), rng()) * 32768).astype(int)
    shifts = []
    for row in out:
        shift = int(np.argmin(row))
        np.testing.assert_array_equal(np.roll(row, -shift), clips[0])
        shifts.append(shift if shift <= SAMPLES // 2 else shift - SAMPLES)
    assert max(map(abs, shifts)) <= 50
    assert min(shifts) < -40 and max(shifts) > 40


@pytest.mark.parametrize("probability", [0.2, 1.0])
def test_the_share_of_clips_that_are_heard_through_a_device(probability):
    config = AugmentationConfig(**QUIET, device_probability=probability)
    augmenter = Augmenter(config, [])
    clips = rng().integers(-3_000, 3_000, (400, SAMPLES)).astype(np.int16)
    out = augmenter.waveforms(clips, speech(400), rng(1))
    changed = np.any(out != clips / np.float32(32768), axis=1)
    assert abs(changed.mean() - probability) <= 4 * (probability * (1 - probability) / 400) ** 0.5
    # Each by one of the pool, which is drawn once.
    row = int(np.flatnonzero(changed)[0])
    heard = [devices.apply(clips[row] / np.float32(32768), taps) for taps in augmenter.devices]
    assert min(np.abs(np.clip(one, -1, 1) - out[row]).max() for one in heard) == 0.0
    assert len(augmenter.devices) > 100


def test_recorded_responses_take_the_place_of_simulated_devices(tmp_path):
    inverted = np.zeros(40)
    inverted[0] = -0.5
    wav_files.write(tmp_path / "inverted.wav", inverted)
    config = AugmentationConfig(**QUIET, device_probability=1.0, device_responses=str(tmp_path))
    out = Augmenter(config, []).waveforms(ramps(3), speech(3), rng())
    np.testing.assert_allclose(out, -ramps(3) / 32768.0, atol=1e-6)


def test_devices_cost_nothing_where_they_are_not_asked_for():
    assert Augmenter(AugmentationConfig.for_scenes(64, 167), []).devices == []
    unread = AugmentationConfig(device_responses="/nowhere")
    assert Augmenter(unread, []).devices == []


def test_words_take_the_same_draws_as_before_scenes():
    """What scenes need moves the generator only where it is used."""
    used, plain = rng(7), rng(7)
    augmenter = Augmenter(AugmentationConfig.for_bc_resnet(8), [FLAT_NOISE])
    augmenter.waveforms(ramps(4), speech(4), used)
    augmenter.waveforms(ramps(4), speech(4), plain)
    curves = augmenter.equalizers(4, 40, used)
    partners, weights = augmenter.mixing(4, used)
    assert not curves.any() and curves.dtype == np.float32
    assert partners.tolist() == [0, 1, 2, 3] and weights.tolist() == [1.0] * 4
    assert used.bit_generator.state == plain.bit_generator.state


def test_equalizers_are_smooth_and_of_the_stated_size():
    config = AugmentationConfig(equalizer_probability=1.0, equalizer_decibels=3.0)
    curves = Augmenter(config, []).equalizers(2_000, 64, rng())
    assert curves.shape == (2_000, 64) and curves.dtype == np.float32
    in_decibels = curves * 10 / np.log(10)
    np.testing.assert_allclose(in_decibels.std(axis=0), 3.0, rtol=0.1)
    correlation = np.corrcoef(curves.T)
    assert correlation[10, 11] > 0.99 and abs(correlation[5, 60]) < 0.1


def test_the_share_of_clips_that_are_equalized():
    config = AugmentationConfig(equalizer_probability=0.3)
    curves = Augmenter(config, []).equalizers(1_000, 40, rng())
    assert abs(curves.any(axis=1).mean() - 0.3) < 4 * (0.21 / 1_000) ** 0.5


def test_mixing_gives_every_clip_one_partner_and_beta_weights():
    alpha = 0.3
    augmenter = Augmenter(AugmentationConfig(mixup_alpha=alpha), [])
    partners, weights = augmenter.mixing(5_000, rng())
    assert sorted(partners) == list(range(5_000))
    assert partners.dtype == np.int32 and weights.dtype == np.float32
    assert weights.min() >= 0.0 and weights.max() <= 1.0
    variance = 1 / (8 * alpha + 4)
    assert abs(weights.mean() - 0.5) < 4 * (variance / 5_000) ** 0.5
    assert weights.var() == pytest.approx(variance, rel=0.05)


@settings(max_examples=20)
@given(seeds)
def test_scenes_depend_on_the_generator_alone(seed):
    augmenter = Augmenter(SCENES, [])
    clips = ramps(3, 2_000)
    drawn = []
    for _ in range(2):
        draw = rng(seed)
        waves = augmenter.waveforms(clips, speech(3), draw)
        more = augmenter.equalizers(3, 64, draw), *augmenter.mixing(3, draw)
        drawn.append((waves, *augmenter.masks(3, 64, 167, draw), *more))
    for one, other in zip(*drawn, strict=True):
        np.testing.assert_array_equal(one, other)
