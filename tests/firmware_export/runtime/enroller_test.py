"""Enroller and stream in Python: which takes make a word, and when a word is told."""

import numpy as np

from firmware_export.frontend.config import LogMel
from firmware_export.runtime.enroller import Enroller, StreamLimits, Told, WordStream
from firmware_export.runtime.recogniser import MOST_TAKES, Recogniser, prototypes
from firmware_export.runtime.takes import Take, Verdict
from tests.firmware_export.runtime import compiled
from tests.firmware_export.runtime.takes_test import LIMITS, sound

CONFIG = LogMel.from_dict(compiled.FRONTEND)
WORDS = np.array([[0, 0, 0], [400, 0, 0]], np.int16)
LIMIT = StreamLimits(frames=1, settle=3, pause=4, threshold=-20_000)


def take_of(enroller: Enroller, *values: int) -> Take:
    """A good take whose embedding has these values."""
    take = enroller.begin_take()
    for level in sound(LIMITS.frames, 40, 30):
        take.push(np.full(40, level - 128, np.int8), np.array(values, np.int8))
    return take


def test_a_word_is_the_mean_of_the_takes_that_were_taken():
    enroller = Enroller(LIMITS, unlike=64 * 12)
    assert enroller.add_take(take_of(enroller, 10, 0, 5)) == Verdict.TAKEN
    assert enroller.add_take(take_of(enroller, 13, 0, 5)) == Verdict.TAKEN
    assert enroller.add_take(take_of(enroller, 90, 0, 5)) == Verdict.UNLIKE
    assert enroller.add_take(enroller.begin_take()) == Verdict.SHORT
    assert len(enroller) == 2
    taken = np.array([[10, 0, 5], [13, 0, 5]], np.int8)
    np.testing.assert_array_equal(enroller.prototype(), prototypes(taken))


def test_unlike_is_further_than_the_limit_from_the_mean_so_far():
    for apart, verdict in ((3, Verdict.TAKEN), (4, Verdict.UNLIKE)):
        enroller = Enroller(LIMITS, unlike=64 * 9)
        enroller.add_take(take_of(enroller, 10, 0, 0))
        assert enroller.add_take(take_of(enroller, 10 + apart, 0, 0)) == verdict


def test_a_word_has_no_more_than_the_most_takes():
    enroller = Enroller(LIMITS, unlike=0)
    take = take_of(enroller, 1, 2, 3)
    found = [enroller.add_take(take) for _ in range(MOST_TAKES + 1)]
    assert found == [Verdict.TAKEN] * MOST_TAKES + [Verdict.FULL]


def told(values: list[int], words: np.ndarray = WORDS) -> list[tuple[int, Told]]:
    stream = WordStream(LIMIT, Recogniser(), words)
    answers = (stream.push(np.array([value, 0, 0], np.int8)) for value in values)
    return [(at, answer) for at, answer in enumerate(answers) if answer is not None]


def test_a_word_is_told_once_with_its_best_score():
    """Far, near, nearest, then away; -20,000 is a distance of 17.7 steps."""
    found = told([100, 100, 60, 52, 49, 52, 100, 100, 100])
    assert found == [(7, Told(1, 64, -64))]


def test_a_score_below_the_threshold_is_no_word():
    assert told([100] * 20) == []
    assert told([50 + 18] * 20) == []
    assert [at for at, _ in told([50 + 17] * 4)] == [3]


def test_after_a_word_there_is_a_pause():
    """Told at the 3rd decision after its best, then 4 are left out."""
    assert [at for at, _ in told([50] * 16)] == [3, 11]


def test_the_word_of_the_best_score_is_told_even_if_another_came_first():
    (_, only), *_ = told([12, 12, 45, 50, 100, 100, 100])
    assert only.word == 1


def test_without_words_nothing_is_told():
    assert told([0] * 9, np.zeros((0, 3), np.int16)) == []


def test_times_follow_from_the_front_end():
    assert StreamLimits.of(CONFIG, 1, 5) == StreamLimits(1, 10, 51, 5)
    assert StreamLimits.of(CONFIG, 3, 5) == StreamLimits(3, 4, 17, 5)
    assert StreamLimits.of(CONFIG, 10, 5) == StreamLimits(10, 1, 6, 5)
