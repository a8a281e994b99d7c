"""The average of weights: even at first, then moving; applied only while it is asked for."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.training import weight_average
from edge_tf.training.weight_average import WeightAverage


def model_of(value: float) -> keras.Model:
    inputs = keras.Input((2,))
    norm = keras.layers.BatchNormalization()
    model = keras.Model(inputs, keras.layers.Dense(3)(norm(inputs)))
    for variable in model.trainable_variables:
        variable.assign(tf.fill(variable.shape, value))
    return model


def stepped(values: list[float]) -> tuple[keras.Model, WeightAverage]:
    model = model_of(7.0)
    average = WeightAverage(model)
    update = tf.function(average.update, autograph=False)
    for value in values:
        for variable in model.trainable_variables:
            variable.assign(tf.fill(variable.shape, value))
        update()
    return model, average


def test_before_any_step_it_is_the_model():
    model, average = stepped([])
    for mine, own in zip(average.average, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, own)


def test_the_first_steps_count_evenly():
    values = [1.0, 5.0, 0.0, 2.0, 4.0]
    for count in range(1, len(values) + 1):
        _, average = stepped(values[:count])
        for mine in average.average:
            np.testing.assert_allclose(mine, np.mean(values[:count]), rtol=1e-6)


def test_later_old_steps_fade(monkeypatch):
    monkeypatch.setattr(weight_average, "_KEPT", 0.5)
    _, average = stepped([8.0, 4.0, 2.0, 1.0])  # 8; 6; 4; 2.5
    np.testing.assert_allclose(average.average[0], 2.5)


def test_constant_weights_are_their_own_average():
    _, average = stepped([3.0] * 400)
    for mine in average.average:
        np.testing.assert_allclose(mine, 3.0, rtol=1e-6)


def test_the_model_has_it_meanwhile_and_only_the_trainable_weights():
    model, average = stepped([1.0, 3.0])
    before = model.get_weights()
    with average.applied():
        for own in model.trainable_variables:
            np.testing.assert_allclose(own, 2.0)
        for own in model.non_trainable_variables:
            np.testing.assert_array_equal(own, 0.0 if "mean" in own.name else 1.0)
    for mine, own in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, own)


def test_an_error_restores_the_weights():
    model, average = stepped([1.0, 3.0])
    with pytest.raises(KeyboardInterrupt), average.applied():
        raise KeyboardInterrupt
    for own in model.trainable_variables:
        np.testing.assert_array_equal(own, tf.fill(own.shape, 3.0))


def test_a_checkpoint_has_it(tmp_path):
    _, average = stepped([1.0, 3.0])
    path = tf.train.Checkpoint(average=average).save(str(tmp_path / "ckpt"))
    other = WeightAverage(model_of(0.0))
    tf.train.Checkpoint(average=other).restore(path).assert_consumed()
    assert float(other.steps) == 2.0
    np.testing.assert_allclose(other.average[0], 2.0)
