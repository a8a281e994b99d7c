"""Clips without sound and clipped ones, and loud ones that are neither."""

import numpy as np
import pytest

from edge_tf.audio import wav
from edge_tf.data import sound_faults
from edge_tf.data.sound_faults import CLIPPED, WITHOUT_SOUND
from tests.edge_tf.audio.wav_files import tone


def test_constant_samples_and_dither_are_no_sound():
    rng = np.random.default_rng(0)
    for samples in (np.zeros(9), np.full(9, -700), rng.integers(-1, 2, 16_000)):
        assert sound_faults.of(samples.astype(np.int16)) == [WITHOUT_SOUND]
    assert sound_faults.of(rng.integers(-4, 5, 16_000).astype(np.int16)) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_thousandth_of_a_clip_at_full_scale_is_clipped(sign):
    quiet = (tone(300) * 8_000).astype(np.int16)
    for run, times, found in ((4, 4, [CLIPPED]), (5, 3, []), (2, 100, []), (16, 1, [CLIPPED])):
        samples = quiet.copy()
        for number in range(times):
            samples[100 * number : 100 * number + run] = sign * 32_767
        assert sound_faults.of(samples) == found, (run, times)


def test_a_tone_is_clipped_beyond_full_scale_only():
    wave = np.sin(np.arange(16_000) * 0.1)
    assert sound_faults.of(np.rint(wave * 32_600).astype(np.int16)) == []
    assert sound_faults.of(np.clip(wave * 65_000, -32768, 32767).astype(np.int16)) == [CLIPPED]


def test_real_takes_are_seldom_clipped_and_amplified_ones_are(real_data):
    paths = [real_data / line for line in (real_data / "testing_list.txt").read_text().split()]
    takes = [wav.read(path, 16_000).samples for path in paths[:400]]
    assert sum(bool(sound_faults.of(take)) for take in takes) <= 8
    loud = [
        np.clip(take * (8 * 32_768 / np.abs(take.astype(int)).max()), -32768, 32767)
        for take in takes
    ]
    found = [sound_faults.of(take.astype(np.int16)) == [CLIPPED] for take in loud]
    assert np.mean(found) > 0.95
