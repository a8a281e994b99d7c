"""The loss on logits against a plain formula, and where features are found in BC-ResNet."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression.teaching import distillation
from edge_tf.compression.teaching.distillation import logits_loss
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, ds_cnn


def logits(seed: int, batch: int = 6, classes: int = 12) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(0, 3, (batch, classes)), tf.float32)


def gradients(student: tf.Tensor, teacher: tf.Tensor, temperature: float):
    with tf.GradientTape() as tape:
        tape.watch([student, teacher])
        loss = logits_loss(student, teacher, temperature)
    return tape.gradient(loss, [student, teacher])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_equal_logits_cost_nothing(temperature):
    """Equal up to a constant, that is: softmax does not see it."""
    student = logits(0)
    assert float(logits_loss(student, student, temperature)) == 0
    shifted = student + 5.0
    np.testing.assert_allclose(logits_loss(shifted, student, temperature), 0, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_value_is_the_formula(temperature):
    student, teacher = logits(1).numpy().astype(float), logits(2).numpy().astype(float)

    def softmax(x):
        powers = np.exp(x / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    p, q = softmax(teacher), softmax(student)
    expected = temperature**2 * np.mean(np.sum(p * np.log(p / q), axis=1))
    assert expected > 0.1
    found = logits_loss(logits(1), logits(2), temperature)
    assert found.shape == ()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_value_by_hand():
    """Teacher (3/4, 1/4), student (1/2, 1/2), T = 1: 3/4 ln 3/2 + 1/4 ln 1/2."""
    teacher = tf.constant([[np.log(3.0), 0.0]], tf.float32)
    found = logits_loss(tf.zeros((1, 2)), teacher, 1.0)
    np.testing.assert_allclose(found, 0.75 * np.log(1.5) + 0.25 * np.log(0.5), rtol=1e-6)


def test_direction_matters():
    """KL(teacher || student), not the other way round."""
    one, other = logits(1), logits(2)
    forth, back = float(logits_loss(one, other, 1.0)), float(logits_loss(other, one, 1.0))
    assert abs(forth - back) > 0.01


def test_no_gradient_reaches_the_teacher():
    to_student, to_teacher = gradients(logits(1), logits(2), 2.0)
    assert to_teacher is None
    assert np.abs(to_student).max() > 0


def test_gradient_is_temperature_times_the_difference_of_softmaxes():
    student, teacher = logits(1), logits(2)
    to_student, _ = gradients(student, teacher, 3.0)
    expected = 3.0 * (tf.nn.softmax(student / 3.0) - tf.nn.softmax(teacher / 3.0)) / len(student)
    np.testing.assert_allclose(to_student, expected, atol=1e-6)


def test_gradient_keeps_its_size_at_high_temperature():
    """Its limit is (student - teacher) / classes, for logits of zero mean; no T in it."""
    student, teacher = (x - tf.reduce_mean(x, 1, keepdims=True) for x in (logits(1), logits(2)))
    limit = (student - teacher) / 12 / len(student)
    errors = []
    for temperature in (50.0, 100.0):
        to_student, _ = gradients(student, teacher, temperature)
        errors.append(np.abs(to_student - limit).max())
    assert errors[0] < 0.1 * np.abs(limit).max()
    assert errors[1] < 0.6 * errors[0]  # the rest falls as 1 / T


def test_extreme_logits_stay_finite():
    student, teacher = tf.constant([[1e4, -1e4]]), tf.constant([[-1e4, 1e4]])
    assert np.isfinite(logits_loss(student, teacher, 1.0))
    assert np.isfinite(gradients(student, teacher, 1.0)[0]).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(ValueError, match="must be above 0"):
        logits_loss(logits(1), logits(2), temperature)


def test_last_blocks_of_bc_resnet_are_found_in_order():
    model = bc_resnet.build(1)
    names = distillation.last_blocks(model, "shortcut")
    assert names == [f"stage{i}_block{n - 1}_shortcut" for i, (n, _) in enumerate(bc_resnet.STAGES)]
    shapes = distillation.feature_shapes(model, names)
    assert shapes == [(20, 101, 8), (10, 101, 12), (5, 101, 16), (5, 101, 20)]


def test_wrapped_layers_are_found():
    x = inputs = keras.Input((4, 4, 1))
    for name in ("quant_stage0_block0_relu", "quant_stage0_block1_relu", "quant_other_relu"):
        x = keras.layers.ReLU(name=name)(x)
    model = keras.Model(inputs, x)
    assert distillation.last_blocks(model, "relu") == ["quant_stage0_block1_relu"]


def test_block_ten_comes_after_block_nine():
    x = inputs = keras.Input((4, 4, 1))
    for number in (2, 9, 10):
        x = keras.layers.ReLU(name=f"stage0_block{number}_relu")(x)
    assert distillation.last_blocks(keras.Model(inputs, x), "relu") == ["stage0_block10_relu"]


def test_another_network_is_refused():
    with pytest.raises(UserError, match=r"has no layers stage.* use bc_resnet for teacher and"):
        distillation.last_blocks(ds_cnn.build(12), "relu")


def test_a_model_with_features_shares_weights_and_logits():
    model = bc_resnet.build(1)
    names = distillation.last_blocks(model, "relu")
    tapped = distillation.with_features(model, names)
    clips = tf.random.stateless_normal((2, 40, 101, 1), (0, 0))
    found, *features = tapped(clips, training=False)
    np.testing.assert_array_equal(found, model(clips, training=False))
    assert [tuple(f.shape[1:]) for f in features] == distillation.feature_shapes(model, names)
    assert {id(v) for v in tapped.variables} == {id(v) for v in model.variables}


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        ([(5, 101, 20)], [(5, 51, 60)], "5 rows and 51 columns, the student's 5 and 101; choose"),
        ([(5, 101, 20)], [(10, 101, 20)], "10 rows and 101 columns"),
        ([(5, 101, 20)], [(5, 101, 20)] * 2, "1 stages to compare, the teacher 2"),
    ],
)
def test_other_rows_or_columns_are_refused(student, teacher, message):
    with pytest.raises(UserError, match=message):
        distillation.check_same_places(student, teacher)


def test_other_channels_are_fine():
    distillation.check_same_places([(5, 101, 20)], [(5, 101, 60)])
