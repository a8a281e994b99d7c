"""Accents change vowels, r and stress as their habits say, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.data.synthesis import accents

COMPUTER = [["k", "ə", "m", "p", "j", "ˈuː", "ɾ", "ɚ"]]
MIRROR = [["s", "m", "ˈɑːɹ", "t"], ["m", "ˈɪ", "ɹ", "ɚ"]]
SOUNDS = st.sampled_from(("k", "ə", "ˈuː", "ɾ", "ɚ", "ˌeɪ", "ð", "w", "ɑːɹ", "z", "h", "ˈɪ"))


@pytest.mark.parametrize(
    ("accent", "computer", "mirror"),
    [
        ("", "kəmpjˈuːɾɚ", "smˈɑːɹt mˈɪɹɚ"),
        ("full vowels", "kɔmpjˈuːtɛɹ", "smˈɑːɹt mˈɪɹɔɹ"),
        ("full vowels, first stressed", "kˈɔmpjuːtɛɹ", "smˈɑːɹt mˈɪɹɔɹ"),
        ("all stressed", "kˈəmpjˈuːtˈɚ", "smˈɑːɹt mˈɪɹˈɚ"),
        ("short, open", "kəmpjˈutɚ", "smˈaɹt mˈiɹɚ"),
        ("rolled r", "kəmpjˈuːtər", "smˈɑːrt mˈɪrər"),
        ("pure", "kəmpjˈuːtɚ", "smˈɑːɹt mˈɪɹɚ"),
    ],
)
def test_habits_by_hand(accent, computer, mirror):
    for words, text, wanted in (
        (COMPUTER, "computer", computer),
        (MIRROR, "smart mirror", mirror),
    ):
        found = accents.spoken(words, text, accent)
        assert " ".join("".join(word) for word in found) == wanted


@pytest.mark.parametrize(
    ("accent", "word", "text", "wanted"),
    [
        ("t for th", ["ð", "ˈɪ", "s"], "this", "dˈɪs"),
        ("s for th", ["θ", "ˈɪ", "ŋ"], "thing", "sˈɪŋ"),
        ("v for w", ["w", "ˈɪ", "ð"], "with", "vˈɪð"),
        ("hard ends", ["d", "ˈɔ", "ɡ"], "dog", "dˈɔk"),
        ("no h", ["h", "ˈeɪ"], "hey", "ˈeɪ"),
        ("pure", ["ɡ", "ˈoʊ"], "go", "ɡˈoː"),
        # An e that is not said is no vowel; without agreement of letters and sounds it is an a.
        ("full vowels", ["k", "ˈæ", "m", "ə", "l"], "camel", "kˈæmɛl"),
        ("full vowels", ["ˈiː", "ɡ", "ə", "l"], "eagle", "ˈiːɡɛl"),
        ("full vowels", ["ˈɪ", "z", "ə"], "xyzzy-plugh", "ˈɪza"),
    ],
)
def test_further_habits(accent, word, text, wanted):
    (found,) = accents.spoken([word], text, accent)
    assert "".join(found) == wanted


@given(st.lists(st.lists(SOUNDS, min_size=1, max_size=6), max_size=4), st.integers(0, 10**6))
def test_a_drawn_accent_keeps_words_and_is_the_same_again(words, seed):
    accent = accents.draw(np.random.default_rng(seed))
    assert accent == accents.draw(np.random.default_rng(seed)) and accents.habits(accent)
    found = accents.spoken(words, "some text", accent)
    assert len(found) == len(words)
    for mine, theirs in zip(found, words, strict=True):
        assert len(theirs) - len(mine) == (theirs[0] == "h" and "no h" in accents.habits(accent))
        assert "ɾ" not in "".join(mine)
    assert accents.spoken(words, "some text", "") == words


def test_every_habit_is_drawn_and_none_beside_its_rival():
    drawn = [accents.habits(accents.draw(np.random.default_rng(i))) for i in range(500)]
    every = {name for group in accents._HABITS for name in group}
    assert set().union(*drawn) == every
    for group in accents._HABITS:
        assert all(len(mine & set(group)) <= 1 for mine in drawn)


def test_an_unknown_habit_is_no_accent():
    with pytest.raises(ValueError, match="lisp"):
        accents.spoken(COMPUTER, "computer", "rolled r, lisp")
