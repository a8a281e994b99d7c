"""The identities of the distilling objectives (methods of PQK, QKD and knowledge distillation)."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.network import Network, State
from edge_tf.compression.objectives import CoStudy, FromTeacher, InNetworkTeacher
from edge_tf.compression.teaching.distillation import logits_loss
from edge_tf.settings import TrainingSettings
from edge_tf.training.objective import CrossEntropy, cross_entropy
from edge_tf.training.step import SgdStep, seed_everything
from tests.edge_tf.compression.small import clips, half_masks, labels, quantized, revived
from tests.edge_tf.conversion.conversion_fixtures import block_model, randomize

T = 2.0


def traced(objective):
    """Logits, losses, and the gradients of each loss for its own variables."""

    def run(features, wanted):
        with tf.GradientTape(persistent=True) as tape:
            logits, terms = objective(features, wanted)
        gradients = [tape.gradient(term.loss, term.variables) for term in terms]
        return logits, [term.loss for term in terms], gradients

    return tf.function(run, autograph=False)


def steps(network, objective, count=5, **parts):
    step = SgdStep(network.model, TrainingSettings(1, 24), objective, **parts)
    for _ in range(count):
        step(clips(), labels(), 0.05)
    return step


def test_pqk_with_a_full_mask_has_exactly_no_divergence():
    """Teacher and student are then one network, dropout included, and both losses are equal."""
    network = quantized()
    logits, (student, teacher), _ = traced(InNetworkTeacher(network, T, 1))(clips(), labels())
    assert float(student) == float(teacher) == float(cross_entropy(labels(), logits))


def test_pqk_with_masks_has_a_divergence_and_gives_each_weight_one_teacher():
    """Kept weights learn from the student's pass alone, revived ones from the teacher's."""
    model = block_model()
    network = revived(model, half_masks(model))
    run = traced(InNetworkTeacher(network, T, 1))
    logits, (student, _), (mine, others) = run(clips(), labels())
    assert float(student) > float(cross_entropy(labels(), logits))
    by_variable = {v.ref(): g for v, g in zip(network.model.trainable_variables, mine, strict=True)}
    for name, other in zip(network.masks.kernels, others, strict=True):
        mask = network.masks.masks[name].numpy()
        own = by_variable[network.masks.kernels[name].ref()].numpy()
        assert np.all(own[mask == 0] == 0)
        assert np.all(other.numpy()[mask == 1] == 0)
    assert any(np.any(g.numpy() != 0) for g in others)


def test_pqk_leaves_masks_and_students_moments_as_the_student_alone_would():
    """The teacher's pass changes neither masks nor moments nor ranges."""
    model = block_model()
    masks = half_masks(model)
    network, alone = revived(model, masks), revived(model, masks)
    seed_everything(0)
    traced(InNetworkTeacher(network, T, 1))(clips(), labels())
    traced(CrossEntropy(alone.model))(clips(), labels())
    for mine, other in zip(network.moving_state(), alone.moving_state(), strict=True):
        if "StateVar" in mine.name:
            continue  # generators began differently
        np.testing.assert_allclose(mine, other, rtol=1e-6, err_msg=mine.name)


def test_pqk_phase_two_keeps_the_mask_and_exports_the_student():
    model = block_model()
    masks = half_masks(model)
    network = revived(model, masks)
    steps(network, InNetworkTeacher(network, T, 1))
    state = network.state()
    assert state.masks.keys() == masks.keys()
    learnt = 0
    exported = state.exported()
    for name, mask in masks.items():
        np.testing.assert_array_equal(state.masks[name], mask)
        full = state.model.get_layer(name).get_weights()[0]
        np.testing.assert_array_equal(exported.get_layer(name).get_weights()[0], full * mask)
        before = model.get_layer(name).get_weights()[0]
        learnt += int(np.any(full[mask == 0] != before[mask == 0]))
    assert learnt == len(masks)
    again = Network(State(exported, {}, state.ranges), quantized=True)
    np.testing.assert_array_equal(
        again.model(clips(), training=False), network.model(clips(), training=False)
    )


def test_pqks_teacher_begins_as_the_student_and_grows():
    """The divergence is about 0 when none of the pruned weights counts, and rises with them."""
    model = block_model()
    run = traced(InNetworkTeacher(revived(model, half_masks(model)), T, 100))
    found = []
    for _ in range(100):
        logits, (loss, _), _ = run(clips(), labels())
        found.append(float(loss) - float(cross_entropy(labels(), logits)))
    assert 0 <= found[0] < 1e-3 * found[-1]
    assert found[10] < found[50] < found[99]


def test_pqk_needs_a_quantized_network():
    with pytest.raises(ValueError, match="must be quantized"):
        InNetworkTeacher(Network(State(block_model()), quantized=False), T, 1)


def other_model(seed: int) -> keras.Model:
    return randomize(block_model(), seed)


def test_a_fixed_teacher_stays_bit_identical_and_the_student_learns():
    """QKD's tutoring, and every distillation."""
    network, teacher = quantized(), other_model(5)
    weights = [w.copy() for w in teacher.get_weights()]
    student = [w.copy() for w in network.model.get_weights()]
    steps(network, FromTeacher(network, teacher, T, 0.5))
    for before, after in zip(weights, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any(np.any(a != b) for a, b in zip(student, network.model.get_weights(), strict=True))


def test_a_teacher_of_weight_zero_is_cross_entropy_and_of_weight_one_its_logits_alone():
    network, teacher = quantized(), other_model(5)
    theirs = teacher(clips(), training=False)
    for weight in (0.0, 1.0):
        logits, (loss,), _ = traced(FromTeacher(network, teacher, T, weight))(clips(), labels())
        expected = (1 - weight) * cross_entropy(labels(), logits)
        expected += weight * logits_loss(logits, theirs, T)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_co_study_without_divergences_is_two_separate_trainings():
    network, teacher = quantized(), without_dropout(other_model(5))
    alone, teacher_alone = quantized(), without_dropout(other_model(5))
    for net in (network, alone):
        without_dropout(net.model)
    steps(network, CoStudy(network, teacher, T, mutual=0.0), count=3)
    steps(alone, CrossEntropy(alone.model), count=3)
    plain = SgdStep(teacher_alone, TrainingSettings(1, 24))
    for _ in range(3):
        plain(clips(), labels(), 0.05)
    for together, apart in ((network.model, alone.model), (teacher, teacher_alone)):
        for mine, other in zip(together.get_weights(), apart.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def without_dropout(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, keras.layers.SpatialDropout2D):
            inner.rate = 0.0
    return model


def test_co_study_teaches_both():
    network, teacher = quantized(), other_model(5)
    weights = [w.copy() for w in teacher.get_weights()]
    _, (mine, theirs), (own, other) = traced(CoStudy(network, teacher, T))(clips(), labels())
    assert float(mine) > 0 and float(theirs) > 0
    assert all(g is not None for g in own) and all(g is not None for g in other)
    steps(network, CoStudy(network, teacher, T), count=2)
    assert any(np.any(a != b) for a, b in zip(weights, teacher.get_weights(), strict=True))
