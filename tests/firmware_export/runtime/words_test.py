"""The words of a device in Python; their bytes are compared with C's in words_c_test.py."""

import numpy as np
import pytest

from firmware_export.runtime.words import Words, WordsError, identity_of

NETWORK = identity_of(b"a network")
SIZE = 5


def learnt() -> Words:
    words = Words(SIZE, NETWORK)
    for number, name in enumerate(("lights", "door", "caf\u00e9")):
        words = words.with_word(name, np.arange(SIZE, dtype=np.int16) * 50 - 20 * number)
    return words


def test_words_survive_their_blob():
    words = Words.from_bytes(learnt().to_bytes(), SIZE, NETWORK)
    assert words.names == ["lights", "door", "caf\u00e9"]
    np.testing.assert_array_equal(words.prototypes, learnt().prototypes)
    assert words.prototypes.dtype == np.int16
    empty = Words.from_bytes(Words(SIZE, NETWORK).to_bytes(), SIZE, NETWORK)
    assert empty.names == [] and empty.prototypes.shape == (0, SIZE)


def test_removing_a_word_leaves_the_others():
    left = learnt().without("door")
    assert left.names == ["lights", "caf\u00e9"]
    np.testing.assert_array_equal(left.prototypes, learnt().prototypes[[0, 2]])
    with pytest.raises(WordsError, match="no word 'door'; the words are: lights, caf"):
        left.without("door")
    with pytest.raises(WordsError, match="the words are: none"):
        Words(SIZE, NETWORK).without("door")


def test_a_word_is_added_once():
    with pytest.raises(WordsError, match="there is a word 'door' already; remove it first"):
        learnt().with_word("door", np.zeros(SIZE, np.int16))


@pytest.mark.parametrize("name", ["", "a" * 16, "\u00e9" * 8, "a\tb", "a\0b", "\ud800"])
def test_names_that_a_device_cannot_keep_are_refused(name):
    with pytest.raises(WordsError, match="cannot be the name of a word; use 1 to 15 bytes"):
        learnt().with_word(name, np.zeros(SIZE, np.int16))


def test_what_differs_is_told():
    blob = learnt().to_bytes()
    with pytest.raises(WordsError, match="learnt with another network"):
        Words.from_bytes(blob, SIZE, identity_of(b"another"))
    with pytest.raises(WordsError, match="learnt with another network"):
        Words.from_bytes(blob, SIZE + 1, NETWORK)
    with pytest.raises(WordsError, match="it is no file of words"):
        Words.from_bytes(b"RIFF" + blob[4:], SIZE, NETWORK)
    with pytest.raises(WordsError, match="its checksum is another"):
        Words.from_bytes(blob[:-1] + b"\0", SIZE, NETWORK)
    with pytest.raises(WordsError, match=r"it is damaged: \d+ bytes for 3 words"):
        Words.from_bytes(blob + b"\0", SIZE, NETWORK)
