"""Freq-MixStyle: identity in inference; in training a clip gets statistics between two clips'."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression import quantization
from edge_tf.conversion.rewriting import lowering
from edge_tf.errors import UserError
from edge_tf.layers.frequency_mix_style import FrequencyMixStyle
from edge_tf.settings import TrainingSettings
from edge_tf.training.step import SgdStep, dropout_generators, seed_everything

SHAPE = (6, 5, 7, 3)


def inputs(seed: int = 0, shape=SHAPE) -> np.ndarray:
    """Every instance and frequency with a mean and a spread of its own."""
    rng = np.random.default_rng(seed)
    size = (*shape[:2], 1, 1)
    x = rng.normal(size=shape) * np.exp(rng.normal(size=size)) + 3 * rng.normal(size=size)
    return x.astype(np.float32)


def moments(x) -> tuple[np.ndarray, np.ndarray]:
    x = np.asarray(x, np.float64)
    return x.mean(axis=(2, 3)), x.std(axis=(2, 3))


def weights_and_partners(x, y) -> list[tuple[float, int]]:
    """For each instance the weight and the other instance that explain all its new means."""
    before, after = moments(x)[0], moments(y)[0]
    found = []
    for n in range(len(before)):
        fits = []
        for m in range(len(before)):
            slope = before[n] - before[m]
            share = 1.0
            if m != n:
                share = float(slope @ (after[n] - before[m]) / (slope @ slope))
            error = np.abs(share * before[n] + (1 - share) * before[m] - after[n]).max()
            fits.append((error, share, m))
        error, share, m = min(fits)
        assert error < 1e-4
        found.append((share, m))
    return found


@pytest.mark.parametrize("training", [False, None])
def test_inference_is_the_identity(training):
    layer = FrequencyMixStyle(1.0)
    np.testing.assert_array_equal(layer(inputs(), training=training), inputs())


def test_probability_0_is_the_identity_in_training():
    layer = FrequencyMixStyle(0.0)
    for _ in range(5):
        np.testing.assert_array_equal(layer(inputs(), training=True), inputs())


def test_the_new_moments_lie_between_those_of_two_instances_with_one_weight():
    """Means and deviations of all frequencies, by the same weight and from the same instance."""
    x = inputs()
    _, deviation = moments(x)
    changed = 0
    for _ in range(10):
        y = FrequencyMixStyle(1.0, alpha=1.0)(x, training=True).numpy()
        _, new_deviation = moments(y)
        for n, (weight, m) in enumerate(weights_and_partners(x, y)):
            assert -1e-4 <= weight <= 1 + 1e-4
            expected = weight * deviation[n] + (1 - weight) * deviation[m]
            np.testing.assert_allclose(new_deviation[n], expected, rtol=1e-3)
            changed += m != n
    assert changed > 20  # of 60; a permutation leaves one of its six in place


def test_what_is_left_when_the_moments_are_taken_out_stays():
    x = inputs()
    y = FrequencyMixStyle(1.0)(x, training=True).numpy()
    for tensor in (x, y):
        tensor -= tensor.mean(axis=(2, 3), keepdims=True)
        tensor /= tensor.std(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(y, x, atol=2e-3)


def test_every_instance_is_the_partner_of_one():
    x = inputs(shape=(12, 5, 7, 3))
    y = FrequencyMixStyle(1.0, alpha=1.0, seed=3)(x, training=True).numpy()
    assert sorted(m for _, m in weights_and_partners(x, y)) == list(range(12))


def test_a_batch_of_one_stays():
    x = inputs(shape=(1, 5, 7, 3))
    np.testing.assert_allclose(FrequencyMixStyle(1.0)(x, training=True), x, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 1.0])
def test_weights_are_beta_distributed(alpha):
    """Mean 1/2 and variance 1 / (8 alpha + 4), within four standard errors."""
    x = inputs(shape=(400, 5, 4, 1))
    y = FrequencyMixStyle(1.0, alpha=alpha)(x, training=True).numpy()
    assert np.isfinite(y).all()
    weights = np.array([w for w, m in weights_and_partners(x, y)])
    variance = 1 / (8 * alpha + 4)
    assert abs(weights.mean() - 0.5) < 4 * (variance / 400) ** 0.5
    assert abs(weights.var() - variance) < 4 * variance / 400**0.5


def test_the_share_of_mixed_batches():
    """Whole batches, within four standard errors; in a graph, where nothing is frozen."""
    layer = FrequencyMixStyle(0.3)
    x = tf.constant(inputs())
    layer(x)
    run = tf.function(lambda: layer(x, training=True))
    mixed = [np.any(run().numpy() != x.numpy()) for _ in range(300)]
    assert abs(np.mean(mixed) - 0.3) < 4 * (0.21 / 300) ** 0.5


def test_gradients_take_the_moments_as_constants():
    """d y / d x is then the new deviation over the old one, for each instance and frequency."""
    x = tf.constant(inputs())
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = FrequencyMixStyle(1.0)(x, training=True)
        total = tf.reduce_sum(y)
    ratio = moments(y)[1] / moments(x)[1]
    expected = np.broadcast_to(ratio[:, :, None, None], SHAPE)
    np.testing.assert_allclose(tape.gradient(total, x), expected, rtol=1e-3)


def model(probability: float = 1.0) -> keras.Model:
    x = keras.Input((10, 8, 1))
    y = keras.layers.Conv2D(4, 3, name="conv")(FrequencyMixStyle(probability, name="mix")(x))
    return keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(y)))


def trained(epochs: tuple[int, ...]) -> list[np.ndarray]:
    """Weights after some epochs of one step each."""
    seed_everything(1)
    step = SgdStep(model(), TrainingSettings(seed=5))
    x, y = inputs(shape=(6, 10, 8, 1)), np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1, 0]]
    for epoch in epochs:
        step.begin_epoch(epoch)
        step(x, y, 0.1)
    return step.model.get_weights()


def test_what_an_epoch_draws_depends_on_the_seed_and_its_number_alone():
    """A resumed training is exact: the generator is one of those that begin_epoch resets."""
    assert len(dropout_generators(model())) == 1
    for mine, same in zip(trained((0, 1)), trained((0, 1)), strict=True):
        np.testing.assert_array_equal(mine, same)
    one, other = trained((0,)), trained((1,))
    assert any(np.any(a != b) for a, b in zip(one, other, strict=True))


def test_config_and_file_round_trip(tmp_path):
    layer = FrequencyMixStyle(0.7, alpha=0.4, epsilon=1e-5, seed=3, name="mix")
    config = FrequencyMixStyle.from_config(layer.get_config()).get_config()
    assert config == layer.get_config()
    assert (config["probability"], config["alpha"], config["epsilon"]) == (0.7, 0.4, 1e-5)
    whole = model(0.7)
    whole.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("mix").get_config() == whole.get_layer("mix").get_config()
    x = inputs(shape=(3, 10, 8, 1))
    np.testing.assert_array_equal(loaded(x, training=False), whole(x, training=False))
    assert layer.weights == []


def test_the_int8_graph_does_not_have_it():
    """As without it, node for node."""
    with_it = model()
    x = keras.Input((10, 8, 1))
    y = x
    for layer in with_it.layers[2:]:
        y = layer(y)
    without = keras.Model(x, y)
    assert kinds(lowering.lower(with_it)) == kinds(lowering.lower(without))


def kinds(node) -> list:
    return [type(node).__name__, *(kinds(one) for one in node.inputs)]


def test_quantization_aware_training_leaves_it_alone():
    config = quantization.config_for(FrequencyMixStyle())
    assert not config.get_output_quantizers(FrequencyMixStyle())
    whole = model()
    ranges = quantization.calibrated(whole, inputs(shape=(6, 10, 8, 1)))
    quantized = quantization.QuantizedModel(whole, {}, ranges).model
    assert len(dropout_generators(quantized)) == 1
    x = inputs(shape=(3, 10, 8, 1))
    assert np.any(quantized(x, training=True).numpy() != quantized(x, training=True).numpy())


def test_a_subclass_that_does_something_else_is_not_dropped():
    class Other(FrequencyMixStyle):
        def call(self, inputs, training=None):
            return inputs + 1.0

    x = keras.Input((10, 8, 1))
    with pytest.raises(UserError, match="Other"):
        lowering.lower(keras.Model(x, Other()(x)))


@pytest.mark.parametrize(
    "bad",
    [
        {"probability": -0.1},
        {"probability": 1.1},
        {"probability": float("nan")},
        {"alpha": 0.0},
        {"alpha": float("nan")},
        {"alpha": float("inf")},
        {"epsilon": 0.0},
    ],
    ids=str,
)
def test_refuses_arguments_out_of_range(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=name):
        FrequencyMixStyle(**bad)


def test_refuses_what_is_not_4d():
    with pytest.raises(ValueError, match="ndim=4"):
        FrequencyMixStyle()(np.zeros((2, 10, 3), np.float32))
