"""The recogniser: its limits, and that order does not matter."""

import numpy as np
import pytest

from edge_tf.fewshot.recogniser import UNDECIDED, Dummies, Recogniser, prototypes

WORDS, TAKES, SIZE, UNITS, DUMMIES = 5, 3, 8, 6, 2


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def dummies() -> Dummies:
    return Dummies(
        drawn(SIZE, UNITS), drawn(UNITS), drawn(UNITS, DUMMIES, SIZE), drawn(DUMMIES, SIZE)
    )


BOTH = pytest.mark.parametrize("recognise", [Recogniser(), Recogniser(dummies(), 3.0)])


@BOTH
def test_a_take_itself_is_its_word_when_there_is_one_take(recognise):
    takes = drawn(WORDS, 1, SIZE)
    found = recognise(takes, takes[:, 0])
    assert np.array_equal(found.nearest, np.arange(WORDS))


@BOTH
def test_order_of_takes_does_not_matter_and_words_are_renumbered(recognise):
    takes, queries = drawn(WORDS, TAKES, SIZE), drawn(20, SIZE)
    found = recognise(takes, queries)
    order = np.array([3, 1, 4, 0, 2])
    other = recognise(takes[order][:, ::-1], queries)
    assert np.array_equal(order[other.nearest], found.nearest)
    np.testing.assert_allclose(other.score, found.score)


def test_without_dummies_the_score_falls_with_the_distance():
    takes = drawn(WORDS, TAKES, SIZE)
    centre = prototypes(takes)[2]
    steps = np.linspace(0.0, 0.5, 6)[:, np.newaxis] * np.eye(SIZE)[0]
    found = Recogniser()(takes, centre + steps)
    np.testing.assert_allclose(found.score, -(np.linspace(0.0, 0.5, 6) ** 2), atol=1e-12)
    assert (found.nearest == 2).all()


def test_at_a_dummy_and_at_a_word_the_score_says_which():
    takes = drawn(WORDS, TAKES, SIZE)
    words = prototypes(takes)
    recognise = Recogniser(dummies(), 3.0)
    at_dummies = recognise(takes, dummies()(words)).score
    at_words = recognise(takes, words).score
    assert (at_dummies <= 0).all() and (at_words >= 0).all()


def test_dummies_far_away_rank_as_no_dummies_do():
    takes, queries = drawn(WORDS, TAKES, SIZE), drawn(20, SIZE)
    far = Dummies(
        np.zeros((SIZE, UNITS)),
        np.zeros(UNITS),
        np.zeros((UNITS, 1, SIZE)),
        np.full((1, SIZE), 1e6),
    )
    far_score = Recogniser(far, 1e12)(takes, queries).score
    assert np.array_equal(np.argsort(far_score), np.argsort(Recogniser()(takes, queries).score))


def test_whole_arrays_of_episodes_are_answered_as_single_ones():
    takes, queries = drawn(4, WORDS, TAKES, SIZE), drawn(4, 7, SIZE)
    recognise = Recogniser(dummies(), 3.0)
    whole = recognise(takes, queries)
    for at in range(4):
        one = recognise(takes[at], queries[at])
        assert np.array_equal(one.nearest, whole.nearest[at])
        np.testing.assert_allclose(one.score, whole.score[at])


def test_what_is_not_finite_is_no_word():
    takes, queries = drawn(WORDS, TAKES, SIZE), drawn(3, SIZE)
    queries[1, 0] = np.nan
    assert Recogniser()(takes, queries).nearest[1] == UNDECIDED


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="hidden_bias has shape"):
        Dummies(drawn(SIZE, UNITS), drawn(2), drawn(UNITS, DUMMIES, SIZE), drawn(DUMMIES, SIZE))
