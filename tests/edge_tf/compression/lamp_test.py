"""LAMP: scores by their formula, and pruning that has the sparsity of all kernels together."""

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.compression import lamp, pruning

RNG = np.random.default_rng(0)


def kernel(*shape: int, factor: float = 1.0) -> tf.Variable:
    return tf.Variable(factor * RNG.normal(size=shape).astype(np.float32))


def pruned(kernels: dict[str, tf.Variable], sparsity: float, by: str = "network") -> pruning.Masks:
    masks = pruning.Masks(kernels, {})
    gradual = pruning.GradualPruning(masks, list(kernels), sparsity, 20, by)
    update = tf.function(lambda: gradual.update(), autograph=False)
    for _ in range(20):
        update()
    return masks


def test_scores_are_shares_of_what_is_not_smaller():
    weights = np.array([[3.0, -1.0], [0.0, 2.0]], np.float32)
    found = lamp.scores(tf.constant(weights)).numpy()
    np.testing.assert_allclose(found, [1.0, 1 / (1 + 4 + 9), 0.0, 4 / (4 + 9)], rtol=1e-6)


def test_scores_are_those_of_the_formula_and_a_factor_changes_nothing():
    weights = RNG.normal(size=(3, 1, 5, 4)).astype(np.float32)
    squares = weights.reshape(-1).astype(np.float64) ** 2
    wanted = [w / squares[squares >= w].sum() for w in squares]
    for factor in (1.0, -1000.0):
        found = lamp.scores(tf.constant(factor * weights)).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert found.max() == 1.0


def test_a_kernel_of_zeros_scores_nothing():
    np.testing.assert_array_equal(lamp.scores(tf.zeros((2, 3))), np.zeros(6))


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
def test_all_kernels_together_get_the_sparsity(sparsity):
    kernels = {"a": kernel(1, 1, 40, 50), "b": kernel(5, 5, 1, 8), "c": kernel(30, 4)}
    masks = pruned(kernels, sparsity)
    size = sum(int(tf.size(one)) for one in kernels.values())
    kept = sum(int(mask.numpy().sum()) for mask in masks.masks.values())
    assert kept == round(size * (1.0 - sparsity))
    for name, one in kernels.items():
        assert np.count_nonzero(one.numpy()) == masks.masks[name].numpy().sum() > 0, name


def test_within_a_kernel_the_smallest_go():
    kernels = {"a": kernel(20, 20), "b": kernel(5, 5)}
    before = {name: np.abs(one.numpy()) for name, one in kernels.items()}
    masks = pruned(kernels, 0.7)
    for name, mask in masks.masks.items():
        kept = mask.numpy() == 1
        assert before[name][kept].min() >= before[name][~kept].max()


def test_a_kernel_in_which_all_weights_matter_loses_less():
    """A kernel with few large weights loses more than one of equal weights; by layer, the same."""
    spiky = 0.001 * RNG.random((10, 40), np.float32)
    spiky[:, 0] = 1.0
    even = np.ones((10, 40), np.float32) + 0.01 * RNG.random((10, 40), np.float32)
    shares = {}
    for by in ("layer", "network"):
        masks = pruned({"spiky": tf.Variable(spiky), "even": tf.Variable(even)}, 0.4, by)
        shares[by] = {name: 1 - mask.numpy().mean() for name, mask in masks.masks.items()}
    assert shares["layer"]["spiky"] == pytest.approx(0.4) == shares["layer"]["even"]
    assert shares["network"]["spiky"] > 0.7 and shares["network"]["even"] < 0.1


def test_no_kernel_is_emptied():
    kernels = {"large": kernel(50, 40, factor=100.0), "small": kernel(2, 2, factor=1e-4)}
    masks = pruned(kernels, 0.99)
    assert masks.masks["small"].numpy().sum() >= 1
    assert np.isfinite(kernels["small"].numpy()).all()
