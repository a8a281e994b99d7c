"""Equalization: exact in float, and it saves a model with channels that differ in range."""

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.conversion import int8
from edge_tf.conversion.rewriting.equalization import equalize
from edge_tf.conversion.rewriting.folding import inference_model
from edge_tf.engines.litert import LiteRTReference
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, features, randomize

layers = keras.layers


def lopsided_model(reader: str) -> keras.Model:
    """A channel 500 times larger than the others after a ReLU, compensated by its reader."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    if reader == "conv":
        x = layers.Conv2D(5, 3, padding="same", name="reader")(x)
    elif reader == "depthwise":
        x = layers.DepthwiseConv2D(3, name="reader")(layers.ZeroPadding2D(1)(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(4, name="dense")(x))
    randomize(model)
    norm, scale = model.get_layer("norm"), np.array([1, 1, 500, 1, 1, 1], np.float32)
    norm.gamma.assign(norm.gamma * scale)
    norm.beta.assign(norm.beta * scale)
    target = model.get_layer("dense" if reader == "dense" else "reader")
    kernel = target.depthwise_kernel if reader == "depthwise" else target.kernel
    kernel.assign(kernel / scale[:, None])
    return model


READERS = ["conv", "depthwise", "dense"]


@pytest.mark.parametrize("reader", READERS)
def test_outputs_stay_and_ranges_become_equal(reader):
    model = lopsided_model(reader)
    before = [w.copy() for w in model.get_weights()]
    clips = features(60)
    equal = equalize(model, clips)
    np.testing.assert_allclose(equal(clips), model(clips), rtol=1e-4, atol=1e-4)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)  # the source is left alone
    relu = next(layer for layer in equal.layers if isinstance(layer, layers.ReLU))
    largest = keras.Model(equal.input, relu.output)(clips).numpy().max(axis=(0, 1, 2))
    np.testing.assert_allclose(largest, 1.0, rtol=1e-4)


def error_in_decibel(model: keras.Model, data: bytes, clips: np.ndarray) -> float:
    truth = model(clips).numpy()
    error = LiteRTReference(data).run(clips).real_logits() - truth
    return float(10 * np.log10(np.square(error).mean() / truth.var()))


@pytest.mark.parametrize("reader", READERS)
def test_a_lopsided_model_survives_int8(reader):
    """Without equalization the small channels are rounded away."""
    model, clips = lopsided_model(reader), features(100)
    folded = inference_model(model)
    without = int8.quantize_graph((lambda x: folded(x, training=False), folded.variables), clips)
    plain = error_in_decibel(model, without, clips)
    for form in int8.GRAPHS:
        saved = error_in_decibel(model, int8.convert(model, clips, form), clips)
        assert saved < plain - 6


def test_a_bc_resnet_computes_the_same():
    model = randomize(build_model("bc_resnet", tau=1, num_classes=5))
    clips = np.random.default_rng(0).normal(-3, 3, size=(4, 40, 101, 1)).astype(np.float32)
    np.testing.assert_allclose(equalize(model, clips)(clips), model(clips), atol=2e-5)


def test_a_dead_channel_is_no_division_by_zero():
    model = lopsided_model("conv")
    norm = model.get_layer("norm")
    norm.gamma.assign(norm.gamma * np.array([0, 1, 1, 1, 1, 1], np.float32))
    norm.beta.assign(norm.beta - np.array([100, 0, 0, 0, 0, 0], np.float32))
    clips = features(20)
    np.testing.assert_allclose(equalize(model, clips)(clips), model(clips), rtol=1e-4, atol=1e-4)


def test_what_is_read_twice_is_left_alone():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.Conv2D(6, 1)(x)])
    model = randomize(keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    for mine, theirs in zip(
        equalize(model, features(10)).get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
