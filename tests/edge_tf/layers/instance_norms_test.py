"""FreqIN, ResNorm and RFN as layers: limits, what they forget and what they keep."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNorm
from edge_tf.layers.relaxed_instance_frequency_norm import RelaxedInstanceFrequencyNorm
from edge_tf.layers.residual_norm import ResidualNorm

SHAPE = (3, 8, 20, 2)  # clips, rows, frames, channels
LAYERS = (FrequencyInstanceNorm, ResidualNorm, RelaxedInstanceFrequencyNorm)


def inputs(seed: int = 0) -> np.ndarray:
    """Other mean and spread in every clip and row; double precision."""
    draw = np.random.default_rng(seed)
    mean, spread = draw.normal(-5, 3, (3, 8, 1, 1)), draw.uniform(0.5, 3, (3, 8, 1, 1))
    return draw.normal(size=SHAPE) * spread + mean


def offsets(seed: int = 1) -> np.ndarray:
    """What a device adds to log-mel features: one number for each clip and row."""
    return np.random.default_rng(seed).normal(0, 4, (3, 8, 1, 1))


def layer(kind: type, **arguments) -> keras.layers.Layer:
    return kind(dtype="float64", **arguments)


def plain(x: np.ndarray, axes: tuple[int, ...], epsilon: float = 1e-5) -> np.ndarray:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


# Limits


def test_frequency_instance_norm_is_its_formula():
    np.testing.assert_allclose(
        layer(FrequencyInstanceNorm)(inputs()), plain(inputs(), (2, 3)), atol=1e-12
    )


def test_residual_norm_without_residual_is_freq_in():
    got = layer(ResidualNorm, weight=0.0)(inputs())
    np.testing.assert_array_equal(got, layer(FrequencyInstanceNorm)(inputs()))


def test_residual_norm_with_all_of_it_adds_the_input():
    got = layer(ResidualNorm, weight=1.0)(inputs())
    np.testing.assert_allclose(got, inputs() + plain(inputs(), (2, 3)), atol=1e-12)


def test_relaxed_norm_that_is_not_relaxed_is_freq_in():
    got = layer(RelaxedInstanceFrequencyNorm, weight=0.0)(inputs())
    np.testing.assert_array_equal(got, layer(FrequencyInstanceNorm)(inputs()))


def test_relaxed_norm_that_is_relaxed_wholly_is_layer_norm():
    got = layer(RelaxedInstanceFrequencyNorm, weight=1.0)(inputs())
    np.testing.assert_allclose(got, plain(inputs(), (1, 2, 3)), atol=1e-12)


def test_published_weights_are_the_defaults():
    assert (ResidualNorm().weight, RelaxedInstanceFrequencyNorm().weight) == (0.1, 0.5)


# What a device does


def test_freq_in_forgets_what_is_added_to_a_row():
    moved = layer(FrequencyInstanceNorm)(inputs() + offsets())
    np.testing.assert_allclose(moved, layer(FrequencyInstanceNorm)(inputs()), atol=1e-11)


@pytest.mark.parametrize("weight", [0.05, 0.1, 0.7])
def test_residual_norm_keeps_the_share_lambda_of_it(weight):
    norm = layer(ResidualNorm, weight=weight)
    change = norm(inputs() + offsets()) - norm(inputs())
    np.testing.assert_allclose(change, np.broadcast_to(weight * offsets(), SHAPE), atol=1e-11)


@pytest.mark.parametrize("gain", [0.2, 5.0])
def test_relaxed_norm_forgets_gain_and_offset_of_the_whole(gain):
    norm = layer(RelaxedInstanceFrequencyNorm, epsilon=1e-12)
    np.testing.assert_allclose(norm(gain * inputs() - 3.0), norm(inputs()), atol=1e-9)


@pytest.mark.parametrize("weight", [0.25, 0.5])
def test_relaxed_norm_does_not_forget_how_rows_differ(weight):
    norm = layer(RelaxedInstanceFrequencyNorm, weight=weight)
    assert np.abs(norm(inputs() + offsets()) - norm(inputs())).max() > 0.1


@pytest.mark.parametrize("kind", LAYERS)
def test_a_clip_does_not_depend_on_its_batch(kind):
    alone = [layer(kind)(clip[np.newaxis]) for clip in inputs()]
    np.testing.assert_allclose(layer(kind)(inputs()), np.concatenate(alone), atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_digital_silence_is_finite(kind):
    assert np.all(np.isfinite(kind()(np.full(SHAPE, -13.8, np.float32))))


# As layers


@pytest.mark.parametrize("kind", LAYERS)
def test_no_weights_and_training_is_inference(kind):
    one = layer(kind)
    np.testing.assert_array_equal(one(inputs(), training=True), one(inputs(), training=False))
    assert not one.weights


@pytest.mark.parametrize("kind", LAYERS)
def test_saved_and_loaded(kind, tmp_path):
    arguments = {} if kind is FrequencyInstanceNorm else {"weight": 0.3}
    entry = keras.Input(SHAPE[1:])
    model = keras.Model(entry, kind(epsilon=1e-3, name="norm", **arguments)(entry))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("norm").get_config() == model.get_layer("norm").get_config()
    x = inputs().astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_pass(kind):
    x = tf.constant(inputs(), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(kind()(x) ** 3)
    assert np.abs(tape.gradient(loss, x)).max() > 0


@pytest.mark.parametrize("arguments", [{"weight": -0.1}, {"weight": 1.1}, {"epsilon": 0.0}])
def test_arguments_out_of_range(arguments):
    for kind in (ResidualNorm, RelaxedInstanceFrequencyNorm):
        with pytest.raises(ValueError, match="must be"):
            kind(**arguments)
    with pytest.raises(ValueError, match="above 0"):
        FrequencyInstanceNorm(epsilon=0.0)
