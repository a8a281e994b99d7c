"""A written file is read as what it was."""

import io

import numpy as np
import pytest
import soundfile

from edge_tf.audio import wav_bytes


@pytest.mark.parametrize("samples", [0, 1, 16_000])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_samples_come_back(samples, rate):
    sound = np.random.default_rng(0).integers(-32_768, 32_768, samples).astype(np.int16)
    found, found_rate = soundfile.read(io.BytesIO(wav_bytes.encode(sound, rate)), dtype="int16")
    assert found_rate == rate
    np.testing.assert_array_equal(found, sound)
