"""Codecs: sound comes back as loud, worse, and when it was said; what is missing is told once."""

import logging

import numpy as np
import pytest
import soundfile

from edge_tf.data.streams import codecs
from edge_tf.data.streams.codecs import CODECS, RATE, Codec, Ready

NAMES = [codec.name for codec in CODECS]


@pytest.fixture(autouse=True)
def measured_again():
    codecs.available.cache_clear()
    yield
    codecs.available.cache_clear()


def speech(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Two syllables of noise below 3 kHz, float32."""
    length = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    spectrum[(hertz < 200) | (hertz > 3000)] = 0
    syllables = np.clip(np.sin(2 * np.pi * np.arange(length) / length * 2), 0, None)
    sound = np.fft.irfft(spectrum, length) * syllables
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def later(heard: np.ndarray, sound: np.ndarray) -> int:
    """Samples by which it is later, as its products with all shifts within 0.1 s say."""
    shifts = range(-RATE // 10, RATE // 10 + 1)
    padded = np.pad(heard, RATE // 10)
    alike = [np.dot(padded[RATE // 10 + by :][: len(sound)], sound) for by in shifts]
    return shifts[int(np.argmax(alike))]


def find(name: str) -> Ready:
    found = [one for one in codecs.available() if one.codec.name == name]
    if not found:
        pytest.skip(f"this libsndfile has no {name}")
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_words_stay_where_they_were_said_and_as_loud(name):
    ready, sound = find(name), speech()
    for level in ready.codec.levels or (None,):
        heard = ready(sound, level)
        assert heard.shape == sound.shape and heard.dtype == np.float32
        assert abs(later(heard, sound)) <= 16  # 1 ms
        change = np.sqrt(np.mean(heard**2) / np.mean(sound**2))
        assert 0.7 < change < 1.4
        error = np.sqrt(np.mean((heard - sound) ** 2) / np.mean(sound**2))
        assert 0.001 < error < 1.0  # it is not the sound itself, and not another one


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [400, 66_720, 66_721])
def test_any_length_comes_back(name, length):
    """Also silence, and sound at full scale."""
    ready = find(name)
    level = ready.codec.levels[0] if ready.codec.levels else None
    loud = np.sign(np.sin(np.arange(length) * 0.2)).astype(np.float32)
    for sound in (np.zeros(length, np.float32), loud):
        heard = ready(sound, level)
        assert heard.shape == sound.shape and np.isfinite(heard).all()
        assert np.abs(heard).max() <= (1.0 if sound.any() else 0.01)


@pytest.mark.parametrize("samples", [0, 160, 1105])
def test_a_codec_s_delay_is_measured_and_taken_off(monkeypatch, samples):
    """As decoders have one that do not skip what an encoder puts first."""
    read = soundfile.read

    def delayed(*arguments, **named):
        sound, rate = read(*arguments, **named)
        return np.concatenate([np.zeros(samples, np.float32), sound]), rate

    monkeypatch.setattr(soundfile, "read", delayed)
    for name in ("mu-law", "A-law"):
        ready = find(name)
        assert abs(ready.delay - samples) <= 1
        assert abs(later(ready(speech(), None), speech())) <= 2


def test_codecs_come_as_often_as_their_shares(monkeypatch):
    drawn: list[str] = []

    def noted(own: Ready, sound: np.ndarray, level: float | None) -> np.ndarray:
        levels = own.codec.levels
        assert level is None if levels is None else levels[0] <= (level or 0) <= levels[1]
        drawn.append(own.codec.name)
        return sound

    ready = codecs.available()
    monkeypatch.setattr(Ready, "__call__", noted)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        codecs.through(speech(0.01), rng)
    whole = sum(one.codec.share for one in ready)
    for one in ready:
        share = one.codec.share / whole
        spread = 4 * np.sqrt(2000 * share * (1 - share))
        assert abs(drawn.count(one.codec.name) - 2000 * share) < spread


def test_what_libsndfile_lacks_is_left_out_and_told_once(monkeypatch, caplog):
    more = (*CODECS[:1], Codec("Nonsense", 1.0, RATE, "WAV", "NONSENSE"))
    monkeypatch.setattr(codecs, "CODECS", more)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            codecs.through(speech(0.1), np.random.default_rng(0))
    assert [one.codec.name for one in codecs.available()] == ["mu-law"]
    (told,) = caplog.messages
    assert "has no Nonsense: streams are mixed without" in told


def test_this_libsndfile_has_all_of_them():
    """The one in the lock file; a build for another system may lack some."""
    if soundfile.__version__ < "0.13":
        pytest.skip("an older soundfile")
    assert [one.codec.name for one in codecs.available()] == NAMES
