"""Sentences hold none of the wanted words, neither as text nor as sounds, and can be made again."""

import pytest

from edge_tf.data.synthesis import lexicon, sentences
from edge_tf.data.synthesis.lexicon import pronounce

pytest.importorskip("espeakng_loader", reason="needs the extra 'synthesis'")

WORDS = ["the", "lamp", "is", "clamp", "lamps", "on", "snow", "boy", "hey", "house", "water", "a"]


def made(count: int, *wanted: str, words: list[str] = WORDS, seed: int = 0) -> list[str]:
    return sentences.texts(count, "en", words, pronounce(wanted, "en"), seed)


def spoken(sentence: str) -> list[str]:
    return sentence.rstrip(".?!").replace(",", "").split()


def test_a_sentence_is_three_to_twelve_of_the_words_with_an_end():
    for sentence in made(100, "lamp"):
        assert sentence[-1] in ".?!" and 3 <= len(spoken(sentence)) <= 12
        assert set(spoken(sentence)) <= set(WORDS)


def test_no_word_holds_the_wanted_one_by_its_sounds():
    said = {word for sentence in made(200, "lamp") for word in spoken(sentence)}
    assert not said & {"lamp", "lamps", "clamp"}
    assert said == set(WORDS) - {"lamp", "lamps", "clamp"}  # all others are used


def test_words_that_are_spelled_otherwise_and_sound_alike_are_left_out():
    found = made(200, "knight", words=["night", "day", "knights", "is"])
    assert {word for sentence in found for word in spoken(sentence)} == {"day", "is"}


@pytest.mark.parametrize("wanted", ["hey lamp", "snowboy", "boy house"])
def test_no_words_in_a_row_make_up_the_wanted_one(wanted):
    """Its words are used, but not behind each other; "snow boy" sounds like "snowboy"."""
    words = ["hey", "lamp", "snow", "boy", "house"]
    found = made(300, wanted, words=words)
    said = {word for sentence in found for word in spoken(sentence)}
    assert said == set(words)
    whole = wanted.replace(" ", "")
    assert not [one for one in found if whole in "".join(spoken(one))]


def test_they_depend_on_the_seed_and_a_longer_list_begins_alike():
    assert made(30, "lamp") == made(30, "lamp") == made(60, "lamp")[:30]
    assert made(30, "lamp", seed=1) != made(30, "lamp")


def test_frequent_words_are_frequent():
    words = lexicon._speakable(f"word{chr(97 + i)}" for i in range(26))
    said = [word for sentence in made(400, "lamp", words=words) for word in spoken(sentence)]
    assert said.count(words[0]) > 1.5 * said.count(words[-1]) > 0


def test_without_a_word_that_may_be_said_there_is_no_sentence():
    assert made(5, "lamp", words=["lamp", "clamp"]) == []
    assert made(0, "lamp") == []


def test_another_language_has_its_own_words():
    found = sentences.texts(5, "de", ["haus", "wasser", "lampe"], pronounce(["lamp"], "en"), 0)
    assert len(found) == 5
