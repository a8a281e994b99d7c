"""What counts as a hit, a false accept and a second detection, and how late a hit is."""

import pytest

from edge_tf.evaluation.streams.judging import LATENESS_S, SECOND_S, judge
from edge_tf.evaluation.streams.stream_scene import Event

RATE, HOP = 16_000, 160
NO, STOP, YES = 2, 3, 4
EVENTS = [Event(2 * RATE, 3 * RATE, YES, 10.0), Event(6 * RATE, 7 * RATE, NO, 10.0)]


def frame(seconds: float) -> int:
    return round(seconds * RATE / HOP)


@pytest.mark.parametrize(
    ("found", "delays", "false", "seconds"),
    [
        ([], [None, None], 0, 0),
        ([(2.5, YES), (6.5, NO)], [-0.5, -0.5], 0, 0),
        ([(2.0, YES)], [-1.0, None], 0, 0),
        ([(1.99, YES)], [None, None], 1, 0),
        ([(3.0 + LATENESS_S, YES)], [LATENESS_S, None], 0, 0),
        ([(3.01 + LATENESS_S, YES)], [None, None], 1, 0),
        ([(2.5, NO)], [None, None], 1, 0),
        ([(2.5, NO), (2.9, YES)], [-0.1, None], 1, 0),
        ([(2.5, YES), (3.2, YES)], [-0.5, None], 1, 1),
        ([(2.5, YES), (3.2, NO)], [-0.5, None], 1, 0),
        ([(2.5, YES), (3.0 + SECOND_S, YES)], [-0.5, None], 1, 1),
        ([(2.5, YES), (3.01 + SECOND_S, YES)], [-0.5, None], 1, 0),
        ([(2.5, YES), (3.0, YES), (3.5, YES), (6.5, NO), (7.5, NO)], [-0.5, -0.5], 3, 3),
        ([(0.0, YES), (15.0, NO)], [None, None], 2, 0),
        ([(6.5, YES), (6.6, NO)], [None, -0.4], 1, 0),
    ],
    ids=[
        *("nothing", "both", "with its first sample", "before it", "just in time", "too late"),
        *("another word", "another word first", "twice", "then as another word"),
        *("again at the last", "again long after", "three times and twice", "far from any"),
        "as the word before",
    ],
)
def test_what_is_a_hit_and_what_is_false(found, delays, false, seconds):
    judged = judge([(frame(at), label) for at, label in found], EVENTS, HOP, RATE)
    told = [None if delay is None else delay / RATE for delay in judged.delays]
    assert told == pytest.approx(delays)
    assert (judged.false_accepts, judged.seconds) == (false, seconds)


def test_of_two_words_that_follow_closely_each_has_its_detection():
    """The first is detected when the second has begun."""
    words = [Event(RATE, 2 * RATE, YES, None), Event(round(2.2 * RATE), 3 * RATE, YES, None)]
    found = [(frame(2.3), YES), (frame(3.1), YES), (frame(3.3), YES)]
    judged = judge(found, words, HOP, RATE)
    assert judged.delays == [round(0.3 * RATE), round(0.1 * RATE)]
    assert (judged.false_accepts, judged.seconds) == (1, 1)


def test_without_keywords_all_is_false():
    assert judge([(3, YES), (300, NO)], [], HOP, RATE) == ([], 2, 0)
