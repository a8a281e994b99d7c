"""espeak-ng as a synthesizer: the same arguments give the same samples."""

import dataclasses

import numpy as np
import pytest

from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis import accents
from edge_tf.data.synthesis.voices import espeak
from edge_tf.data.synthesis.voices.espeak import FEMALE_VARIANTS, MALE_VARIANTS, EspeakVoices

ESPEAK = EspeakVoices()


@pytest.fixture(autouse=True)
def installed() -> None:
    if reason := ESPEAK.missing():
        pytest.skip(reason)


def test_a_take_depends_on_its_arguments_alone():
    voice = ESPEAK.voices("en-us")[0]
    first = ESPEAK.render("lamp", voice, 3)
    ESPEAK.render("music", voice, 4)
    np.testing.assert_array_equal(ESPEAK.render("lamp", voice, 3), first)
    assert first.dtype == np.float32 and 0.05 < np.abs(first).max() <= 1
    assert not np.array_equal(ESPEAK.render("lamp", voice, 4), first)


def test_rate_makes_a_take_shorter():
    voice = ESPEAK.voices("en-us")[0]
    lengths = [len(ESPEAK.render("computer", voice, 0, rate)) for rate in (0.8, 1.0, 1.4)]
    assert lengths[0] > lengths[1] > lengths[2] > 3000


def test_accents_of_a_variant_share_its_timbre():
    voices = ESPEAK.voices("en")
    assert {voice.timbres for voice in voices} == {(v,) for v in FEMALE_VARIANTS + MALE_VARIANTS}
    assert len(voices) > 4 * len(FEMALE_VARIANTS + MALE_VARIANTS)
    assert ESPEAK.voices("xx") == []
    assert ESPEAK.blend(voices[0], voices[1], 0.5) is None


def test_an_accent_is_spoken_by_names_of_phonemes():
    named = espeak._in_phonemes
    assert named("computer?", "gmw/en-US", "full vowels, first stressed") == "[[k'Ompju:te@]]?"
    assert named("smart mirror", "gmw/en-US", "open, rolled r") == "[[sm'a:Rt m'IR@R]]"
    voice = dataclasses.replace(ESPEAK.voices("en-us")[0], accent="full vowels")
    plain = ESPEAK.render("computer", dataclasses.replace(voice, accent=""), 0)
    foreign = ESPEAK.render("computer", voice, 0)
    assert not np.array_equal(plain, foreign) and 0.7 < len(foreign) / len(plain) < 1.5


def test_all_that_an_accent_makes_has_a_name_and_is_heard():
    """Of every phoneme of common words: none is lost between the accent and espeak-ng's names."""
    text = "over the water father thought about usual chips judge her singing boys now go away good"
    with Espeak() as engine:
        for voice in engine.accents("en"):
            words = engine.phonemes(text, voice)
            for seed in range(20):
                accent = accents.draw(np.random.default_rng(seed))
                for word in accents.spoken(words, text, accent):
                    for sound in word:
                        assert "".join(espeak._PIECE.findall(sound)) == sound, (voice, sound)


@pytest.mark.parametrize("accent", ["gmw/en-US", "gmw/en-GB-x-rp", "gmw/en-029"])
def test_names_are_those_of_espeak_ng(accent):
    """With a name that espeak-ng lacks it is silent; each of ours is heard before a vowel."""
    voice = espeak.espeak.Voice(accent, "m3")
    with Espeak(1) as engine:
        for name in {*espeak._NAMES.values(), "W"} - {"", "'", ","}:
            samples = engine.speak(f"[[{name}a]]", voice, has_phonemes=True)[0]
            assert samples.any() == (name != "W"), name
