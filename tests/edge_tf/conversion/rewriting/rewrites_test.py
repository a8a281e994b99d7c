"""Each rewrite keeps the function and removes the ops it should."""

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.conversion.rewriting import graph, lowering, rewrites
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import (
    SHAPE,
    block_model,
    features,
    kinds,
    noise,
    randomize,
    run,
)

layers = keras.layers
CLIPS = features(4)


def check(rewrite, output: graph.Node, clips: np.ndarray = CLIPS) -> graph.Node:
    changed = rewrite(output)
    assert changed.shape == output.shape
    np.testing.assert_allclose(run(changed, clips), run(output, clips), atol=1e-4)
    return changed


def lowered(make, seed: int = 0) -> graph.Node:
    inputs = keras.Input(SHAPE)
    return lowering.lower(randomize(keras.Model(inputs, make(inputs)), seed))


REWRITES = [rewrites.fold_affine, rewrites.mean_as_depthwise, rewrites.dilation_as_zeros]


class TestAll:
    @pytest.mark.parametrize("rewrite", REWRITES)
    @pytest.mark.parametrize("seed", range(3))
    def test_a_block(self, rewrite, seed):
        check(rewrite, lowering.lower(randomize(block_model(), seed)))

    @pytest.mark.parametrize("rewrite", REWRITES)
    def test_bc_resnet(self, rewrite):
        model = randomize(build_model("bc_resnet", tau=1, num_classes=4))
        check(rewrite, lowering.lower(model), noise(model, 2))

    @pytest.mark.parametrize("rewrite", REWRITES)
    def test_a_second_time_changes_nothing(self, rewrite):
        once = rewrite(lowering.lower(block_model()))
        assert kinds(rewrite(once)) == kinds(once)

    @pytest.mark.parametrize("rewrite", REWRITES)
    def test_nothing_to_do(self, rewrite):
        x = graph.Input((), (1, *SHAPE))
        assert kinds(check(rewrite, graph.Activation((x,), "relu"))) == ["Activation"]


class TestFoldAffine:
    @pytest.mark.parametrize("kind", [layers.Conv2D, layers.DepthwiseConv2D])
    @pytest.mark.parametrize("use_bias", [True, False])
    def test_norms_go_into_what_is_before(self, kind, use_bias):
        def make(x):
            x = layers.Conv2D(4, 1)(x)
            x = kind(*([5] if kind is layers.Conv2D else []), kernel_size=3, use_bias=use_bias)(x)
            return layers.BatchNormalization()(layers.BatchNormalization()(x))

        changed = check(rewrites.fold_affine, lowered(make))
        last = "Depthwise" if kind is layers.DepthwiseConv2D else "Convolution"
        assert kinds(changed) == ["Convolution", last]

    def test_a_norm_by_rows_stays(self):
        changed = check(rewrites.fold_affine, lowering.lower(block_model()))
        affine = [node for node in graph.order(changed) if isinstance(node, graph.Affine)]
        assert [node.scale.shape[1] for node in affine] == [10]

    def test_what_others_read_stays(self):
        def make(x):
            x = layers.Conv2D(4, 1)(x)
            return layers.Add()([x, layers.BatchNormalization()(x)])

        assert kinds(check(rewrites.fold_affine, lowered(make))) == ["Convolution", "Affine", "Add"]

    def test_after_something_else_stays(self):
        changed = check(
            rewrites.fold_affine,
            lowered(lambda x: layers.BatchNormalization()(layers.ReLU()(layers.Conv2D(4, 1)(x)))),
        )
        assert kinds(changed) == ["Convolution", "Activation", "Affine"]


class TestMeanAsDepthwise:
    @pytest.mark.parametrize(
        "pool",
        [
            layers.AveragePooling2D((20, 1)),
            layers.AveragePooling2D((20, 5)),
            layers.AveragePooling2D((13, 3)),  # leaves rows out
            layers.GlobalAveragePooling2D(keepdims=True),
        ],
        ids=["all rows", "strided", "rows left out", "global"],
    )
    def test_means_over_all_rows(self, pool):
        (depthwise,) = kinds(check(rewrites.mean_as_depthwise, lowered(pool)))
        assert depthwise == "Depthwise"

    def test_other_pools_stay(self):
        pool = layers.AveragePooling2D((10, 2))
        assert kinds(check(rewrites.mean_as_depthwise, lowered(pool))) == ["Pool"]

    def test_weights_are_equal_so_that_they_are_exact_in_int8(self):
        changed = rewrites.mean_as_depthwise(lowered(layers.AveragePooling2D((20, 1))))
        assert isinstance(changed, graph.Depthwise)
        assert np.unique(changed.kernel).size == 1 and not changed.bias.any()


class TestDilationAsZeros:
    @given(
        kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        dilation=st.tuples(st.integers(1, 5), st.integers(1, 3)),
        padding=st.sampled_from(["SAME", "VALID"]),
    )
    @settings(max_examples=40)
    def test_any_kernel(self, kernel, dilation, padding):
        rng = np.random.default_rng(0)
        x = graph.Input((), (1, *SHAPE))
        weights = rng.normal(size=(*kernel, 1, 1)).astype(np.float32)
        bias = np.ones(1, np.float32)
        node = graph.Depthwise((x,), weights, bias, dilation=dilation, padding=padding)
        changed = check(rewrites.dilation_as_zeros, node)
        assert isinstance(changed, graph.Depthwise)
        assert changed.dilation == ((1, 1) if max(dilation) <= 4 else dilation)

    def test_convolutions_over_channels_stay(self):
        changed = check(
            rewrites.dilation_as_zeros, lowered(layers.Conv2D(3, 3, dilation_rate=(2, 2)))
        )
        assert isinstance(changed, graph.Convolution) and changed.dilation == (2, 2)


class TestShiftLogits:
    SHIFT = np.array([0.5, -2.0, 0.0, 3.0], np.float32)

    def test_the_shift_is_added(self):
        output = lowering.lower(block_model())
        shifted = rewrites.shift_logits(output, self.SHIFT)
        np.testing.assert_allclose(run(shifted, CLIPS), run(output, CLIPS) + self.SHIFT, atol=1e-5)

    def test_without_a_reshape_at_the_end(self):
        output = lowered(layers.Conv2D(4, 1))
        shifted = rewrites.shift_logits(output, self.SHIFT)
        np.testing.assert_allclose(run(shifted, CLIPS), run(output, CLIPS) + self.SHIFT, atol=1e-5)

    def test_other_ends_are_a_mistake(self):
        with pytest.raises(ValueError, match="does not end in a convolution"):
            rewrites.shift_logits(lowered(layers.ReLU()), self.SHIFT[:1])
