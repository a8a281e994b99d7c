"""The recogniser's arithmetic, against Python's own integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_export.runtime import recogniser
from firmware_export.runtime.recogniser import (
    DummyGenerator,
    Recogniser,
    prototypes,
    squared_distances,
)
from tests.firmware_export.runtime import generators

WORDS, TAKES, SIZE, UNITS, DUMMIES = 4, 3, 9, 5, 2


def embeddings(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-128, 128, size=shape).astype(np.int8)


def generator(seed: int, shifts: tuple[int, int] = (16, 14)) -> DummyGenerator:
    return generators.generator((SIZE, UNITS, DUMMIES), seed, shifts, (30, 30))


def by_hand(takes: list[list[int]], query: list[int]) -> int:
    """Distance of a query from the prototype of takes."""
    total = 0
    for at, value in enumerate(query):
        summed = 8 * sum(take[at] for take in takes)
        rounded = (2 * abs(summed) + len(takes)) // (2 * len(takes))
        total += (8 * value - (rounded if summed >= 0 else -rounded)) ** 2
    return total


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_prototypes_and_distances_are_those_of_the_formula(takes, seed):
    support, queries = embeddings(2, takes, 9, seed=seed), embeddings(4, 9, seed=seed)
    found = squared_distances(queries, prototypes(support))
    expected = [[by_hand(word.tolist(), query.tolist()) for word in support] for query in queries]
    assert found.dtype == np.int32 and found.tolist() == expected


def test_the_largest_distance_fits_int32_and_a_longer_embedding_is_refused():
    size = recogniser.LARGEST_EMBEDDING
    lowest, highest = np.full((1, size), -128, np.int8), np.full((1, 1, size), 127, np.int8)
    found = squared_distances(lowest, prototypes(highest))
    assert int(found[0, 0]) == (8 * 255) ** 2 * size < 2**31
    with pytest.raises(ValueError, match="more than 512 values"):
        squared_distances(np.zeros((1, size + 1), np.int8), np.zeros((1, size + 1), np.int16))


def test_rounding_a_prototype_moves_it_by_a_sixteenth_of_a_step():
    support = embeddings(WORDS, 7, SIZE)
    exact = support.astype(np.float64).mean(axis=1)
    assert np.abs(prototypes(support) / 8 - exact).max() <= 1 / 16


def test_equal_distances_are_the_first_words():
    support = np.repeat(embeddings(1, TAKES, SIZE), 3, axis=0)
    assert not Recogniser()(support, embeddings(9, SIZE))[0].any()


def shifted_by_hand(total: int, shift: int) -> int:
    return max(-(2**15), min(2**15 - 1, (total + ((1 << shift) >> 1)) >> shift))


def dummies_by_hand(made: DummyGenerator, words: list[list[int]]) -> list[list[int]]:
    hidden = []
    for unit in range(UNITS):
        weights = made.hidden[:, unit].tolist()
        values = [
            shifted_by_hand(
                sum(w * p for w, p in zip(weights, word, strict=True))
                + int(made.hidden_bias[unit]),
                made.hidden_shift,
            )
            for word in words
        ]
        hidden.append(max(0, *values))
    return [
        [
            shifted_by_hand(
                sum(int(made.output[u, at, i]) * hidden[u] for u in range(UNITS))
                + int(made.output_bias[at, i]),
                made.output_shift,
            )
            for i in range(SIZE)
        ]
        for at in range(DUMMIES)
    ]


@given(st.integers(0, 2**32 - 1), st.sampled_from([(16, 14), (0, 0), (12, 3), (40, 40)]))
def test_dummies_are_those_of_the_formula(seed, shifts):
    words = prototypes(embeddings(WORDS, TAKES, SIZE, seed=seed))
    made = generator(seed, shifts)
    assert made(words).tolist() == dummies_by_hand(made, words.tolist())


def test_a_distance_to_a_dummy_far_away_saturates():
    far = np.full((1, SIZE), -(2**15), np.int16)
    found = squared_distances(np.full((1, SIZE), 127, np.int8), far)
    assert found.tolist() == [[2**31 - 1]]


def test_the_score_weighs_both_distances():
    support, queries = embeddings(WORDS, TAKES, SIZE), embeddings(20, SIZE)
    made = generator(3)
    nearest, score = Recogniser(made, 700)(support, queries)
    words = prototypes(support)
    for at, query in enumerate(queries):
        to_words = squared_distances(query[np.newaxis], words)[0].tolist()
        to_dummies = squared_distances(query[np.newaxis], made(words))[0].tolist()
        assert nearest[at] == to_words.index(min(to_words))
        assert score[at] == 256 * min(to_dummies) - 700 * min(to_words)
