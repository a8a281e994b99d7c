"""Background recordings: which are used, and those that are made."""

from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import wav
from edge_tf.data.words import background
from edge_tf.errors import UserError
from tests.edge_tf.audio.wav_files import tone, write


def made(folder, seed=0, clip_ms=1000):
    recordings = background.made(folder, folder / "cache", seed, clip_ms)
    return {path: wav.read(path, 16_000).samples for path in recordings.paths}


def test_made_noise_depends_on_the_seed_only(tmp_path):
    first, again, other = (made(tmp_path / str(n), seed) for n, seed in enumerate((7, 7, 8)))
    for a, b, c in zip(first.values(), again.values(), other.values(), strict=True):
        assert np.array_equal(a, b)
        assert not a.any() or not np.array_equal(a, c)


def test_made_noise_is_as_named_at_many_levels(tmp_path):
    sounds = {path.rpartition("/")[2]: s.astype(float) for path, s in made(tmp_path).items()}
    assert not sounds.pop("digital_silence.wav").any()
    tilt = {}
    for name, sound in sounds.items():
        rms = np.sqrt(np.mean(sound.reshape(-1, 16_000) ** 2, axis=1)) / 32768
        assert rms.min() < 0.01 and rms.max() > 0.05 and rms.max() / rms.min() > 20, name
        power = np.abs(np.fft.rfft(sound)) ** 2
        tilt[name] = power[len(power) // 2 :].sum() / power.sum()
    assert tilt["white.wav"] == pytest.approx(0.5, abs=0.05)
    assert tilt["white.wav"] > 2 * tilt["pink.wav"] > 4 * tilt["brown.wav"]
    assert tilt["hum.wav"] < 0.1


def test_made_noise_is_long_enough_and_mended(tmp_path):
    long = made(tmp_path, clip_ms=20_000)
    assert {len(sound) for sound in long.values()} == {80 * 16_000}
    path = next(iter(long))
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    assert np.array_equal(made(tmp_path, clip_ms=20_000)[path], long[path])


def test_recordings_that_cannot_be_used_are_counted(tmp_path):
    folder = tmp_path / "_background_noise_"
    write(folder / "good.wav", tone(300, seconds=2))
    write(folder / "short.wav", tone(300, seconds=0.99))
    write(folder / "silent.wav", np.zeros(32_000))
    (folder / "empty.wav").touch()
    found = background.recorded(tmp_path, folder.name, 1000)
    assert found.seconds == {"_background_noise_/good.wav": 2.0}
    assert "3 of 4 background recordings are left out (1 empty, 1 sho" in found.notes[0]
    assert background.recorded(tmp_path, "none", 1000) == background.Recordings()
    (folder / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError, match=r"broken\.wav"):
        background.recorded(tmp_path, folder.name, 1000)


@pytest.mark.parametrize("clip_ms", [100, 1000, 2000])
def test_silence_ends_within_its_recording(clip_ms):
    rng = np.random.default_rng(0)
    seconds = {"a": clip_ms / 1000, "b": 2.00003, "c": 61.123456}
    for clip in background.silence(Path(), seconds, 500, "testing", 0, clip_ms, rng):
        assert clip.start is not None and clip.start >= 0
        assert clip.start + clip_ms / 1000 <= seconds[clip.path] + 1e-9
