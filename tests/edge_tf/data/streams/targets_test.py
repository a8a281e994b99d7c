"""Targets of windows: the word's just after it, nothing while it is heard in part, else no word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams.mixing import Spoken
from edge_tf.data.streams.targets import Windows

RATE = 16_000
WINDOWS = Windows(frames=620, window=101, every=4, unsettled=116)
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


def test_without_words_each_settled_window_is_of_no_word():
    found = WINDOWS.targets([], 3)
    assert found.shape == (len(WINDOWS.ends), 3) and found.dtype == np.float32
    np.testing.assert_array_equal(found[SETTLED], [[1, 0, 0]] * int(SETTLED.sum()))
    assert not found[~SETTLED].any() and 0 < SETTLED.sum() < len(SETTLED)


@given(st.integers(240, 380), st.integers(20, 90), st.integers(1, 2))
def test_a_word_s_windows_end_just_after_it(start, length, label):
    # Ends of windows are multiples of 160 samples: no bound falls on one.
    word = Spoken(160 * start + 37, 160 * (start + length) + 58, label)
    found = WINDOWS.targets([word], 3)
    assert set(found.sum(axis=1)) <= {0.0, 1.0}
    ends = WINDOWS.ends * WINDOWS.hop
    after = ends - word.end
    is_word = found[:, label] == 1
    np.testing.assert_array_equal(is_word, (after >= 480) & (after <= 4800) & SETTLED)
    assert not found[:, 3 - label].any()
    # Long before its end it is no word. As long as its end is in the window, however long the word
    # is, it is the word or nothing is asked: the mean over the window still holds what was heard.
    assert np.all(found[SETTLED & (after < -3200), 0] == 1)
    gone = word.end + 101 * 160 + 1600
    within = (after >= -3200) & (ends < gone) & ~is_word
    assert within.any() and not found[within].any()
    assert np.all(found[SETTLED & (ends >= gone), 0] == 1) and (ends >= gone).any()


def test_a_second_word_is_one_though_the_first_is_still_in_the_window():
    first, second = spoken(2.5, 2.9, 1), spoken(3.0, 3.4, 2)
    both = WINDOWS.targets([first, second], 3)
    np.testing.assert_array_equal(both[:, 1], WINDOWS.targets([first], 3)[:, 1])
    np.testing.assert_array_equal(both[:, 2], WINDOWS.targets([second], 3)[:, 2])
    assert both[:, 1].any() and both[:, 2].any()


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_what_the_network_has_not_heard_enough_before_is_not_trained_on(start):
    found = WINDOWS.targets([spoken(start, start + 0.4)], 2)
    assert not found[~SETTLED].any()
    assert not found[:, 1].any()
