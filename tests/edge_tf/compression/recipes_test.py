"""Every layer of the library, in every recipe, gets through to a fully-int8 file."""

import functools

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.compression import RECIPES
from edge_tf.compression.settings import Settings
from edge_tf.conversion import int8
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import bc_resnet, build_model
from tests.edge_tf.compression.small import clips, run_recipe
from tests.edge_tf.conversion.conversion_fixtures import block_model, randomize

layers = keras.layers
CLASSES = 4


def around(*chain: keras.layers.Layer) -> keras.Model:
    """Some layers between a stem and a classifier, so that each recipe has its kernels."""
    inputs = keras.Input((20, 12, 1), name="features")
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(inputs)
    for layer in chain:
        x = layer(x)
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return randomize(keras.Model(inputs, layers.Dense(CLASSES, name="classifier")(x), name="small"))


LAYERS = {
    "sub-spectral norm": lambda: [layers.DepthwiseConv2D(3, padding="same"), SubSpectralNorm(5)],
    "sub-spectral norm, one affine": lambda: [SubSpectralNorm(4, affine="all"), layers.ReLU()],
    "batch norm": lambda: [layers.BatchNormalization(), layers.ReLU()],
    "swish": lambda: [layers.BatchNormalization(), layers.Activation("swish")],
    "dilated depthwise": lambda: [layers.DepthwiseConv2D((1, 3), dilation_rate=(1, 2))],
    "padding and stride": lambda: [layers.ZeroPadding2D(1), layers.DepthwiseConv2D(3, strides=2)],
    "pool": lambda: [layers.AveragePooling2D(2)],
    "dropouts": lambda: [layers.Dropout(0.1), layers.SpatialDropout2D(0.1)],
}


def settings(recipe: str, **values) -> Settings:
    return Settings((recipe,), sparsity=0.5, seed=0, peak_rate=0.01, teacher="digest", **values)


@functools.cache
def ops_of_an_uncompressed_model() -> dict[str, int]:
    return tflite_model.parse(int8.convert(block_model(), clips(40)), "model").op_counts()


# Reads the stages of BC-ResNet, so it has a separate test.
ON_BC_RESNET = ("causal",)


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name not in ON_BC_RESNET])
def test_a_model_of_all_layers_gets_through(recipe):
    """The file has at least the requested zeros, and the ops of an uncompressed model."""
    model = block_model()
    state = run_recipe(model, settings(recipe), teacher=block_model(), steps=8)
    data = int8.convert(state.exported(), clips(40))
    int8.check(data)
    info = tflite_model.parse(data, "model")
    assert info.op_counts() == ops_of_an_uncompressed_model()
    pruning = recipe in ("prune", "prune_qat", "pqk")
    assert bool(state.masks) == pruning
    if pruning:
        kernels = [info.tensors[op.inputs[1]].array() for op in info.ops if op.name == "CONV_2D"]
        zeros = sum(int((kernel == 0).sum()) for kernel in kernels)
        assert zeros >= 0.5 * sum(kernel.size for kernel in kernels) - len(kernels)
    assert (state.ranges is not None) == (recipe in ("qat", "prune_qat", "pqk", "qkd"))


def test_a_causal_network_gets_through_causal():
    """The network keeps its layers, contains no training-only branch, and learns."""
    shape = (40, 21, 1)
    model = bc_resnet.build(0.25, 4, shape, lookahead=0)
    before = model.get_weights()
    teacher = bc_resnet.build(0.5, 4, shape)
    state = run_recipe(model, settings("causal"), teacher=teacher, steps=2)
    after = state.exported()
    assert [layer.name for layer in after.layers] == [layer.name for layer in model.layers]
    assert any(np.any(x != y) for x, y in zip(before, after.get_weights(), strict=True))


@pytest.mark.parametrize("recipe", ["prune_qat", "pqk", "qkd"])
@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_gets_through(layer, recipe):
    """Recipes that only change weights are those of the test above: the layers are the same."""
    model = around(*LAYERS[layer]())
    state = run_recipe(model, settings(recipe), teacher=around(*LAYERS[layer]()), steps=2)
    data = int8.convert(state.exported(), clips(30))
    assert not any(tensor.is_float for tensor in tflite_model.parse(data, "model").tensors)


@pytest.mark.parametrize("tau", [1, 3])
def test_all_of_bc_resnet_gets_through(tau):
    model = build_model("bc_resnet", tau=tau, num_classes=CLASSES, input_shape=(40, 101, 1))
    state = run_recipe(model, settings("pqk"), steps=1)
    data = int8.convert(state.exported(), clips(12, (40, 101, 1)))
    assert not any(tensor.is_float for tensor in tflite_model.parse(data, "model").tensors)


def test_a_chain_keeps_the_zeros_of_its_first_link():
    chain = Settings(("prune", "qat"), sparsity=0.5, peak_rate=0.01, teacher="digest")
    state = run_recipe(block_model(), chain, teacher=block_model(), steps=8)
    assert state.masks and state.ranges
    for name, mask in state.masks.items():
        kernel = state.exported().get_layer(name).get_weights()[0]
        assert abs(1 - mask.mean() - 0.5) < 0.1
        assert np.all(kernel[mask == 0] == 0) and np.all(kernel[mask == 1] != 0)


def test_psg_draws_weights_to_the_grid_and_finetuning_does_not():
    """The mean distance to the grid is below that of the same training without the rule."""
    from edge_tf.compression.position_scaling import grid, kernels, nearest

    def distance(recipe: str) -> float:
        values = Settings((recipe,), peak_rate=0.05, seed=0)
        model = run_recipe(block_model(), values, steps=150).model
        return float(
            np.mean([np.mean(np.abs(k - nearest(k, 4)) / grid(k, 4)) for k in kernels(model)])
        )

    assert distance("psg") < 0.8 * distance("finetune")
