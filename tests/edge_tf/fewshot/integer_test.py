"""The integer form of a recogniser: what it approximates, and what it keeps exactly."""

import numpy as np
import pytest

from edge_tf.fewshot import recogniser
from edge_tf.fewshot.integer import IntegerRecogniser, dummies_of
from edge_tf.fewshot.recogniser import Dummies, Recogniser
from firmware_export.runtime.recogniser import prototypes, squared_distances

SCALE, ZERO_POINT = 0.037, -128
WORDS, TAKES, SIZE, UNITS, DUMMIES = 5, 3, 24, 32, 3


def embeddings(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-128, 128, size=shape).astype(np.int8)


def real(values: np.ndarray) -> np.ndarray:
    return SCALE * (values.astype(np.float64) - ZERO_POINT)


def dummies(scale: float = 1.0) -> Dummies:
    """A generator whose dummies lie where embeddings do."""
    rng = np.random.default_rng(7)
    return Dummies(
        rng.normal(size=(SIZE, UNITS)) / 5,
        rng.normal(size=UNITS) / 5,
        scale * rng.normal(size=(UNITS, DUMMIES, SIZE)) / 20,
        scale * rng.uniform(1, 8, size=(DUMMIES, SIZE)),
    )


def test_with_one_take_distances_are_those_of_the_real_embeddings():
    support, queries = embeddings(WORDS, 1, SIZE), embeddings(40, SIZE)
    exact = recogniser.squared_distances(real(queries), real(support[:, 0]))
    found = squared_distances(queries, prototypes(support)) * (SCALE / 8) ** 2
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    ours, theirs = (
        IntegerRecogniser.of(Recogniser(), SCALE, ZERO_POINT)(support, queries),
        Recogniser()(real(support), real(queries)),
    )
    assert np.array_equal(ours.nearest, theirs.nearest)


def test_order_of_takes_and_words_changes_no_bit():
    support, queries = embeddings(WORDS, TAKES, SIZE), embeddings(40, SIZE)
    recognise = IntegerRecogniser.of(Recogniser(dummies(), 3.0), SCALE, ZERO_POINT)
    found = recognise(support, queries)
    order = np.array([3, 1, 4, 0, 2])
    other = recognise(support[order][:, ::-1], queries)
    assert np.array_equal(order[other.nearest], found.nearest)
    assert np.array_equal(other.score, found.score)


def test_dummies_are_near_those_in_float():
    """Within a step of int8, wherever the float ones are inside the range of int16."""
    support = embeddings(50, WORDS, TAKES, SIZE)
    exact = dummies()(recogniser.prototypes(real(support)))
    found = dummies_of(dummies(), SCALE, ZERO_POINT)(prototypes(support))
    assert found.dtype == np.int16 and found.shape == exact.shape
    assert np.abs(SCALE * (found / 8 - ZERO_POINT) - exact).max() < SCALE


def test_scores_are_near_those_in_float():
    support, queries = embeddings(WORDS, TAKES, SIZE), embeddings(200, SIZE)
    exact = Recogniser(dummies(), 3.0)
    found = IntegerRecogniser.of(exact, SCALE, ZERO_POINT)(support, queries)
    expected = exact(real(support), real(queries))
    assert np.array_equal(found.nearest, expected.nearest)
    score = found.score / 256 / 3 * (SCALE / 8) ** 2
    assert np.abs(score - expected.score).max() < 0.01 * np.ptp(expected.score)


@pytest.mark.parametrize("factor", [0.0, 1e-6, 1e6])
def test_dummies_far_out_or_in_one_point_neither_overflow_nor_divide_by_zero(factor):
    made = dummies_of(dummies(factor), SCALE, ZERO_POINT)
    found = made(prototypes(embeddings(WORDS, TAKES, SIZE)))
    exact = dummies(factor)(recogniser.prototypes(real(embeddings(WORDS, TAKES, SIZE))))
    expected = np.clip(8 * (exact / SCALE + ZERO_POINT), -(2**15), 2**15 - 1)
    assert np.abs(found - expected).max() <= 8


def test_a_generator_of_zeros_gives_its_offsets():
    zero = Dummies(*(np.zeros_like(vars(dummies())[name]) for name in recogniser.DUMMY_WEIGHTS))
    found = dummies_of(zero, SCALE, ZERO_POINT)(prototypes(embeddings(2, 1, SIZE)))
    assert (found == 8 * ZERO_POINT).all()


def test_whole_arrays_of_episodes_are_answered_as_single_ones():
    support, queries = embeddings(4, WORDS, TAKES, SIZE), embeddings(4, 7, SIZE)
    recognise = IntegerRecogniser.of(Recogniser(dummies(), 3.0), SCALE, ZERO_POINT)
    whole = recognise(support, queries)
    for at in range(4):
        one = recognise(support[at], queries[at])
        assert np.array_equal(one.nearest, whole.nearest[at])
        assert np.array_equal(one.score, whole.score[at])
