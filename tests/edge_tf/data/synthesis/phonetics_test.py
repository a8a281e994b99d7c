"""The distance of phonemes is a metric, and words that sound alike are near."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.data.synthesis import phonetics

WORDS = st.lists(st.integers(0, len(phonetics.PHONEMES) - 1), max_size=6).map(tuple)


def test_substitution_is_a_metric():
    cost = phonetics.SUBSTITUTION
    assert (cost == cost.T).all() and (np.diag(cost) == 0).all()
    assert (cost + np.eye(len(cost)) > 0.05).all()  # no two phonemes are one
    assert (cost[:, None, :] <= cost[:, :, None] + cost[None] + 1e-6).all()
    assert cost.max() <= 2 * phonetics.GAP  # else to substitute would never pay


@settings(max_examples=40)
@given(WORDS, WORDS, WORDS)
def test_edit_distance_is_a_metric(a, b, c):
    assert phonetics.distance(a, a) == 0
    assert phonetics.distance(a, b) == pytest.approx(phonetics.distance(b, a), abs=1e-5)
    assert a == b or phonetics.distance(a, b) > 0
    around = phonetics.distance(a, b) + phonetics.distance(b, c)
    assert phonetics.distance(a, c) <= around + 1e-5


@settings(max_examples=20)
@given(WORDS, WORDS)
def test_table_holds_the_distances_of_all_beginnings(target, word):
    table = phonetics.distances(target, [word, ()])
    for length in range(len(target) + 1):
        alone = phonetics.distance(target[:length], word)
        assert table[length, 0] == pytest.approx(alone, abs=1e-5)
        assert table[length, 1] == pytest.approx(phonetics.GAP * length, abs=1e-5)


@settings(max_examples=40)
@given(WORDS, WORDS, WORDS)
def test_a_word_is_anywhere_in_what_holds_it(before, word, after):
    inside = phonetics.distances(word, [before + word + after], anywhere=True)[-1, 0]
    assert inside == 0


def test_the_nearest_part_is_never_farther_than_the_whole():
    words = [phonetics.encode(word) for word in ("kæt", "kæts", "dɒɡ", "skætəd", "")]
    near = phonetics.distances(words[0], words, anywhere=True)[-1]
    assert (near <= phonetics.distances(words[0], words)[-1]).all()
    assert near.tolist()[:2] == [0, 0] and near[2] > 0.5


def test_what_is_articulated_alike_costs_less():
    def cost(first: str, second: str) -> float:
        return phonetics.distance(phonetics.encode([first]), phonetics.encode([second]))

    assert cost("p", "b") < cost("p", "m") < cost("p", "s")
    assert cost("ɪ", "i") < cost("ɪ", "ʌ") < cost("ɪ", "t")
    assert cost("s", "ʃ") < cost("s", "l")


def test_stress_length_and_unknown_signs_do_not_count():
    assert phonetics.encode(["k", "ˈuː", "t"]) == phonetics.encode(["k", "u", "t"])
    assert phonetics.encode(["ǃ", "n̩"]) == phonetics.encode(["ə", "n"])
    assert phonetics.decode(phonetics.encode(["tʃ", "ˈaɪ", "dʒ"])) == "tʃaɪdʒ"
