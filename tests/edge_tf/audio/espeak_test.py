"""espeak-ng through ctypes: it speaks, the same each time, and says plainly when it cannot."""

import sys

import numpy as np
import pytest

from edge_tf.audio import espeak
from edge_tf.audio.espeak import Espeak, Voice
from edge_tf.errors import UserError

AMERICAN = "gmw/en-US"


@pytest.fixture
def engine():
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")
    with Espeak(seed=3) as engine:
        yield engine


def test_speaks_audible_words_of_plausible_length(engine):
    """Speech, not silence or noise: voiced energy below 1 kHz, a word's length, no clipping."""
    samples, rate = engine.speak("music", Voice(AMERICAN))
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert 0.2 < len(samples) / rate < 1.0
    assert 0.05 < np.abs(samples).max() < 1.0
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    assert power[(hertz > 80) & (hertz < 1000)].sum() > 0.5 * power.sum()


def test_two_engines_with_one_seed_say_the_same_bytes():
    """espeak-ng's static state does not leak from one engine into the next."""
    pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")

    def say() -> list[bytes]:
        with Espeak(seed=5) as engine:
            voices = [Voice(AMERICAN, variant) for variant in ("", "f3", "klatt4", "grandma")]
            return [engine.speak("music", voice)[0].tobytes() for voice in voices]

    first = say()
    with Espeak(seed=5) as between:
        between.speak("something else in between", Voice(AMERICAN, "f2"))
    assert say() == first


def test_parameters_change_what_is_heard(engine):
    """Faster is shorter; a higher pitch has a higher fundamental; another accent differs."""

    def said(**changes: object) -> np.ndarray:
        return engine.speak("lamp", Voice(**{"accent": AMERICAN, **changes}))[0]

    assert len(said(rate=300)) < 0.8 * len(said(rate=120))
    assert not np.array_equal(said(accent="gmw/en-GB-scotland"), said())

    def fundamental(samples: np.ndarray) -> float:
        middle = samples[len(samples) // 4 :][:4096]
        correlation = np.correlate(middle, middle, "full")[len(middle) - 1 :]
        shortest = engine.sample_rate // 400
        return engine.sample_rate / (shortest + np.argmax(correlation[shortest:600]))

    low, high = (fundamental(said(pitch=pitch, pitch_range=0)) for pitch in (10, 90))
    assert high > 1.2 * low


def test_lists_the_accents_of_a_language_and_the_variants(engine):
    accents = engine.accents("en")
    assert {AMERICAN, "gmw/en", "gmw/en-GB-scotland", "gmw/en-029"} <= set(accents)
    assert engine.accents("en-us") == [AMERICAN, "gmw/en-US-nyc"]
    assert engine.accents("xx") == []
    assert {"f3", "m1"} <= set(engine.variants())
    assert engine.version[0].isdigit()


def test_unknown_names_are_refused(engine):
    """espeak-ng alone would silently use another voice."""
    for voice in (Voice("gmw/en-XX"), Voice(AMERICAN, "nobody")):
        with pytest.raises(ValueError, match="no voice"):
            engine.speak("lamp", voice)


def test_text_without_sound_gives_no_speech(engine):
    samples, _ = engine.speak("", Voice(AMERICAN))
    assert np.abs(samples).max(initial=0.0) < 0.01


def test_close_twice_is_harmless(engine):
    engine.close()
    engine.close()


def test_missing_wheel_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"pip install .espeakng-loader") as caught:
        Espeak()
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="synthesis"):
        espeak.loader_version()


def test_phonemes_of_each_word_and_of_every_clause():
    with Espeak() as engine:
        engine.speak("stop", Voice("gmw/en-GB-x-rp"))
        found = engine.phonemes("Hey, lamp! computer", "gmw/en-US")
        assert found == [
            ["h", "ˈeɪ"],
            ["l", "ˈæ", "m", "p"],
            ["k", "ə", "m", "p", "j", "ˈuː", "ɾ", "ɚ"],
        ]
        assert engine.phonemes("computer", "gmw/en-GB-x-rp")[0][-1] == "ɐ"
        assert engine.phonemes("", "gmw/en-US") == []
        with pytest.raises(ValueError, match="has no voice 'gmw/none'"):
            engine.phonemes("a", "gmw/none")
