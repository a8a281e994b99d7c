"""A word is cut at its quietest place near the middle, and nothing is lost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.data.synthesis.halves import halves


def test_the_cut_is_in_the_pause_between_two_syllables():
    word = np.sin(np.arange(9600) * 0.1).astype(np.float32)
    word[4200:4800] = 0.0
    first, second = halves(word)
    assert 4200 <= len(first) <= 4800 and len(first) + len(second) == 9600


def test_a_pause_far_from_the_middle_does_not_count():
    word = np.sin(np.arange(9600) * 0.1).astype(np.float32)
    word[600:1200] = 0.0
    first, _ = halves(word)
    assert 0.35 * 9600 <= len(first) <= 0.65 * 9600


def test_ends_are_faded_and_the_inside_is_as_it_was():
    word = np.full(8000, 0.5, np.float32)
    first, second = halves(word)
    assert first[-1] == second[0] == 0.0
    np.testing.assert_array_equal(first[200:-200], 0.5)


@given(st.integers(0, 400))
def test_any_length_is_cut(length):
    first, second = halves(np.ones(length, np.float32))
    assert len(first) + len(second) == length
