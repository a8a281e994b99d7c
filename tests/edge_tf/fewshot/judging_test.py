"""Figures of episodes: limits, and against counting pairs."""

import numpy as np
import pytest

from edge_tf.fewshot.episodes import Words
from edge_tf.fewshot.judging import judge
from edge_tf.fewshot.recogniser import Recogniser
from edge_tf.settings import EpisodeShape

WORDS = ("a", "b", "c", "d", "e")
LABELS = np.repeat(np.arange(5), 20)
EPISODES = Words(LABELS, [f"{at:03}" for at in range(100)], WORDS, EpisodeShape(3, 2, 9, 8)).draw(
    0, 0, 150
)


def test_words_in_one_point_each_are_all_told_apart():
    found = judge(np.eye(5)[LABELS], EPISODES, Recogniser())
    for share in (found.accuracy, found.auroc, found.open_set):
        assert share.shape == (150,) and (share == 1.0).all()


def test_noise_is_guessing():
    noise = np.random.default_rng(0).normal(size=(100, 16))
    found = judge(noise, EPISODES, Recogniser())
    assert found.accuracy.mean() == pytest.approx(1 / 3, abs=0.05)
    assert found.auroc.mean() == pytest.approx(0.5, abs=0.05)
    assert found.open_set.mean() < found.auroc.mean()


def test_one_point_for_all_is_a_tie():
    found = judge(np.zeros((100, 4)), EPISODES, Recogniser())
    assert (found.auroc == 0.5).all()


def test_figures_are_those_of_counting():
    points = np.random.default_rng(1).normal(size=(100, 3)) + 1.5 * np.eye(5, 3)[LABELS]
    found = judge(points, EPISODES, Recogniser())
    for at in (0, 99, 100, 149):  # on both sides of what is judged at once
        support, known, unknown = (
            points[rows[at]] for rows in (EPISODES.support, EPISODES.known, EPISODES.unknown)
        )
        answers = Recogniser()(support, known)
        right = answers.nearest == EPISODES.known_words
        other = Recogniser()(support, unknown).score
        pairs = [
            (score > low, of_word and score > low)
            for score, of_word in zip(answers.score, right, strict=True)
            for low in other
        ]
        assert found.accuracy[at] == right.mean()
        rejecting = judge(points, EPISODES, Recogniser(), -0.5)
        assert rejecting.accepted[at] == (other >= -0.5).mean()
        assert rejecting.missed[at] == pytest.approx((~right | (answers.score < -0.5)).mean())
        assert (found.auroc[at], found.open_set[at]) == pytest.approx(np.mean(pairs, axis=0))


def test_embeddings_that_are_not_finite_are_wrong():
    points = np.eye(5)[LABELS]
    points[EPISODES.known[0]] = np.nan
    found = judge(points, EPISODES, Recogniser())
    assert found.accuracy[0] == found.auroc[0] == found.open_set[0] == 0.0
