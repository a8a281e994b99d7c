"""Lowering: the graph computes what the Keras model does in inference mode, or is refused."""

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.conversion.rewriting import graph, lowering
from edge_tf.errors import UserError
from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNorm
from edge_tf.layers.relaxed_instance_frequency_norm import RelaxedInstanceFrequencyNorm
from edge_tf.layers.residual_norm import ResidualNorm
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import (
    SHAPE,
    block_model,
    features,
    noise,
    randomize,
    run,
)

layers = keras.layers
INPUT = keras.Input(SHAPE, name="input")


def check(model: keras.Model, clips: np.ndarray) -> graph.Node:
    lowered = lowering.lower(model)
    expected = model(clips, training=False).numpy()
    np.testing.assert_allclose(run(lowered, clips), expected, atol=1e-5)
    assert lowered.shape == (1, *expected.shape[1:])
    return lowered


@pytest.mark.parametrize("affine", ["sub", "all", "none"])
@pytest.mark.parametrize("sub_bands", [1, 5, 10])
def test_one_block_of_each_kind(affine, sub_bands):
    check(block_model(affine, sub_bands), features(5))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_clips(count):
    check(block_model(), features(count))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("bc_resnet", {"tau": 1}),
        ("bc_resnet", {"tau": 0.25, "num_classes": 3, "input_shape": (40, 33, 1)}),
        ("ds_cnn", {"input_shape": (10, 49, 1)}),
        ("bc_resnet_asc", {"input_shape": (32, 41, 1)}),
        (
            "bc_resnet_asc",
            {"input_shape": (32, 41, 1), "norm": "residual", "norm_places": ("input", "stages")},
        ),
    ],
)
def test_whole_models(name, arguments):
    model = randomize(build_model(name, **arguments))
    check(model, noise(model, 3))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(3, (3, 2), strides=2, padding="same", activation="relu"),
        layers.Conv2D(3, (3, 2), dilation_rate=(2, 1), use_bias=False, activation="swish"),
        layers.DepthwiseConv2D((3, 1), strides=(2, 1), activation="relu"),
        layers.DepthwiseConv2D((1, 3), padding="same", dilation_rate=(1, 2)),
        layers.BatchNormalization(center=False),
        layers.BatchNormalization(scale=False),
        layers.AveragePooling2D((3, 5)),
        layers.MaxPooling2D((3, 5)),
        FrequencyInstanceNorm(),
        ResidualNorm(),
        ResidualNorm(weight=0.0, name="residual_norm_0"),
        RelaxedInstanceFrequencyNorm(weight=0.3),
        RelaxedInstanceFrequencyNorm(weight=0.0, name="relaxed_norm_0"),
        RelaxedInstanceFrequencyNorm(weight=1.0, name="relaxed_norm_1"),
        layers.GlobalAveragePooling2D(),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.ZeroPadding2D(((1, 2), (0, 3))),
        layers.Dropout(0.5),
        layers.Activation("linear"),
        layers.Activation("silu"),
    ],
    ids=lambda layer: layer.name,
)
def test_single_layers(layer):
    check(randomize(keras.Model(INPUT, layer(INPUT))), features(3))


def test_a_dense_layer_on_vectors_is_a_convolution():
    vectors = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(INPUT))
    x = layers.Dense(5, activation="relu")(vectors)
    x = layers.Dense(2, use_bias=False)(layers.BatchNormalization()(x))
    check(randomize(keras.Model(INPUT, x)), features(3))


def test_a_layer_that_is_called_twice_and_a_sum_of_three():
    shared = layers.Conv2D(1, 1)
    x = layers.Add()([shared(INPUT), shared(layers.ReLU()(INPUT)), INPUT])
    check(randomize(keras.Model(INPUT, x)), features(3))


def test_the_model_is_left_alone():
    model = block_model()
    before = [w.copy() for w in model.get_weights()]
    lowering.lower(model)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def refusal(*inputs_and_layer) -> str:
    *inputs, layer = inputs_and_layer or (INPUT,)
    sources = inputs[0] if len(inputs) == 1 else inputs
    with pytest.raises(UserError) as caught:
        lowering.lower(keras.Model(inputs, layer(sources)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


WIDE = keras.Input((8, 8, 4), name="wide")


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        (layers.Flatten(name="odd"), "layer odd is a Flatten, which has no int8 form"),
        (layers.Lambda(lambda x: x, name="odd"), "layer odd is a Lambda"),
        (layers.Conv2DTranspose(4, 3, name="odd"), "layer odd is a Conv2DTranspose"),
        (layers.Conv2D(4, 3, groups=2, name="odd"), "layer odd has 2 groups"),
        (
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="odd"),
            "layer odd has a depth multiplier",
        ),
        (layers.Conv2D(4, 1, activation="tanh", name="odd"), "layer odd has the activation tanh"),
        (layers.ReLU(6.0, name="odd"), "layer odd is not a plain ReLU"),
        (layers.Dense(4, name="odd"), "layer odd is a Dense on (None, 8, 8, 4)"),
        (layers.AveragePooling2D(3, strides=1, name="odd"), "layer odd pools windows that overlap"),
        (layers.AveragePooling2D(3, padding="same", name="odd"), "layer odd pools windows"),
        (layers.BatchNormalization(axis=2, name="odd"), "layer odd is a norm over axis [2]"),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_what_has_no_form_is_refused_by_name(layer, cause):
    assert refusal(WIDE, layer).startswith(cause)


def test_models_of_several_inputs_or_outputs_are_refused():
    assert "has 2 inputs and 1 outputs" in refusal(INPUT, keras.Input(SHAPE), layers.Add())
    assert "has 1 inputs and 2 outputs" in refusal(INPUT, lambda x: [x, layers.ReLU()(x)])


def test_a_layer_of_the_user_s_that_computes_something_else_is_refused():
    odd = type("Odd", (layers.ReLU,), {"call": lambda self, inputs: -inputs})
    assert refusal(INPUT, odd(name="odd")).startswith("layer odd is a Odd")
