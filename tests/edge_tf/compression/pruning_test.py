"""Magnitude pruning: which kernels, how many zeros and when, and that they stay."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.compression import pruning
from edge_tf.compression.network import Network, State
from edge_tf.errors import UserError
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import block_model

layers = keras.layers


def masks_of(model: keras.Model) -> pruning.Masks:
    return Network(State(model), quantized=False).masks


@pytest.mark.parametrize(
    ("kinds", "count"), [(("stem",), 1), (("pointwise",), 18), (("depthwise",), 25)]
)
def test_each_kind_of_kernel_of_bc_resnet_is_found(kinds, count):
    """12 blocks: f1's 1x1 in each, 4 expanding ones; tail and classifier. Depthwise 2 per block."""
    model = build_model("bc_resnet", tau=1, num_classes=12, input_shape=(40, 101, 1))
    assert len(pruning.chosen(model, kinds)) == count


def test_a_model_without_such_kernels_is_refused():
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.ReLU()(inputs)))
    model = keras.Model(inputs, outputs)
    with pytest.raises(UserError, match="has no depthwise kernels to prune; choose"):
        pruning.chosen(model, ("depthwise",))


def test_the_weights_with_the_smallest_magnitude_go_as_many_as_requested():
    masks = masks_of(block_model())
    names = ["dense"] if "dense" in masks.kernels else list(masks.kernels)[-1:]
    kernel = masks.kernels[names[0]]
    gradual = pruning.GradualPruning(masks, names, 0.75, steps=20)
    before = kernel.numpy().copy()
    update = tf.function(lambda: gradual.update(), autograph=False)
    for _ in range(20):
        update()
    masks.apply()
    gone = kernel.numpy() == 0
    assert gone.sum() == round(0.75 * gone.size)
    assert np.abs(before[gone]).max() <= np.abs(before[~gone]).min()
    np.testing.assert_array_equal(kernel.numpy()[~gone], before[~gone])


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.8])
def test_sparsity_rises_as_a_cubic_and_ends_exactly(sparsity):
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(1, 1, 40, 50)).astype(np.float32))
    masks = pruning.Masks({"k": kernel}, {})
    steps = 100
    gradual = pruning.GradualPruning(masks, ["k"], sparsity, steps)
    update = tf.function(lambda: gradual.update(), autograph=False)
    seen = []
    for _ in range(steps):
        update()
        seen.append(1.0 - masks.masks["k"].numpy().mean())
    rising = np.arange(1, 61) / 60
    np.testing.assert_allclose(seen[:60], sparsity * (1 - (1 - rising) ** 3), atol=0.003)
    np.testing.assert_allclose(seen[60:], sparsity, atol=1e-6)


def test_pruning_goes_on_from_the_masks_that_are_there():
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(10, 10)).astype(np.float32))
    half = (np.abs(kernel.numpy()) > np.median(np.abs(kernel.numpy()))).astype(np.float32)
    masks = pruning.Masks({"k": kernel}, {"k": half})
    gradual = pruning.GradualPruning(masks, ["k"], 0.8, steps=10)
    tf.function(lambda: gradual.update(), autograph=False)()
    first = 1.0 - masks.masks["k"].numpy().mean()
    assert 0.5 <= first < 0.8


def test_only_masks_with_zeros_are_handed_on():
    kernels = {name: tf.Variable(np.ones((2, 2), np.float32)) for name in "ab"}
    masks = pruning.Masks(kernels, {"a": np.eye(2, dtype=np.float32)})
    assert list(masks.values()) == ["a"]
    masks.apply()
    np.testing.assert_array_equal(kernels["a"].numpy(), np.eye(2))
    np.testing.assert_array_equal(kernels["b"].numpy(), np.ones((2, 2)))


def test_pruned_weights_do_not_come_back_when_living_ones_shrink():
    """The bug that this is for: training collapsed while weights went and came."""
    kernel = tf.Variable(np.float32([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]))
    masks = pruning.Masks({"k": kernel}, {})
    gradual = pruning.GradualPruning(masks, ["k"], 0.5, steps=20)
    update = tf.function(lambda: gradual.update(), autograph=False)
    for _ in range(8):
        update()
    gone = masks.masks["k"].numpy()[0] == 0
    assert 0 < gone.sum() < 5
    kernel.assign(kernel * 0.01)
    for _ in range(12):
        update()
    assert np.all(masks.masks["k"].numpy()[0][gone] == 0) and np.all(kernel.numpy()[0][gone] == 0)
    # Their last values are kept, so that they can be revived.
    last = gradual.last_values()["k"][0]
    np.testing.assert_array_equal(last[gone], np.arange(1.0, 9.0, dtype=np.float32)[gone])
    masks.revive({"k": gradual.last_values()["k"]})
    assert np.all(kernel.numpy() != 0) and masks.masks["k"].numpy().mean() == 0.5
