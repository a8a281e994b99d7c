"""Overhaul: margins against Gaussians, and what the partial loss does and does not count."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.teaching import distillation, overhaul
from edge_tf.compression.teaching.overhaul import Overhaul, gaussian_margin, partial_l2
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, ds_cnn

STUDENT = [(4, 6, 2), (2, 6, 3)]
TEACHER = [(4, 6, 5), (2, 6, 4)]


def features(seed: int, shapes=TEACHER, batch: int = 8) -> list[tf.Tensor]:
    draw = np.random.default_rng(seed)
    return [tf.constant(draw.normal(0, 1, (batch, *shape)), tf.float32) for shape in shapes]


def built(student=STUDENT, teacher=TEACHER, prepared: bool = True) -> Overhaul:
    names = [f"stage{i}" for i in range(len(student))]
    loss = Overhaul(names, names)
    loss.build(student, teacher)
    if prepared:
        loss.prepare([features(9, teacher)])
    return loss


# Margins


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0.0, 1.0), (1.0, 1.0), (-2.0, 0.5), (3.0, 2.0), (0.2, 0.1)]
)
def test_margin_is_the_mean_of_what_is_negative(mean, deviation):
    """Within four standard errors of a million draws."""
    draws = np.random.default_rng(0).normal(mean, deviation, 1_000_000)
    negative = draws[draws < 0]
    assert len(negative) > 1000
    error = negative.std() / np.sqrt(len(negative))
    assert abs(gaussian_margin(mean, deviation) - negative.mean()) < 4 * error


def test_margin_of_a_standard_gaussian_by_hand():
    np.testing.assert_allclose(gaussian_margin(0.0, 1.0), -np.sqrt(2 / np.pi), rtol=1e-12)


def test_margin_where_nothing_is_ever_negative():
    """Phi(-3.0902) is 0.001: from there on the margin is three deviations below zero."""
    np.testing.assert_array_equal(gaussian_margin(3.1, 1.0), -3.0)
    np.testing.assert_array_equal(gaussian_margin(100.0, 2.0), -6.0)
    assert -0.4 < gaussian_margin(3.08, 1.0) < 0


def test_margin_where_everything_is_negative_is_the_mean():
    np.testing.assert_allclose(gaussian_margin(-20.0, 1.0), -20.0)


def test_margin_without_spread():
    np.testing.assert_array_equal(gaussian_margin([1.0, -1.0], [0.0, 0.0]), [0.0, -1.0])
    with pytest.raises(ValueError, match="below 0"):
        gaussian_margin([1.0], [-1.0])


def test_margins_of_data_agree_with_the_closed_form():
    """Each channel with its own mean and deviation, in several batches; some 4 standard errors."""
    means, deviations = np.array([0.0, 1.0, -1.0, 0.5]), np.array([1.0, 1.0, 0.5, 2.0])
    draw = np.random.default_rng(1)
    batches = [
        [tf.constant(draw.normal(means, deviations, (50, 5, 20, 4)), tf.float32)] for _ in range(10)
    ]
    loss = built([(5, 20, 3)], [(5, 20, 4)], prepared=False)
    loss.prepare(batches)
    (margin,) = loss.margins
    expected = gaussian_margin(means, deviations)
    error = deviations / np.sqrt(50_000 * 0.15)  # at least 15 % of the draws are negative
    assert (np.abs(margin.numpy() - expected) < 4 * error).all()


def test_a_channel_that_is_never_negative_has_margin_zero():
    loss = built([(1, 1, 1)], [(1, 1, 2)], prepared=False)
    loss.prepare([[tf.constant([[[[1.0, -2.0]]], [[[2.0, -4.0]]]])]])
    np.testing.assert_array_equal(loss.margins[0], [0.0, -3.0])


# Partial L2


def test_equal_features_cost_nothing():
    (target, _) = features(0)
    assert float(partial_l2(target, target)) == 0


def test_a_student_below_a_negative_target_costs_nothing():
    target = -tf.abs(features(0)[0])
    assert float(partial_l2(target - 0.5, target)) == 0
    assert float(partial_l2(target - 0.5, tf.zeros_like(target))) == 0


@pytest.mark.parametrize(
    ("student", "target", "expected"),
    [
        (0.5, 2.0, 2.25),  # below a positive target
        (3.0, 2.0, 1.0),  # above it
        (-1.0, -2.0, 1.0),  # above a negative one
        (1.0, -2.0, 9.0),
        (-3.0, -2.0, 0.0),  # below a negative one: free
        (-1.0, 0.0, 0.0),
        (1.0, 0.0, 1.0),
    ],
)
def test_each_case_of_an_element(student, target, expected):
    student, target = tf.constant([student]), tf.constant([target])
    with tf.GradientTape() as tape:
        tape.watch(student)
        loss = partial_l2(student, target)
    np.testing.assert_allclose(loss, expected)
    gradient = tape.gradient(loss, student)
    wanted = 2 * (student - target) if expected else tf.zeros(1)
    np.testing.assert_allclose(gradient, wanted)


# The whole loss


def identity(loss: Overhaul) -> Overhaul:
    """Connectors that pass the student's features through."""
    for i, connector in enumerate(loss.connectors):
        connector.trainable = False
        loss.connectors[i] = lambda x, training: x
    return loss


def test_loss_is_the_papers_sum():
    """Against loops over plain numbers: margins, weights of the stages, batch size, 1000."""
    loss = identity(built(TEACHER, TEACHER))
    student, teacher = features(1), features(2)
    expected = 0.0
    for weight, s, t, margin in zip((0.5, 1.0), student, teacher, loss.margins, strict=True):
        target = np.maximum(t.numpy(), margin.numpy())
        free = (s.numpy() <= target) & (target <= 0)
        expected += weight * np.sum((s.numpy() - target) ** 2, where=~free)
    found = loss(student, teacher)
    assert found.shape == ()
    np.testing.assert_allclose(found, expected / (8 * 1000), rtol=1e-5)


def test_a_student_that_matches_the_targets_costs_nothing():
    loss = identity(built(TEACHER, TEACHER))
    teacher = features(3)
    targets = [tf.maximum(t, m) for t, m in zip(teacher, loss.margins, strict=True)]
    assert float(loss(targets, teacher)) == 0


def test_size_does_not_depend_on_the_batch():
    loss = identity(built(TEACHER, TEACHER))
    student, teacher = features(1), features(2)
    twice = [tf.concat([x, x], 0) for x in student], [tf.concat([x, x], 0) for x in teacher]
    np.testing.assert_allclose(loss(*twice), loss(student, teacher), rtol=1e-5)


def test_connectors_fit_the_students_channels_and_learn():
    loss = built()
    student = features(1, STUDENT)
    draw = np.random.default_rng(2)
    mixes = [draw.normal(0, 1, (s[2], t[2])) for s, t in zip(STUDENT, TEACHER, strict=True)]
    teacher = [x @ tf.constant(mix, tf.float32) for x, mix in zip(student, mixes, strict=True)]
    optimizer = keras.optimizers.legacy.SGD(2.0)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            value = loss(student, teacher)
        gradients = tape.gradient(value, loss.variables)
        optimizer.apply_gradients(zip(gradients, loss.variables, strict=True))
        return value

    assert len(loss.variables) == 2 * 3  # kernel, gamma, beta
    values = [float(step()) for _ in range(30)]
    assert values[-1] < 0.3 * values[0]


def test_gradients_reach_the_student_and_not_the_teacher():
    loss = built()
    student, teacher = features(1, STUDENT), features(2)
    before = [margin.numpy() for margin in loss.margins]
    with tf.GradientTape() as tape:
        tape.watch([*student, *teacher])
        value = loss(student, teacher)
    gradients = tape.gradient(value, [*student, *teacher])
    assert all(np.abs(g).max() > 0 for g in gradients[:2])
    assert gradients[2:] == [None, None]
    for margin, old in zip(loss.margins, before, strict=True):
        np.testing.assert_array_equal(margin, old)


def test_it_must_be_prepared_first():
    with pytest.raises(ValueError, match="call prepare first"):
        built(prepared=False)(features(1, STUDENT), features(2))
    with pytest.raises(ValueError, match="no batches"):
        built(prepared=False).prepare([])


def test_a_checkpoint_brings_margins_and_connectors_back(tmp_path):
    loss, other = built(), built(prepared=False)
    for variable in loss.variables:
        variable.assign_add(tf.ones_like(variable))
    path = tf.train.Checkpoint(**loss.trackables()).write(str(tmp_path / "state"))
    before = other.prepared
    tf.train.Checkpoint(**other.trackables()).read(path).assert_consumed()
    assert (before, other.prepared) == (False, True)
    student, teacher = features(1, STUDENT), features(2)
    np.testing.assert_array_equal(other(student, teacher), loss(student, teacher))


# On networks


def test_it_reads_bc_resnets_sums_before_the_last_relu_of_each_stage():
    student, teacher = bc_resnet.build(1), bc_resnet.build(2)
    loss = Overhaul.for_models(student, teacher)
    assert loss.student_layers[-1] == "stage3_block3_shortcut"
    assert len(loss.student_layers) == len(loss.teacher_layers) == len(loss.margins) == 4
    clips = tf.random.stateless_normal((3, 40, 101, 1), (1, 2))
    read = distillation.with_features(teacher, loss.teacher_layers)
    _, *theirs = read(clips, training=False)
    assert all(float(tf.reduce_min(feature)) < 0 for feature in theirs)  # before a ReLU
    loss.prepare([theirs])
    _, *mine = distillation.with_features(student, loss.student_layers)(clips, training=False)
    assert np.isfinite(loss(mine, theirs))
    assert all(float(tf.reduce_max(margin)) <= 0 for margin in loss.margins)
    assert overhaul.stage_sums(teacher) == loss.teacher_layers


def test_networks_that_do_not_fit_are_refused():
    student = bc_resnet.build(1)
    with pytest.raises(UserError, match="has no layers stage"):
        Overhaul.for_models(student, ds_cnn.build(12))
    with pytest.raises(UserError, match="51 columns, the student's 20 and 101"):
        Overhaul.for_models(student, bc_resnet.build(1, input_shape=(40, 51, 1)))
