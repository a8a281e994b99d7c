"""Speakers of several synthesizers: every split has voices, no timbre is in two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.data.synthesis import accents
from edge_tf.data.synthesis.synthetic_speakers import split_sizes
from edge_tf.data.synthesis.take_speakers import draw_take_speakers, split_timbres
from edge_tf.data.synthesis.voices.synthesizer import Voice
from edge_tf.data.words import splits
from edge_tf.errors import UserError
from tests.edge_tf.data.synthesis.tones import Tones


@settings(max_examples=25)
@given(st.integers(3, 60), st.integers(0, 2**31 - 1), st.integers(3, 12), st.integers(1, 5))
def test_no_timbre_is_in_two_splits(count, seed, many, few):
    synthesizers = [Tones("many", many), Tones("few", few, blends=False)]
    speakers = draw_take_speakers(count, synthesizers, "en", seed)
    assert len({speaker.name for speaker in speakers}) == len(speakers) == count
    split_of: dict[tuple[str, str], str] = {}
    for speaker in speakers:
        assert splits.hash_split(f"{speaker.name}_nohash_0.wav") == speaker.split
        for timbre in speaker.voice.timbres:
            key = (speaker.voice.synthesizer, timbre)
            assert split_of.setdefault(key, speaker.split) == speaker.split
    sizes = split_sizes(count)
    assert {s: sum(x.split == s for x in speakers) for s in sizes} == sizes


def test_the_split_of_a_timbre_does_not_depend_on_the_seed():
    split_of: dict[str, str] = {}
    for seed in range(8):
        for speaker in draw_take_speakers(12, [Tones("many", 9)], "en", seed):
            for timbre in speaker.voice.timbres:
                assert split_of.setdefault(timbre, speaker.split) == speaker.split
    assert set(split_of.values()) == {"training", "validation", "testing"}


def test_blends_are_of_one_language_and_more_speakers_than_voices():
    speakers = draw_take_speakers(80, [Tones("many", 9)], "en", 0)
    blended = [speaker for speaker in speakers if len(speaker.voice.timbres) == 2]
    assert len(blended) > 20
    assert len({speaker.voice.name for speaker in speakers}) > 40


def test_synthesizers_take_turns():
    speakers = draw_take_speakers(60, [Tones("a", 9), Tones("b", 9)], "en", 0)
    for split in split_sizes(60):
        mine = [s.voice.synthesizer for s in speakers if s.split == split]
        assert abs(mine.count("a") - mine.count("b")) <= 1


def test_a_synthesizer_that_sounds_like_people_has_more_turns_and_each_of_its_voices_one_first():
    people = Tones("people", 12, blends=False)
    people.turns = 2
    speakers = draw_take_speakers(60, [people, Tones("others", 12)], "en", 0)
    for split in split_sizes(60):
        mine = [s.voice for s in speakers if s.split == split]
        theirs = [voice for voice in mine if voice.synthesizer == "people"]
        assert abs(len(theirs) - 2 * (len(mine) - len(theirs))) <= 2
        names = [voice.name for voice in theirs]
        different = sum(s == split for s in split_timbres(people.voices("en")).values())
        assert len(set(names)) == min(different, len(names))


def test_some_speakers_of_english_have_an_accent_if_their_synthesizer_can_speak_it():
    able, unable = Tones("able", 9), Tones("unable", 9)
    able.has_accents = True
    able.languages = unable.languages = ("en", "de")
    speakers = draw_take_speakers(200, [able, unable], "en-gb", 0, 0.4)
    mine = [speaker.voice for speaker in speakers if speaker.voice.synthesizer == "able"]
    foreign = [voice for voice in mine if voice.accent]
    assert 0.3 < len(foreign) / len(mine) < 0.5
    assert len({voice.accent for voice in foreign}) > 20
    assert all(accents.habits(voice.accent) for voice in foreign)
    others = [s.voice for s in speakers if s.voice.synthesizer == "unable"]
    german = [s.voice for s in draw_take_speakers(50, [able], "de", 0, 0.4)]
    assert not any(voice.accent for voice in others + german)
    plain = draw_take_speakers(200, [able, unable], "en-gb", 0)
    assert not any(speaker.voice.accent for speaker in plain)
    for with_accents, without in zip(speakers, plain, strict=True):
        if not with_accents.voice.accent:
            assert with_accents == without


def test_women_and_men_are_divided_alike():
    voices = [Voice("x", f"{sex}{i}", "en", sex, (f"{sex}{i}",)) for sex in "fm" for i in range(10)]
    found = split_timbres(voices)
    for split, count in {"training": 6, "validation": 2, "testing": 2}.items():
        for sex in "fm":
            assert sum(found[f"{sex}{i}"] == split for i in range(10)) == count


def test_too_few_voices_are_said():
    with pytest.raises(UserError, match="too few voices for three splits; add espeak"):
        draw_take_speakers(6, [Tones("few", 2)], "en", 0)
