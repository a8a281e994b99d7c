"""The objective: which part of a batch is what, and what the auxiliary classifier changes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.settings import EpisodeShape, TrainingSettings
from edge_tf.training.fewshot.auxiliary import AuxiliaryHead
from edge_tf.training.fewshot.dummy_prototypes import DummyPrototypeLoss
from edge_tf.training.fewshot.episode_objective import EpisodeObjective
from edge_tf.training.fewshot.prototypes import PrototypeLoss
from edge_tf.training.step import SgdStep
from tests.edge_tf.training.fewshot.drawn import embedded

SHAPE = EpisodeShape(ways=3, shots=2, queries=6, unknown=4)
TAKES, EPISODE, OTHERS, CLASSES, EXTRA = 6, 16, 2, 5, 7


def network() -> keras.Model:
    """Maps 4 features to an embedding of 3."""
    inputs = keras.Input((4,))
    kernel = keras.initializers.Constant(np.random.default_rng(0).normal(size=(4, 3)))
    return keras.Model(inputs, keras.layers.Dense(3, kernel_initializer=kernel)(inputs))


def features(clips: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(clips, 4)).astype(np.float32)


def labels(auxiliary: bool = False) -> np.ndarray:
    found = np.zeros((EPISODE, 3), np.float32)
    found[TAKES + np.arange(6), np.arange(6) % 3] = 1.0
    if auxiliary:
        found = np.pad(found, ((0, EXTRA), (0, CLASSES)))
        found[EPISODE + np.arange(EXTRA), 3 + np.arange(EXTRA) % CLASSES] = 1.0
    return found


def test_a_batch_is_takes_known_and_unknown_queries_in_this_order():
    model, batch = network(), features(EPISODE)
    logits, terms = EpisodeObjective(model, SHAPE, OTHERS, PrototypeLoss())(batch, labels())
    points = model(batch).numpy()
    parts = (points[:TAKES].reshape(3, 2, 3), points[TAKES:12], points[12:])
    of_words, loss = PrototypeLoss()(dataclasses.replace(embedded(*parts), others=OTHERS))
    assert float(terms[0].loss) == pytest.approx(float(loss), rel=1e-6) and len(terms) == 1
    np.testing.assert_allclose(logits[TAKES:12], of_words, rtol=1e-5)
    assert not logits[:TAKES].numpy().any() and not logits[12:].numpy().any()


def test_the_auxiliary_classifier_adds_its_weighted_cross_entropy():
    model, batch = network(), features(EPISODE + EXTRA)
    head = AuxiliaryHead(3, CLASSES, seed=0)
    objective = EpisodeObjective(model, SHAPE, OTHERS, PrototypeLoss(), head, 0.25)
    logits, terms = objective(batch, labels(auxiliary=True))
    _, alone = EpisodeObjective(model, SHAPE, OTHERS, PrototypeLoss())(batch[:EPISODE], labels())
    assert float(terms[0].loss) == pytest.approx(float(alone[0].loss), rel=1e-6)
    scores = head(model(batch[EPISODE:])).numpy()
    of_label = scores[np.arange(EXTRA), np.arange(EXTRA) % CLASSES]
    expected = (np.log(np.exp(scores).sum(axis=1)) - of_label).mean()
    assert float(terms[1].loss) == pytest.approx(0.25 * expected, rel=1e-5)
    assert np.argmax(logits[TAKES:12], axis=1).max() < 3  # nobody takes a query for such a word
    assert np.argmax(logits[EPISODE:], axis=1).min() >= 3


def test_an_auxiliary_classifier_without_weight_changes_no_update():
    weights = []
    for auxiliary in (False, True):
        model = network()
        head = AuxiliaryHead(3, CLASSES, seed=0) if auxiliary else None
        objective = EpisodeObjective(model, SHAPE, OTHERS, PrototypeLoss(), head, 0.0)
        settings = TrainingSettings(weight_decay=0.0)
        step = SgdStep(model, settings, objective, label_size=3 + CLASSES * auxiliary)
        batch = features(EPISODE + EXTRA * auxiliary)
        batch[:EPISODE] = features(EPISODE)
        step(tf.constant(batch), tf.constant(labels(auxiliary)), 0.1)
        weights.append(model.get_weights())
    for without, with_head in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, with_head)


def test_accuracy_is_that_of_the_known_queries():
    model = network()
    objective = EpisodeObjective(model, SHAPE, OTHERS, PrototypeLoss())
    batch = features(EPISODE)
    batch[TAKES:12] = batch[[0, 2, 4, 0, 2, 5]]  # takes again: the last is of another word's
    batch[[1, 3]] = batch[[0, 2]]
    step = SgdStep(model, TrainingSettings(), objective, label_size=3)
    _, right = step(tf.constant(batch), tf.constant(labels()), 0.0)
    expected = np.argmax(objective(batch, labels())[0][TAKES:12], axis=1) == np.arange(6) % 3
    assert float(right) == pytest.approx(EPISODE * expected.mean())


def test_all_that_learns_is_in_the_checkpoint():
    """What a variable is missing from starts anew when a training is resumed."""
    head = AuxiliaryHead(3, CLASSES, seed=0)
    loss = DummyPrototypeLoss(3, 2, 3.0, 0.1, seed=0)
    model = network()
    objective = EpisodeObjective(model, SHAPE, OTHERS, loss, head, 1.0)
    kept = {
        variable.ref()
        for one in objective.trackables().values()
        if isinstance(one, tf.Module)
        for variable in one.variables
    }
    missing = {variable.ref() for variable in objective.variables} - kept
    assert missing == {variable.ref() for variable in model.trainable_variables}
