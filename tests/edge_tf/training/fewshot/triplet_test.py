"""Triplet loss: against a loop over triplets, and at its limits."""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.training.fewshot.triplet import TripletLoss, triplet_loss
from tests.edge_tf.training.fewshot.drawn import OTHERS, SHOTS, WAYS, embedded, parts


def by_loop(points: np.ndarray, words: list[int], margin: float) -> float:
    found = []
    for a, word in enumerate(words):
        for p, same in enumerate(words):
            for n, other in enumerate(words):
                if a != p and same == word and other != word:
                    near, far = ((points[a] - points[i]) ** 2 for i in (p, n))
                    found.append(near.sum() - far.sum() + margin)
    violated = [excess for excess in found if excess > 0]
    return float(np.mean(violated)) if violated else 0.0


def test_it_is_the_mean_over_all_violating_triplets():
    points = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    words = [0, 0, 0, 1, 1, 2, 2, 2, 2]
    loss = triplet_loss(tf.constant(points), tf.constant(words), 0.7)
    assert float(loss) == pytest.approx(by_loop(points, words, 0.7), rel=1e-4)


def test_words_further_apart_than_the_margin_cost_nothing():
    points = tf.constant([[0.0, 0.0], [0.1, 0.0], [3.0, 0.0], [3.1, 0.0]])
    assert float(triplet_loss(points, tf.constant([0, 0, 1, 1]), 1.0)) == 0.0
    assert float(triplet_loss(points, tf.constant([0, 1, 0, 1]), 1.0)) > 0.0


def test_equal_points_cost_the_margin():
    loss = triplet_loss(tf.zeros([4, 3]), tf.constant([0, 0, 1, 1]), 0.4)
    assert float(loss) == pytest.approx(0.4)


def test_shifts_and_orders_do_not_matter():
    points = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    words = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    order = np.random.default_rng(1).permutation(8)
    loss = triplet_loss(tf.constant(points), tf.constant(words), 1.0)
    for other, of in ((points + 5.0, words), (points[order], words[order])):
        changed = triplet_loss(tf.constant(other), tf.constant(of), 1.0)
        assert float(changed) == pytest.approx(float(loss), rel=1e-4)


def test_an_episode_is_all_its_clips_with_all_its_words():
    support, known, unknown = parts()
    logits, loss = TripletLoss(1.0)(embedded(support, known, unknown))
    words = [
        *np.repeat(np.arange(WAYS), SHOTS),
        *np.arange(len(known)) % WAYS,
        *WAYS + np.arange(len(unknown)) % OTHERS,
    ]
    points = np.concatenate([support.reshape(-1, support.shape[-1]), known, unknown])
    assert float(loss) == pytest.approx(by_loop(points, words, 1.0), rel=1e-4)
    assert logits.shape == (len(known), WAYS)
