"""Quantization-aware training rounds where the int8 graph rounds, and the same way."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import tflite_model
from edge_tf.compression import quantization
from edge_tf.compression.network import State
from edge_tf.conversion import int8
from edge_tf.engines.litert import LiteRTReference
from edge_tf.errors import UserError
from edge_tf.layers import quantization as layer_quantization
from edge_tf.layers.neighbours import scaled_reader
from edge_tf.layers.quantization import RangeQuantizer
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import bc_resnet_asc, build_model, inference
from tests.edge_tf.compression.small import clips, half_masks, quantized
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model, randomize

layers = keras.layers


def sequence(*chain: keras.layers.Layer, shape: tuple[int, ...] = SHAPE) -> keras.Model:
    inputs = keras.Input(shape, name="features")
    x = inputs
    for layer in chain:
        x = layer(x)
    return randomize(keras.Model(inputs, x, name="sequence"))


def rounded_outputs(model: keras.Model) -> set[str]:
    """Layers with a rounded output, besides the input."""
    return set(quantization.QuantizedModel(model).ranges())


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, use_bias=False),
        layers.Conv2D(1, 3, use_bias=False),
        layers.DepthwiseConv2D(3, use_bias=False),
    ],
    ids=["conv", "conv to one channel", "depthwise"],
)
def test_kernels_with_a_norm_are_rounded_to_the_bytes_of_the_file(layer):
    """Training multiplies with the weights in the file, though the norm is folded there."""
    model = sequence(
        layer.from_config(layer.get_config()),
        layers.BatchNormalization(epsilon=1e-5),
        layers.ReLU(),
        shape=(20, 12, 4),
    )
    kernel, norm = model.layers[1].get_weights()[0], model.layers[2]
    axis = 2 if isinstance(layer, layers.DepthwiseConv2D) else 3
    rounded = layer_quantization.rounded(tf.constant(kernel), axis).numpy()
    others = tuple(i for i in range(4) if i != axis)
    steps = np.abs(kernel).max(axis=others, keepdims=True) / 127
    signs = np.sign(norm.gamma.numpy()).reshape([1, 1, -1, 1] if axis == 2 else [1, 1, 1, -1])
    codes = np.rint(rounded / steps * signs).astype(np.int8)
    info = tflite_model.parse(int8.convert(model, clips(40, (20, 12, 4))), "layer")
    stored = info.tensors[
        info.ops[0].inputs[1]
    ].array()  # [out, h, w, in], depthwise [1, h, w, channels]
    wanted = codes.transpose(3, 0, 1, 2)
    assert stored.shape == wanted.shape
    np.testing.assert_array_equal(stored, wanted)


def test_rounding_passes_gradients_keeps_zeros_and_is_idempotent():
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(1, 1, 8, 6)).astype(np.float32))
    kernel.assign(kernel * [[[[1.0, 1.0, 0.0, 1.0, 1.0, 1.0]]]])  # an all-zero channel
    with tf.GradientTape() as tape:
        once = layer_quantization.rounded(kernel, -1)
        loss = tf.reduce_sum(once * 3.0)
    np.testing.assert_array_equal(tape.gradient(loss, kernel), np.full(kernel.shape, 3.0))
    assert np.all(once.numpy()[kernel.numpy() == 0] == 0)
    np.testing.assert_allclose(layer_quantization.rounded(once, -1), once, atol=1e-7)


def test_a_scale_per_channel_and_rounding_commute():
    """Why norms need no folding in training: rounded(s * w) = s * rounded(w)."""
    rng = np.random.default_rng(0)
    kernel = tf.constant(rng.normal(size=(3, 1, 5, 1)), tf.float32)
    scale = tf.constant(np.exp(rng.normal(size=(5, 1))) * [[1], [-1], [1], [1], [-1]], tf.float32)
    folded = layer_quantization.rounded(kernel * scale, 2)
    np.testing.assert_allclose(
        folded, layer_quantization.rounded(kernel, 2) * scale, rtol=1e-5, atol=1e-7
    )


def test_what_conversion_fuses_is_not_rounded():
    """A convolution before its norm, a norm before its ReLU, the sums and norm of a block."""
    model = block_model()
    found = rounded_outputs(model)
    names = {type(model.get_layer(name)) for name in found - {"input"}}
    assert names == {
        layers.ReLU,  # after convolution and norm; end of the block
        layers.AveragePooling2D,
        layers.BatchNormalization,  # before the swish
        layers.Activation,
        layers.Conv2D,  # f1's last
        layers.GlobalAveragePooling2D,
        layers.Dense,
    }
    assert "input" in found and len(found) == 9


def test_the_rounded_tensors_of_a_block_are_as_many_as_those_of_the_int8_file():
    """Each range in training stands for one distinct scale of activations in the file."""
    model = block_model()
    data = int8.convert(model, clips(40))
    info = tflite_model.parse(data, "block")
    activations = {
        (info.tensors[i].scales[0], info.tensors[i].zero_points[0])
        for op in info.ops
        for i in op.outputs
    } | {(t.scales[0], t.zero_points[0]) for t in info.inputs}
    # p shares the range of x, so that both can be stacked.
    assert len(activations) == len(rounded_outputs(model)) - 1


def test_a_norm_outside_of_a_block_is_rounded():
    model = sequence(layers.DepthwiseConv2D(3, padding="same"), SubSpectralNorm(5), layers.ReLU())
    assert "sub_spectral_norm" in "".join(rounded_outputs(model))


def test_calibration_covers_the_float_models_values():
    model, features = block_model(), clips(30)
    ranges = quantization.calibrated(model, features)
    assert ranges["input"] == (features.min(), features.max())
    for name, (low, high) in ranges.items():
        if name != "input":
            probe = keras.Model(model.inputs, model.get_layer(name).output)
            values = inference.logits(probe, features)
            axes = (0, 1, 2) if np.ndim(high) else None
            np.testing.assert_allclose(low, np.minimum(values.min(axes), 0), atol=1e-5)
            np.testing.assert_allclose(high, np.maximum(values.max(axes), 0), atol=1e-5)


def test_channels_that_conversion_scales_have_separate_ranges():
    """Those it equalizes, and p of a block; so the weights need not be changed for training."""
    model = block_model()
    ranges = quantization.calibrated(model, clips(30))
    by_channel = {name for name, (_, high) in ranges.items() if np.ndim(high)}
    equalized = {relu.name for relu in model.layers if scaled_reader(relu) is not None}
    (p,) = [
        layer.name
        for layer in model.layers
        if layer.output_shape[1:3] == (1, SHAPE[1])
        and isinstance(layer, layers.Conv2D)
        and not isinstance(layer, layers.DepthwiseConv2D)
    ]
    assert by_channel == equalized | {p}


def test_an_activation_with_one_loud_channel_keeps_the_others():
    """The step of each channel is its own, as after equalization in the file."""
    values = tf.constant(np.random.default_rng(0).random((50, 4, 4, 2)) * [100.0, 1.0], tf.float32)
    for by_channel, worst in ((True, 0.003), (False, 0.25)):
        quantizer = RangeQuantizer(by_channel)
        high = [100.0, 1.0] if by_channel else 100.0
        low = [0.0, 0.0] if by_channel else 0.0
        weights = {"min_var": tf.Variable(low), "max_var": tf.Variable(high)}
        error = np.abs(quantizer(values, False, weights) - values)[..., 1].max()
        assert worst / 2 < error < worst
    dead = {"min_var": tf.Variable([0.0, 0.0]), "max_var": tf.Variable([100.0, 0.0])}
    assert np.all(RangeQuantizer(True)(values, False, dead).numpy()[..., 1] == 0)


def test_the_simulation_is_near_the_float_model_and_gives_what_it_is_told():
    model, features = block_model(), clips(40)
    network = quantized(model)
    simulated = inference.logits(network.model, features)
    exact = inference.logits(model, features)
    assert 0 < np.abs(simulated - exact).max() < 0.1 * np.ptp(exact)
    state = network.state()
    again = quantization.QuantizedModel(state.model, state.masks, state.ranges).model
    np.testing.assert_array_equal(inference.logits(again, features), simulated)


def test_weights_go_in_and_come_back_unchanged():
    model = block_model()
    state = quantized(model).state()
    for before, after in zip(model.get_weights(), state.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_simulation_and_int8_file_err_as_little_as_each_other():
    model, features = block_model(), clips(60)
    simulated = inference.logits(quantized(model).model, features)
    exact = inference.logits(model, features)
    outputs = LiteRTReference(int8.convert(model, features)).run(features).real_logits()
    for found, wanted in ((outputs, exact), (simulated, exact), (outputs, simulated)):
        assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.05 * np.std(exact)


def test_ranges_follow_what_grows_within_an_epoch():
    """The bug that this is for: with TFMOT's decay, 200 steps follow a fifth of the way."""
    quantizer = RangeQuantizer()
    weights = {"min_var": tf.Variable(-1.0), "max_var": tf.Variable(1.0)}
    values = tf.constant([-2.0, 0.5, 5.0])
    for _ in range(200):
        quantizer(values, True, weights)
    np.testing.assert_allclose([weights["min_var"], weights["max_var"]], [-2.0, 5.0], rtol=0.03)
    before = float(weights["max_var"])
    quantizer(2.0 * values, False, weights)
    assert float(weights["max_var"]) == before  # inference changes nothing


def test_masked_weights_are_zero_in_the_forward_pass_and_get_no_gradient():
    model = block_model()
    network = quantized(model, half_masks(model))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network.model(clips(8), training=False) ** 2)
    names = list(half_masks(model))
    found = tape.gradient(loss, [network.masks.kernels[name] for name in names])
    for name, gradient in zip(names, found, strict=True):
        mask = network.masks.masks[name].numpy()
        assert np.all(gradient.numpy()[mask == 0] == 0)
        assert np.any(gradient.numpy()[mask == 1] != 0)


def test_zeros_of_the_float_model_are_zeros_of_the_int8_file():
    """PQAT: counted in the file, kernel by kernel; nothing between turns a zero into a one."""
    model = block_model()
    state = quantized(model, half_masks(model)).state()
    exported = State(state.model, state.masks, state.ranges).exported()
    info = tflite_model.parse(int8.convert(exported, clips(40)), "block")
    kernels = {
        info.tensors[op.inputs[1]].index: info.tensors[op.inputs[1]]
        for op in info.ops
        if op.name == "CONV_2D"
    }
    in_file = sorted(int((t.array() == 0).sum()) for t in kernels.values())
    wanted = sorted(int((mask == 0).sum()) for mask in state.masks.values())
    assert all(found >= asked for found, asked in zip(in_file, wanted, strict=True))
    assert sum(wanted) > 100


def test_an_unknown_layer_is_refused_by_name():
    model = sequence(layers.Conv2D(4, 3), layers.LayerNormalization(name="odd"))
    with pytest.raises(UserError, match="layer odd is a LayerNormalization, which has no quant"):
        quantization.QuantizedModel(model)


@pytest.mark.parametrize("tau", [1, 3])
def test_all_of_bc_resnet_has_rules(tau):
    model = build_model("bc_resnet", tau=tau, num_classes=12, input_shape=(40, 101, 1))
    for layer in model.layers[1:]:
        quantization.config_for(layer)


def test_each_rounded_tensor_of_bc_resnet_asc_is_one_of_the_int8_file():
    """Pooling by maximum rounds nothing; p of each of the nine blocks shares the range of x."""
    model = randomize(bc_resnet_asc.build(0.5, 4, (32, 16, 1), mix_style=0.5))
    info = tflite_model.parse(int8.convert(model, clips(20, (32, 16, 1))), "asc")
    activations = {
        (info.tensors[i].scales[0], info.tensors[i].zero_points[0])
        for op in info.ops
        for i in op.outputs
    } | {(t.scales[0], t.zero_points[0]) for t in info.inputs}
    assert len(activations) == len(rounded_outputs(model)) - 9


@pytest.mark.parametrize("norm", ["residual", "relaxed"])
def test_bc_resnet_asc_with_instance_norms_is_simulated(norm):
    model = randomize(bc_resnet_asc.build(0.4, 4, (32, 16, 1), norm=norm, norm_places=("stages",)))
    features = clips(20, (32, 16, 1))
    ranges = quantization.calibrated(model, features)
    simulated = quantization.QuantizedModel(model, ranges=ranges).model
    exact = inference.logits(model, features)
    error = inference.logits(simulated, features) - exact
    assert 0 < np.sqrt(np.mean(error**2)) < 0.1 * np.std(exact)
