"""Blocks as one depthwise convolution per sub-band: the same function with fewer ops."""

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.conversion import int8
from edge_tf.conversion.rewriting import bands, graph, lowering, rewrites
from edge_tf.engines.litert import LiteRTReference
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import build_model, inference
from tests.edge_tf.conversion.conversion_fixtures import (
    block_model,
    features,
    kinds,
    noise,
    randomize,
    residual_block,
    run,
)

layers = keras.layers


def folded(model: keras.Model, clips: np.ndarray | None = None) -> tuple[graph.Node, graph.Node]:
    """The graph before and after, which compute the same."""
    clips = noise(model, 6) if clips is None else clips
    before = rewrites.fold_affine(lowering.lower(model))
    after = bands.fold_blocks(before, clips[:3])  # the others are beyond the ranges seen
    assert after.shape == before.shape
    np.testing.assert_allclose(run(after, clips), run(before, clips), atol=1e-4)
    return before, after


def depthwise(output: graph.Node) -> list[graph.Depthwise]:
    return [node for node in graph.order(output) if isinstance(node, graph.Depthwise)]


# Rows up to and above those that are stacked as a whole; sub-bands from one to all rows.
SIZES = [(10, 1), (10, 5), (10, 10), (5, 5), (16, 1), (16, 4), (16, 16)]


class TestFunction:
    @pytest.mark.parametrize(("rows", "sub_bands"), SIZES)
    @pytest.mark.parametrize("shortcut", [False, True])
    def test_stride_1(self, rows, sub_bands, shortcut):
        before, after = folded(residual_block(rows, sub_bands, shortcut=shortcut))
        assert "Affine" in kinds(before) and "Add" in kinds(before)
        assert not {"Affine", "Add", "Pool"} & set(kinds(after))
        assert len(depthwise(after)) == 1 + sub_bands  # the mean is one too

    @pytest.mark.parametrize(("rows", "sub_bands"), [(10, 1), (10, 5), (20, 1), (40, 5), (32, 16)])
    @pytest.mark.parametrize("padding", ["same", "pad"])
    def test_stride_2(self, rows, sub_bands, padding):
        _, after = folded(residual_block(rows, sub_bands, stride=2, padding=padding))
        assert not {"Affine", "Add", "Pool"} & set(kinds(after))
        assert len(depthwise(after)) == 1 + sub_bands

    @pytest.mark.parametrize(("rows", "sub_bands"), [(10, 5), (12, 6), (22, 2)])
    def test_padding_of_its_own(self, rows, sub_bands):
        folded(residual_block(rows, sub_bands, padding="pad"))

    @pytest.mark.parametrize(("rows", "sub_bands"), [(12, 5), (7, 1), (17, 3)])
    def test_no_padding(self, rows, sub_bands):
        folded(residual_block(rows, sub_bands, padding="valid"))

    @pytest.mark.parametrize("affine", ["sub", "all", "none"])
    def test_a_block_of_the_other_tests(self, affine):
        folded(block_model(affine), features(6))

    @pytest.mark.parametrize("seed", range(3))
    def test_bc_resnet(self, seed):
        model = randomize(build_model("bc_resnet", tau=0.5, num_classes=4), seed)
        _, after = folded(model)
        assert not {"Affine", "Add"} & set(kinds(after))
        assert kinds(after).count("Pool") == 1  # the last one, after the tail

    @pytest.mark.parametrize(("rows", "sub_bands"), [(20, 1), (40, 2), (16, 16)])
    def test_no_more_rows_are_joined_at_once_than_an_interpreter_takes(self, rows, sub_bands):
        """TFLite Micro refuses a CONCATENATION of more than ten inputs."""
        _, after = folded(residual_block(rows, sub_bands))
        joined = [node for node in graph.order(after) if isinstance(node, graph.Concat)]
        assert max(len(node.inputs) for node in joined) == 10

    def test_a_second_time_changes_nothing(self):
        model = residual_block(10, 5)
        _, after = folded(model)
        assert bands.fold_blocks(after, noise(model, 3)) is after


class TestRanges:
    """p is scaled to the range of x, per channel."""

    @pytest.mark.parametrize("shortcut", [False, True])
    def test_p_fills_the_range_of_x(self, shortcut):
        model = residual_block(10, 5, shortcut=shortcut)
        clips = noise(model, 8)
        output = rewrites.fold_affine(lowering.lower(model))
        after = bands.fold_blocks(output, clips)
        (stack,) = {id(node.inputs[0]): node.inputs[0] for node in depthwise(after)[1:]}.values()
        assert isinstance(stack, graph.Concat)
        p = run(stack.inputs[-1], clips).reshape(-1, 6)
        top = max(run(node, clips).max() for node in stack.inputs if node.shape[1] > 1)
        np.testing.assert_allclose(p.min(axis=0), 0, atol=1e-4 * top)
        np.testing.assert_allclose(p.max(axis=0), 1.002 * top, rtol=1e-4)

    def test_a_channel_that_never_moves_is_no_division_by_zero(self):
        model = residual_block(10, 5)
        kernel, bias = model.get_layer("p").get_weights()
        model.get_layer("p").set_weights([kernel * np.arange(6), bias])
        folded(model)

    @pytest.mark.parametrize("gone", [[0], [1, 4], range(6)])
    @pytest.mark.parametrize("shortcut", [False, True])
    def test_channels_that_pruning_left_without_weights(self, gone, shortcut):
        """The bug that this is for: stacks got ranges of their own, and with them QUANTIZE ops."""
        model = residual_block(10, 5, shortcut=shortcut)
        kernel, bias = model.get_layer("p").get_weights()
        kernel[..., list(gone)] = 0
        model.get_layer("p").set_weights([kernel, bias])
        clips = noise(model, 40)
        folded(model, clips)
        data = int8.convert(model, clips)  # refuses QUANTIZE
        exact = inference.logits(model, clips)
        found = LiteRTReference(data).run(clips).real_logits()
        assert np.sqrt(np.mean((found - exact) ** 2)) < 0.05 * exact.std()

    def test_an_input_that_is_silent(self):
        model = residual_block(10, 5)
        kernel, bias = model.get_layer("before").get_weights()
        model.get_layer("before").set_weights([0 * kernel, 0 * bias - 1])
        folded(model)


def variation(change) -> keras.Model:
    """A block with one part that does not match the form."""
    inputs = keras.Input((10, 9, 1))
    x = layers.ReLU()(layers.Conv2D(4, 1)(inputs))
    parts = {
        "x": x,
        "norm": SubSpectralNorm(5)(layers.DepthwiseConv2D((3, 1), padding="same")(x)),
        "mean": layers.AveragePooling2D((10, 1)),
        "shortcut": None,
        "last": layers.ReLU(),
    }
    parts |= change(parts)
    z = layers.Conv2D(4, 1)(parts["mean"](parts["norm"]))
    y = layers.Add()([parts["norm"], z])
    if parts["shortcut"] is not None:
        y = layers.Add()(parts["shortcut"](y))
    return randomize(keras.Model(inputs, parts["last"](y)))


class TestOtherForms:
    """Anything other than the paper's block stays, and keeps its function."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda parts: {"last": layers.Activation("swish")},
            lambda parts: {"mean": layers.GlobalAveragePooling2D(keepdims=True)},
            lambda parts: {"mean": layers.AveragePooling2D((7, 1))},
            lambda parts: {
                "norm": layers.BatchNormalization()(
                    layers.DepthwiseConv2D((3, 1), padding="same")(parts["x"])
                )
            },
            lambda parts: {
                "norm": SubSpectralNorm(5)(
                    layers.DepthwiseConv2D((3, 3), padding="same")(parts["x"])
                )
            },
            lambda parts: {"norm": SubSpectralNorm(5)(layers.Conv2D(4, 1)(parts["x"]))},
            lambda parts: {"shortcut": lambda y: [y, layers.Conv2D(4, 1)(parts["x"])]},
            lambda parts: {"shortcut": lambda y: [parts["x"], y]},
            lambda parts: {"shortcut": lambda y: [y, parts["norm"]]},
        ],
        ids="swish pixel part by_channel 3x3 convolution other swapped twice".split(),
    )
    def test_they_stay(self, change):
        before, after = folded(variation(change))
        assert kinds(after) == kinds(before)

    def test_a_model_without_blocks(self):
        inputs = keras.Input((10, 9, 1))
        output = lowering.lower(keras.Model(inputs, layers.ReLU()(inputs)))
        assert bands.fold_blocks(output, np.zeros((1, 10, 9, 1), np.float32)) is output
