"""D-ProtoNets: what it reduces to, and which axes its pooling and its softmax run over."""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.fewshot import recogniser
from edge_tf.training.fewshot.dummy_prototypes import (
    DummyPrototypeLoss,
    DummyPrototypes,
    chosen_dummies,
    gumbel,
)
from edge_tf.training.fewshot.prototypes import PrototypeLoss, class_means
from tests.edge_tf.training.fewshot.drawn import SIZE, WAYS, embedded, parts

DUMMIES = 3


def loss_of(**changes) -> DummyPrototypeLoss:
    given = {"dummies": DUMMIES, "unknown_temperature": 3.0, "unknown_weight": 0.1, "seed": 0}
    return DummyPrototypeLoss(SIZE, **{**given, **changes})


def generator_of(method: DummyPrototypeLoss) -> DummyPrototypes:
    assert method.dummies is not None
    return method.dummies


def test_without_dummies_it_is_a_prototypical_network_with_its_gradients():
    arrays = [tf.Variable(part) for part in parts()]
    found = []
    for method in (PrototypeLoss(), loss_of(dummies=0)):
        with tf.GradientTape() as tape:
            logits, loss = method(embedded(*arrays))
        found.append([logits, loss, *tape.gradient(loss, arrays[:2])])
    for ours, theirs in zip(*found, strict=True):
        assert np.array_equal(ours, theirs)


def test_neither_order_nor_number_of_words_changes_the_dummies():
    words = class_means(tf.constant(parts()[0]))
    dummies = DummyPrototypes(SIZE, DUMMIES, seed=0)
    whole = dummies(words)
    np.testing.assert_allclose(dummies(tf.gather(words, [3, 1, 0, 2])), whole, rtol=1e-6)
    np.testing.assert_allclose(dummies(tf.gather(words, [3, 3, 1, 0, 2])), whole, rtol=1e-6)
    assert whole.shape == (DUMMIES, SIZE)
    assert dummies(words[:1]).shape == (DUMMIES, SIZE)
    assert np.abs(dummies(words[:1]) - whole).max() > 1e-3  # they do depend on the words


def test_the_softmax_runs_over_dummies_not_over_queries():
    """A query's dummy is the same whatever other queries there are."""
    _, queries, _ = parts()
    rng = np.random.default_rng(1)
    dummies = rng.normal(size=(DUMMIES, SIZE)).astype(np.float32)
    noise = gumbel(tf.constant(rng.uniform(size=(len(queries), DUMMIES)), tf.float32))
    queries, dummies = tf.constant(queries), tf.constant(dummies)
    whole = chosen_dummies(queries, dummies, noise)
    for row in range(len(queries)):
        one = slice(row, row + 1)
        alone = chosen_dummies(queries[one], dummies, noise[one])
        np.testing.assert_allclose(alone, whole[one], rtol=1e-5, atol=1e-6)


def test_a_cold_softmax_without_noise_takes_the_nearest_dummy():
    _, queries, _ = parts()
    dummies = np.random.default_rng(1).normal(size=(DUMMIES, SIZE)).astype(np.float32)
    none = tf.zeros((len(queries), DUMMIES))
    chosen = chosen_dummies(tf.constant(queries), tf.constant(dummies), none, 1e-3)
    nearest = recogniser.squared_distances(queries, dummies).argmin(axis=1)
    np.testing.assert_allclose(chosen, dummies[nearest], atol=1e-4)


def test_gumbel_noise_chooses_as_often_as_the_softmax_says():
    uniform = tf.random.stateless_uniform([50_000, 3], [1, 2])
    logits = np.log([0.6, 0.3, 0.1]).astype(np.float32)
    share = np.bincount(np.argmax(gumbel(uniform) + logits, axis=1)) / 50_000
    np.testing.assert_allclose(share, [0.6, 0.3, 0.1], atol=0.01)


def test_one_dummy_has_no_noise_and_the_loss_is_that_of_the_formula():
    support, known, unknown = parts()
    method = loss_of(dummies=1, unknown_weight=0.5)
    _, loss = method(embedded(support, known, unknown))
    words = support.mean(axis=1)
    dummy = generator_of(method).numpy()(words)

    def losses(queries: np.ndarray, labels: np.ndarray) -> np.ndarray:
        distances = [((queries[:, np.newaxis] - p) ** 2).sum(-1) for p in (words, dummy)]
        logits = -np.concatenate([distances[0], distances[1] / 3.0], axis=1)
        of_label = logits[np.arange(len(queries)), labels]
        return np.log(np.exp(logits).sum(axis=1)) - of_label

    of_known = losses(known, np.arange(len(known)) % WAYS).mean()
    of_unknown = losses(unknown, np.full(len(unknown), WAYS)).mean()
    assert float(loss) == pytest.approx(of_known + 0.5 * of_unknown, rel=1e-5)


def test_the_gradient_reaches_the_whole_generator_and_lowers_the_loss():
    method = loss_of(unknown_weight=1.0)
    generator = generator_of(method)
    with tf.GradientTape() as tape:
        _, before = method(embedded(*parts()))
    gradients = tape.gradient(before, method.variables)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    changed = loss_of(unknown_weight=1.0)  # the same noise again
    for name in recogniser.DUMMY_WEIGHTS:
        at = [variable is getattr(generator, name) for variable in method.variables].index(True)
        getattr(generator_of(changed), name).assign_sub(1e-3 * gradients[at])
    assert float(changed(embedded(*parts()))[1]) < float(before)


def test_noise_depends_on_seed_and_step_and_goes_on_after_a_checkpoint(tmp_path):
    episode = embedded(*parts())
    method, other = loss_of(), loss_of()
    first, second = (float(method(episode)[1]) for _ in range(2))
    assert float(other(episode)[1]) == first != second
    kept = tf.train.Checkpoint(**other.trackables()).write(str(tmp_path / "kept"))
    resumed = loss_of(seed=0)
    tf.train.Checkpoint(**resumed.trackables()).restore(kept).expect_partial()
    assert float(resumed(episode)[1]) == second


def test_numpy_and_tensorflow_generate_the_same_dummies():
    words = parts()[0].mean(axis=1)
    dummies = DummyPrototypes(SIZE, DUMMIES, seed=3)
    np.testing.assert_allclose(dummies.numpy()(words), dummies(tf.constant(words)), rtol=1e-5)
