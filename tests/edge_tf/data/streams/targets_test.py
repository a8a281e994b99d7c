"""Targets of windows: the word's just after it, no other word while it is heard in part, else no
word: silence, or other sound.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams.mixing import Spoken
from edge_tf.data.streams.targets import Classes, Windows

RATE = 16_000
WINDOWS = Windows(frames=620, window=101, every=4, unsettled=116)
CLASSES = Classes.of(("_silence_", "_unknown_", "go", "left"))
SETTLED = WINDOWS.ends - WINDOWS.window + 1 >= WINDOWS.unsettled


def spoken(start: float, end: float, label: int = 1) -> Spoken:
    return Spoken(round(start * RATE), round(end * RATE), label)


def test_windows_are_those_of_the_network_s_output():
    """1 + (frames - window) // every of them, the first of which begins at frame 0."""
    assert len(WINDOWS.ends) == 1 + (620 - 101) // 4
    assert WINDOWS.ends[0] == 100 and set(np.diff(WINDOWS.ends)) == {4}
    assert WINDOWS.ends[-1] < WINDOWS.frames


@given(st.integers(110, 900), st.sampled_from([160, 320]))
def test_a_stream_has_as_many_frames_as_the_front_end_makes_of_its_samples(frames, hop):
    windows = Windows(frames=frames, window=50, every=4, unsettled=0, hop=hop)
    config = FrontendConfig(clip_samples=windows.samples, hop=hop)
    assert config.num_frames == frames


def test_classes_are_words_other_sound_and_silence():
    found = Classes.of(("_silence_", "_unknown_", "go", "left"))
    assert found == Classes(count=4, words=(2, 3), other=1, quiet=0)
    assert found.background == (0, 1)
    assert Classes.of(("_unknown_", "lamp")) == Classes(2, (1,), 0, 0)
    assert Classes.of(("go", "rest"), ["rest"]) == Classes(2, (0,), 1, 1)
    assert Classes.of(("_silence_", "go", "rest"), ["rest"]) == Classes(3, (1,), 2, 0)


@pytest.mark.parametrize(
    "labels", [("go", "left"), ("_silence_", "go"), ("_unknown_", "rest", "go"), ("_unknown_",)]
)
def test_there_is_one_class_of_other_sound_and_a_word(labels):
    with pytest.raises(ValueError, match="classes of other sound"):
        Classes.of(labels, ["rest"])


def test_without_words_each_settled_window_is_of_no_word():
    """Which of the classes that are no word it is, a detector does not ask."""
    found = WINDOWS.targets([], CLASSES)
    assert found.shape == (len(WINDOWS.ends), 4) and found.dtype == np.float32
    np.testing.assert_array_equal(found[SETTLED], [[1, 0.5, 0, 0]] * int(SETTLED.sum()))
    assert not found[~SETTLED].any() and 0 < SETTLED.sum() < len(SETTLED)


@given(st.integers(120, 580), st.integers(1, 60))
def test_a_window_is_of_other_sound_if_it_holds_any(start, length):
    other = Spoken(160 * start + 37, 160 * (start + length) + 37, 0)
    found = WINDOWS.targets([], CLASSES, [other])
    ends = WINDOWS.ends * 160
    holds = (ends > other.start) & (ends - 101 * 160 < other.end) & SETTLED
    np.testing.assert_array_equal(found[holds], [[0.5, 1, 0, 0]] * int(holds.sum()))
    np.testing.assert_array_equal(found[SETTLED & ~holds, 0], 1.0)
    assert holds.any()


@given(st.integers(240, 380), st.integers(20, 90), st.integers(1, 2))
def test_a_word_s_windows_end_just_after_it(start, length, label):
    # Ends of windows are multiples of 160 samples: no bound falls on one.
    word = Spoken(160 * start + 37, 160 * (start + length) + 58, label)
    found = WINDOWS.targets([word], CLASSES)
    mine, another = label + 1, 4 - label
    ends = WINDOWS.ends * WINDOWS.hop
    after = ends - word.end
    is_word = found[:, :2].max(axis=1) < found[:, mine]
    np.testing.assert_array_equal(is_word, (after >= 480) & (after <= 4800) & SETTLED)
    assert not found[:, another].any()
    # Long before its end it is no word. As long as its end is in the window, however long the word
    # is, it is the word or no word: the mean over the window still holds what was heard.
    assert np.all(found[SETTLED & (after < -3200), 0] == 1)
    gone = word.end + 101 * 160 + 1600
    within = SETTLED & (after >= -3200) & (ends < gone) & ~is_word
    assert within.any()
    either = np.eye(4)[mine] + np.eye(4)[0] + np.eye(4)[1]
    np.testing.assert_array_equal(found[within], [either] * int(within.sum()))
    assert np.all(found[SETTLED & (ends >= gone), 0] == 1) and (ends >= gone).any()


def test_nothing_is_asked_where_any_answer_is_right():
    """Around the only word of a network: no other word can be wrong there."""
    only = Classes.of(("_unknown_", "lamp"))
    word = spoken(3.0, 3.4)
    found = WINDOWS.targets([word], only)
    after = WINDOWS.ends * 160 - word.end
    around = SETTLED & (after >= -3200) & (after < 480)
    assert around.any() and not found[around].any()
    assert set(found.sum(axis=1)) == {0.0, 1.0}


def test_a_second_word_is_one_though_the_first_is_still_in_the_window():
    first, second = spoken(2.5, 2.9, 1), spoken(3.0, 3.4, 2)
    both = WINDOWS.targets([first, second], CLASSES)
    alone = [WINDOWS.targets([word], CLASSES) for word in (first, second)]
    is_word = [one[:, :2].max(axis=1) == 0 for one in alone]
    for label, one in zip((2, 3), is_word, strict=True):
        mine = one & SETTLED
        assert mine.any()
        np.testing.assert_array_equal(both[mine], [np.eye(4)[label]] * int(mine.sum()))
    # Between them, where either may be heard, neither is wrong.
    seconds = WINDOWS.ends * 0.01
    between = (seconds > 3.21) & (seconds < 3.42)
    assert between.any() and not both[between].any()


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_what_the_network_has_not_heard_enough_before_is_not_trained_on(start):
    found = WINDOWS.targets([spoken(start, start + 0.4)], Classes.of(("_unknown_", "lamp")))
    assert not found[~SETTLED].any()
    assert not found[:, 1].any()
