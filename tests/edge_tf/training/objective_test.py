"""Cross-entropy with probabilities: that of the labels where they are certain, linear in them."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.training.objective import cross_entropy

CLASSES = 5


def logits(seed: int) -> np.ndarray:
    return (4 * np.random.default_rng(seed).normal(size=(7, CLASSES))).astype(np.float32)


def one_hot(seed: int) -> np.ndarray:
    numbers = np.random.default_rng([1, seed]).integers(CLASSES, size=7)
    return np.eye(CLASSES, dtype=np.float32)[numbers]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_certain_labels_give_what_class_numbers_gave(seed):
    x, y = logits(seed), one_hot(seed)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(y.argmax(axis=1), x)
    np.testing.assert_allclose(cross_entropy(y, x), tf.reduce_mean(sparse), rtol=1e-6, atol=1e-7)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_mixed_labels_give_the_mixed_loss(seed, weight):
    """What makes mixup of labels the same as mixing two losses."""
    x, one, other = logits(seed), one_hot(seed), one_hot(seed + 1)
    mixed = cross_entropy(np.float32(weight) * one + np.float32(1 - weight) * other, x)
    expected = weight * cross_entropy(one, x) + (1 - weight) * cross_entropy(other, x)
    np.testing.assert_allclose(mixed, expected, rtol=1e-5, atol=1e-6)
