"""BC-ResNet-ASC: the published sizes and shapes (arXiv:2206.13909), and where norms stand."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import bc_resnet_asc, build_model

# Trainable parameters for 10 classes; 315k are published at tau 8.
PARAMETERS = {1: 8_045, 2: 25_040, 4: 85_880, 8: 314_960}


def build(tau: float = 1, **arguments) -> keras.Model:
    return build_model("bc_resnet_asc", tau=tau, num_classes=10, **arguments)


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.fixture(scope="module")
def tau1() -> keras.Model:
    return build()


@pytest.mark.parametrize("tau", PARAMETERS)
def test_parameters(tau):
    assert trainable(build(tau)) == PARAMETERS[tau]


@pytest.mark.parametrize("norm", ["residual", "relaxed"])
def test_norms_have_no_parameters(norm):
    model = build(norm=norm, norm_places=("input", "stages"), mix_style=0.5)
    assert trainable(model) == PARAMETERS[1]


def test_convolutions_and_norms_of_the_61_kb_system():
    """300,320 weights of convolutions and 14,640 of norms make the published 61.0 KB."""
    model = build(8)
    norms = (keras.layers.BatchNormalization, SubSpectralNorm)
    in_norms = sum(
        int(np.prod(v.shape))
        for layer in model.layers
        if isinstance(layer, norms)
        for v in layer.trainable_variables
    )
    assert (trainable(model) - in_norms, in_norms) == (300_320, 14_640)


def test_with_batch_norms_it_would_be_another_network(monkeypatch):
    monkeypatch.setattr("edge_tf.models.bc_resnet_asc.SUB_BANDS", 1)
    assert trainable(build(8)) == 307_040


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("stem_relu", (32, 84, 20)),
        ("stage0_block1_relu", (32, 84, 10)),
        ("stage0_pool", (16, 42, 10)),
        ("stage1_block1_relu", (16, 42, 15)),
        ("stage1_pool", (8, 21, 15)),
        ("stage2_block1_relu", (8, 21, 20)),
        ("stage3_block2_relu", (8, 21, 25)),
        ("pool", (25,)),
        ("classifier", (10,)),
    ],
)
def test_shapes(tau1, layer, shape):
    assert tau1.get_layer(layer).output_shape == (None, *shape)


def test_no_stride_and_no_dilation_within_blocks(tau1):
    for layer in tau1.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            assert (layer.strides, layer.dilation_rate) == ((1, 1), (1, 1)), layer.name


def test_the_classifier_has_no_bias(tau1):
    assert not tau1.get_layer("classifier").use_bias


def test_mean_and_classifier_may_change_places(tau1):
    """The published order is a 1x1 convolution, then the mean."""
    x = np.random.default_rng(0).normal(size=(2, 64, 167, 1)).astype(np.float32)
    before = keras.Model(tau1.input, tau1.get_layer("stage3_block2_relu").output)(x)
    kernel = tau1.get_layer("classifier").kernel
    expected = np.einsum("nftc,ck->nftk", before, kernel).mean((1, 2))
    np.testing.assert_allclose(tau1(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (("input",), ["input_norm"]),
        (("stages",), [f"stage{i}_norm" for i in range(4)]),
        (("input", "stages"), ["input_norm", *(f"stage{i}_norm" for i in range(4))]),
        ((), []),
    ],
)
def test_places_of_norms(places, names):
    model = build(norm="residual", norm_places=places)
    assert [layer.name for layer in model.layers if layer.name.endswith("_norm")] == names


def test_lambda_reaches_the_norm():
    assert build(norm="residual").get_layer("input_norm").weight == 0.1
    assert build(norm="relaxed").get_layer("input_norm").weight == 0.5
    assert build(norm="relaxed", norm_lambda=0.2).get_layer("input_norm").weight == 0.2


def test_freq_in_at_the_input_makes_devices_alike():
    """ResNorm without residual: what is added to a row of log-mel does not reach the logits."""
    model = build(norm="residual", norm_lambda=0.0)
    draw = np.random.default_rng(0)
    x = draw.normal(0, 2, (2, 64, 167, 1)).astype(np.float32)
    device = draw.normal(0, 3, (1, 64, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(model(x + device), model(x), atol=1e-4)


@pytest.mark.parametrize("norm", ["residual", "relaxed"])
def test_a_norm_at_the_input_is_that_of_the_front_end(norm):
    """The same weights give the same logits, whether statistics are features' or the graph's."""
    draw = np.random.default_rng(0)
    waves = 0.1 * draw.normal(size=(2, 16_000)).astype(np.float32)
    plain = FrontendConfig(mel_bands=32, hop=320)
    in_front = dataclasses.replace(plain, normalization=norm)
    shape = plain.feature_shape
    without, within = build(input_shape=shape), build(input_shape=shape, norm=norm)
    within.set_weights(without.get_weights())
    expected = without(log_mel(waves, in_front))
    np.testing.assert_allclose(within(log_mel(waves, plain)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (40, 101, 1)},
        {"input_shape": (64, 7, 1)},
        {"input_shape": (64, 101, 2)},
        {"norm": "batch"},
        {"norm": "residual", "norm_places": ("output",)},
        {"tau": 0.1},
    ],
)
def test_what_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match=r"mel bands|norm|tau"):
        bc_resnet_asc.build(**arguments)
