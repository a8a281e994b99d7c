"""Position-based scaled gradients: the limits of the scale, the warped space, plain rounding."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression import position_scaling
from edge_tf.compression.position_scaling import grid, nearest, round_weights, scaled_gradient
from edge_tf.models import bc_resnet


def weights(seed: int = 0, shape: tuple[int, ...] = (3, 3, 4, 8)) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(0, 0.2, shape), tf.float32)


# The grid


@pytest.mark.parametrize(("bits", "levels"), [(2, 1), (3, 3), (4, 7), (8, 127)])
def test_grid_is_restricted_and_symmetric(bits, levels):
    w = weights()
    step = float(grid(w, bits))
    np.testing.assert_allclose(step, np.abs(w).max() / levels, rtol=1e-6)
    steps = nearest(w, bits).numpy() / step
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert np.abs(np.rint(steps)).max() == levels
    assert np.abs(nearest(w, bits) - w).max() <= step / 2 * (1 + 1e-5)


def test_rounding_by_hand():
    """3 bits, largest 3: the grid is the whole numbers."""
    found = nearest(tf.constant([3.0, 1.4, -1.6, 0.4, -0.6]), 3)
    np.testing.assert_allclose(found, [3.0, 1.0, -2.0, 0.0, -1.0], rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("bits", range(2, 9))
def test_rounding_twice_is_rounding_once(bits, compiled):
    """To the bit, in a graph as well."""
    rounded = tf.function(nearest, autograph=False) if compiled else nearest
    for seed in range(5):
        once = rounded(weights(seed), bits)
        np.testing.assert_array_equal(rounded(once, bits), once)


def test_zeros_stay_zeros():
    zeros = tf.zeros((3, 3))
    np.testing.assert_array_equal(nearest(zeros, 4), zeros)
    assert float(grid(zeros, 4)) == 0
    assert np.isfinite(scaled_gradient(tf.ones((3, 3)), zeros, 4, 100.0)).all()


def test_one_bit_is_no_grid():
    for function in (grid, nearest):
        with pytest.raises(ValueError, match="bits=1 must be at least 2"):
            function(weights(), 1)


# The scaled gradient


def test_scaled_gradient_is_the_formula():
    w, g = weights(0).numpy(), weights(1).numpy()
    step = np.abs(w).max() / 7
    distance = np.abs(w - np.rint(w / step) * step)
    found = scaled_gradient(tf.constant(g), tf.constant(w), 4, 150.0, 0.01)
    np.testing.assert_allclose(found, g * 150.0 * (distance + 0.01), rtol=1e-3, atol=1e-6)


def test_weights_on_the_grid_do_not_move():
    on_grid = nearest(weights(), 4)
    assert not np.any(scaled_gradient(weights(1), on_grid, 4, 150.0))
    np.testing.assert_allclose(
        scaled_gradient(weights(1), on_grid, 4, 150.0, 0.1), 15.0 * weights(1), rtol=1e-6
    )


def test_descent_does_not_cross_a_grid_point():
    """However long: a weight between two points comes to rest at one, where plain descent goes on.

    The largest weight, which makes the grid, has no gradient.
    """
    w = tf.Variable([3.0, 1.4])
    wanted = tf.constant([3.0, 0.2])
    for _ in range(500):
        w.assign_sub(0.05 * scaled_gradient(w - wanted, w, 3, 1.0))
    np.testing.assert_allclose(w, [3.0, 1.0], atol=1e-3)


def train(optimizer_step, steps: int = 60) -> tuple[np.ndarray, float]:
    """Least squares from the same start with the same data; the weights and the last loss."""
    draw = np.random.default_rng(3)
    x = tf.constant(draw.normal(size=(64, 5)), tf.float32)
    y = x @ tf.constant(draw.normal(size=(5, 2)), tf.float32)
    w = tf.Variable(weights(4, (5, 2)))
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(x @ w - y))
        w.assign_sub(0.1 * optimizer_step(tape.gradient(loss, w), w))
    return w.numpy(), float(loss)


def test_a_constant_scale_is_gradient_descent():
    """A large epsilon hides the distance, and 1 / epsilon cancels its size."""
    plain, loss = train(lambda g, w: g)
    constant, _ = train(lambda g, w: scaled_gradient(g, w, 4, 1e-5, 1e5))
    positional, _ = train(lambda g, w: scaled_gradient(g, w, 4, 10.0))
    assert loss < 0.1  # it did learn
    np.testing.assert_allclose(constant, plain, rtol=1e-4)
    assert np.abs(positional - plain).max() > 0.05  # which this would notice


def test_weights_end_nearer_to_the_grid_than_by_gradient_descent():
    def distance(w):
        return float(np.mean(np.abs(w - nearest(tf.constant(w), 3)) / grid(w, 3)))

    plain, _ = train(lambda g, w: g)
    positional, _ = train(lambda g, w: scaled_gradient(g, w, 3, 4.0), 400)
    assert distance(positional) < 0.5 * distance(plain)


# The warped space


@pytest.mark.parametrize("epsilon", [0.0, 0.05])
@pytest.mark.parametrize("strength", [1.0, 4.0])
def test_a_step_is_descent_in_the_warped_space(strength, epsilon):
    """f, a step of plain descent there, f back: the same to first order in the rate.

    What is left must fall with its square.
    """
    draw = np.random.default_rng(0)
    target = draw.normal(size=200)
    w = target + draw.choice([-1, 1], 200) * draw.uniform(0.05, 0.5, 200)
    g = draw.normal(size=200)

    def warp(v):
        d = v - target
        return 2 / strength**0.5 * np.sign(d) * (np.sqrt(np.abs(d) + epsilon) - epsilon**0.5)

    def unwarp(u):
        root = np.abs(u) * strength**0.5 / 2 + epsilon**0.5
        return target + np.sign(u) * (root**2 - epsilon)

    np.testing.assert_allclose(unwarp(warp(w)), w, rtol=1e-12)
    # dw/du = 1 / f'(w), here by a difference quotient and not by the formula under test
    slope = (warp(w + 1e-6) - warp(w - 1e-6)) / 2e-6
    errors = []
    for rate in (1e-2, 5e-3, 2.5e-3):
        there = unwarp(warp(w) - rate * g / slope)
        s = position_scaling.scale(tf.constant(w), tf.constant(target), strength, epsilon)
        here = w - rate * s.numpy() * g
        errors.append(np.abs(there - here).max())
        assert errors[-1] < 0.1 * np.abs(here - w).max()
    np.testing.assert_allclose(errors[:-1], 4 * np.array(errors[1:]), rtol=0.05)


# Plain rounding of a model


def small_model() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.SeparableConv2D(5, 1, name="separable")(x)
    x = keras.layers.Dense(2, name="dense")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, x)
    draw = np.random.default_rng(0)
    model.set_weights([draw.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def test_kernels_of_all_kinds_are_rounded_and_nothing_else():
    model = small_model()
    names = {variable.name for variable in position_scaling.kernels(model)}
    assert names == {
        "conv/kernel:0",
        "depthwise/depthwise_kernel:0",
        "separable/depthwise_kernel:0",
        "separable/pointwise_kernel:0",
        "dense/kernel:0",
    }
    copy = round_weights(model, 4)
    for old, new in zip(model.variables, copy.variables, strict=True):
        expected = nearest(old, 4) if old.name in names else old
        np.testing.assert_array_equal(new, expected)
        assert (old.name in names) == bool(np.any(old.numpy() != new.numpy()))


def test_the_model_itself_is_left_alone():
    model = small_model()
    before = model.get_weights()
    round_weights(model, 2)
    for new, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


def test_rounding_a_model_twice_is_rounding_it_once():
    once = round_weights(small_model(), 3)
    for a, b in zip(round_weights(once, 3).get_weights(), once.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bc_resnet_has_a_kernel_for_each_convolution():
    model = bc_resnet.build(1)
    wanted = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    count = sum(isinstance(layer, wanted) for layer in model.layers)
    assert len(position_scaling.kernels(model)) == count > 30
    clips = tf.random.stateless_normal((4, 40, 101, 1), (0, 1))
    exact = model(clips, training=False).numpy()
    errors = [np.abs(round_weights(model, b)(clips, training=False) - exact).max() for b in (4, 8)]
    assert 0 < errors[1] < 0.3 * errors[0]
