"""Judging on streams: a perfect scorer misses nothing, a silent one everything, and the false
accepts that a threshold lets through are those it is named by.
"""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.data.streams import mixing
from edge_tf.data.streams.mixing import RATE, Mixer
from edge_tf.data.streams.targets import Classes
from edge_tf.training import stream_judge
from edge_tf.training.stream_judge import StreamJudge
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, PLAIN, WORD_HZ, melody, sounds
from tests.edge_tf.training.scorers import CLASSES, FRONTEND, WINDOWS, Scorer


def judge(other: np.ndarray, streams: int = 8, seed: int = 0) -> StreamJudge:
    mixer = Mixer(sounds(), PLAIN, WINDOWS.samples)
    return StreamJudge(mixer, WINDOWS, other, FRONTEND, CLASSES, streams, seed)


@pytest.fixture(autouse=True)
def few_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "_ROOMS", 1)
    monkeypatch.setattr(mixing, "_DEVICES", 1)


@pytest.fixture(scope="module")
def quiet() -> np.ndarray:
    return melody(OTHER_HZ, 15.0)


def test_a_perfect_scorer_misses_nothing(quiet):
    found = judge(quiet)(Scorer())
    assert found.false_rejects == 0.0 and found.threshold < 0.01


def test_a_silent_scorer_misses_every_word(quiet):
    assert judge(quiet)(Scorer(hears=False)).false_rejects == 1.0


@pytest.mark.parametrize("times", [1, 2, 3, 6, 9])
def test_false_accepts_cost_the_thresholds_that_do_not_let_them_through(times):
    """Words in the other sound are accepts at any threshold below 1; four thresholds let 1, 2, 4
    and 8 of them through."""
    pause = melody(OTHER_HZ, 3.0)
    other = np.concatenate(
        [pause, *(x for _ in range(times) for x in (melody(WORD_HZ, 0.45), pause))]
    )
    found = judge(other)(Scorer())
    refused = sum(times > allowed for allowed in (1, 2, 4, 8))
    assert found.false_rejects == pytest.approx(refused / 4)
    assert (found.threshold > 0.99) == (times > 1)


class Deaf(Scorer):
    """Certain of the first word whenever any word is heard."""

    def __call__(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        logits = super().__call__(features)
        return tf.stack([logits[..., 0], logits[..., 1], logits[..., 0] - 50.0], axis=-1)


def test_a_word_that_is_taken_for_another_one_is_a_false_accept(quiet):
    """Of two words that sound the same one is always found, and the other always taken for it."""
    mixer = Mixer(sounds(words=2), PLAIN, WINDOWS.samples)
    classes = Classes.of(("_unknown_", "lamp", "window"))
    judge = StreamJudge(mixer, WINDOWS, quiet, FRONTEND, classes, 60, 0)
    found = judge(Deaf())
    assert found.threshold > 0.99 and found.false_rejects == 1.0


@pytest.mark.parametrize("times", [2, 3, 5])
def test_two_words_may_have_twice_as_many_false_accepts(times):
    pause = melody(OTHER_HZ, 3.0)
    other = np.concatenate(
        [pause, *(x for _ in range(times) for x in (melody(WORD_HZ, 0.45), pause))]
    )
    classes = Classes.of(("_unknown_", "lamp", "window"))
    mixer = Mixer(sounds(), PLAIN, WINDOWS.samples)
    found = StreamJudge(mixer, WINDOWS, other, FRONTEND, classes, 8, 0)(Deaf())
    refused = sum(times > allowed for allowed in (2, 4, 8, 16))
    assert found.false_rejects == pytest.approx(refused / 4)


def test_all_of_the_other_sound_is_heard_wherever_the_word_is(monkeypatch):
    """Chunks overlap so that each window is settled in one of them."""
    monkeypatch.setattr(stream_judge, "_FALSE_ACCEPTS", (0, 1, 2, 4))
    seconds = 30
    for at in range(2, seconds - 2, 3):
        other = melody(OTHER_HZ, float(seconds))
        other[at * RATE : at * RATE + round(0.45 * RATE)] = melody(WORD_HZ, 0.45)
        assert judge(other, streams=5)(Scorer()).false_rejects == pytest.approx(0.25)


def test_the_streams_depend_on_the_seed_only(quiet):
    first, again, other = (judge(quiet, seed=seed)._positive for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_smoothing_is_the_mean_of_the_last_ones_with_zeros_before():
    values = np.arange(1, 6, dtype=np.float32).reshape(1, 5, 1)
    np.testing.assert_allclose(stream_judge._smooth(values, 2)[0, :, 0], [0.5, 1.5, 2.5, 3.5, 4.5])
    np.testing.assert_allclose(stream_judge._smooth(values, 1), values)


def test_equal_probabilities_are_equal_whatever_came_before():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.random((1, 290, 1)), np.ones((1, 10, 1))], axis=1)
    smoothed = stream_judge._smooth(values.astype(np.float32), 5)
    np.testing.assert_array_equal(smoothed[0, -6:], 1.0)


def test_peaks_are_the_highest_that_lie_apart():
    scores = np.array([0.1, 0.9, 0.8, 0.0, 0.7, 0.0], np.float32)
    np.testing.assert_allclose(stream_judge._peaks(scores, 1, 3), [0.9, 0.7, 0.1 * 0])
    np.testing.assert_allclose(stream_judge._peaks(scores, 0, 3), [0.9, 0.8, 0.7])
