"""Prototypical networks: what the loss is at its limits, and against plain NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.training.fewshot.prototypes import PrototypeLoss, class_means, squared_distances
from tests.edge_tf.training.fewshot.drawn import QUERIES, WAYS, embedded, parts


def test_distances_and_loss_are_those_of_the_formula():
    support, known, unknown = parts()
    logits, loss = PrototypeLoss()(embedded(support, known, unknown))
    expected = np.array(
        [[-((q - takes.mean(axis=0)) ** 2).sum() for takes in support] for q in known]
    )
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    shares = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    of_word = shares[np.arange(QUERIES), np.arange(QUERIES) % WAYS]
    assert float(loss) == pytest.approx(-np.log(of_word).mean(), rel=1e-5)


def test_with_one_shot_the_nearest_mean_is_the_nearest_neighbour():
    support, known, unknown = parts(shots=1)
    logits, _ = PrototypeLoss()(embedded(support, known, unknown))
    neighbours = np.linalg.norm(known[:, np.newaxis] - support[:, 0], axis=-1).argmin(axis=1)
    assert np.array_equal(np.argmax(logits, axis=1), neighbours)


def test_the_order_of_takes_does_not_matter_and_that_of_words_only_moves_columns():
    support, known, unknown = parts()
    logits, loss = PrototypeLoss()(embedded(support, known, unknown))
    shuffled, same = PrototypeLoss()(embedded(support[:, ::-1].copy(), known, unknown))
    np.testing.assert_allclose(shuffled, logits, rtol=1e-5)
    assert float(same) == pytest.approx(float(loss), rel=1e-6)
    order = [2, 0, 3, 1]  # the word of query i must stay in place i % ways
    moved = known.reshape(-1, WAYS, known.shape[1])[:, order].reshape(known.shape)
    permuted, same = PrototypeLoss()(embedded(support[order], moved, unknown))
    unmoved = logits.numpy().reshape(-1, WAYS, WAYS)[:, order][:, :, order].reshape(-1, WAYS)
    np.testing.assert_allclose(permuted, unmoved, rtol=1e-5)
    assert float(same) == pytest.approx(float(loss), rel=1e-6)


def test_one_word_costs_nothing_and_equal_words_cost_a_guess():
    support, known, unknown = parts()
    _, one = PrototypeLoss()(embedded(support[:1], known, unknown))
    _, equal = PrototypeLoss()(embedded(np.repeat(support[:1], WAYS, 0), known, unknown))
    assert float(one) == 0.0
    assert float(equal) == pytest.approx(np.log(WAYS), rel=1e-5)


def test_distances_also_take_points_of_each_query():
    _, known, unknown = parts()
    points = tf.repeat(unknown[np.newaxis], len(known), axis=0)
    whole = squared_distances(tf.constant(known), tf.constant(unknown))
    np.testing.assert_allclose(squared_distances(tf.constant(known), points), whole)
    assert class_means(tf.constant(parts()[0])).shape == (WAYS, known.shape[1])
