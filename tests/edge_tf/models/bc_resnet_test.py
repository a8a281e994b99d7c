"""BC-ResNet: the paper's sizes and shapes, and the identities of its block (arXiv:2106.04140)."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.errors import UserError
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import build_model
from edge_tf.models.bc_resnet import TAUS

# tau: trainable parameters for 12 and for 35 classes, multiply-adds of the convolutions at 101
# frames in millions, channels of stem, stages and tail.
WIDTHS = {
    1: (9_232, 9_991, 2.482, (16, 8, 12, 16, 20, 32)),
    1.5: (17_154, 18_281, 4.608, (24, 12, 18, 24, 30, 48)),
    2: (27_284, 28_779, 7.324, (32, 16, 24, 32, 40, 64)),
    3: (54_168, 56_399, 14.525, (48, 24, 36, 48, 60, 96)),
    6: (187_812, 192_251, 50.283, (96, 48, 72, 96, 120, 192)),
    8: (321_068, 326_979, 85.919, (128, 64, 96, 128, 160, 256)),
}
BLOCKS = (2, 2, 4, 4)
ALL_BLOCKS = [f"stage{i}_block{j}" for i, count in enumerate(BLOCKS) for j in range(count)]
NORMS = (keras.layers.BatchNormalization, SubSpectralNorm)
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Weights as after a training: norms that are not the identity."""
    draw = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, NORMS):
            gamma, *_ = layer.get_weights()
            ranges = ((0.5, 1.5), (-0.5, 0.5), (-0.3, 0.3), (0.1, 0.5))
            layer.set_weights([draw.uniform(low, high, gamma.shape) for low, high in ranges])
    return model


def features(batch: int = 2, frames: int = 101, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.normal(0, 2, (batch, 40, frames, 1)).astype(np.float32)


def parts(model: keras.Model, *names: str) -> list[np.ndarray]:
    """Outputs of layers in inference mode."""
    outputs = [model.get_layer(name).output for name in names]
    values = keras.Model(model.input, outputs)(features(), training=False)
    return [value.numpy() for value in values]


@pytest.fixture(scope="module")
def tau1(bc_resnet) -> keras.Model:
    return randomize(bc_resnet(1))


# Sizes


def test_these_are_the_widths_of_the_paper():
    assert tuple(WIDTHS) == TAUS


@pytest.mark.parametrize("tau", WIDTHS)
def test_parameters_for_12_classes(bc_resnet, tau):
    assert trainable(bc_resnet(tau)) == WIDTHS[tau][0]


@pytest.mark.parametrize("tau", WIDTHS)
def test_parameters_for_35_classes(bc_resnet, tau):
    assert trainable(bc_resnet(tau, 35)) == WIDTHS[tau][1]


def test_parameters_with_batch_norm_in_the_place_of_sub_bands(monkeypatch):
    """The ablation of the paper's table 2: 7.8k."""
    monkeypatch.setattr("edge_tf.models.bc_resnet.SUB_BANDS", 1)
    assert trainable(build_model("bc_resnet", tau=1)) == 7_760


@pytest.mark.parametrize("tau", WIDTHS)
def test_output_shape_of_each_stage(bc_resnet, tau):
    """Table 1: rows 20, 20, 10, 5, 5, 1; time is never reduced before the pool."""
    model = bc_resnet(tau)
    ends = ["stem_relu", *(f"stage{i}_block{count - 1}_relu" for i, count in enumerate(BLOCKS))]
    widths = WIDTHS[tau][3]
    for name, rows, channels in zip(ends, (20, 20, 10, 5, 5), widths, strict=False):
        assert model.get_layer(name).output_shape == (None, rows, 101, channels), name
    assert model.get_layer("tail_depthwise").output_shape == (None, 1, 101, widths[4])
    assert model.get_layer("tail_relu").output_shape == (None, 1, 101, widths[5])
    assert model.get_layer("pool").output_shape == (None, widths[5])
    assert model.output_shape == (None, 12)


@pytest.mark.parametrize("tau", WIDTHS)
def test_multiply_adds(bc_resnet, tau):
    """Where strides stand: the same parameters at other strides would need others."""
    count = 0
    for layer in bc_resnet(tau).layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            count += np.prod(layer.output_shape[1:]) * np.prod(layer.kernel_size)
        elif isinstance(layer, keras.layers.Conv2D):
            count += np.prod(layer.output_shape[1:3]) * layer.kernel.shape.num_elements()
        elif isinstance(layer, keras.layers.Dense):
            count += layer.kernel.shape.num_elements()
    assert count / 1e6 == pytest.approx(WIDTHS[tau][2], abs=6e-4)


def test_layers_of_the_recipe(bc_resnet):
    """No bias but in the classifier, epsilon and momentum of PyTorch, dropout 0.1 in f1 alone."""
    model = bc_resnet(1)
    for layer in model.layers:
        if isinstance(layer, CONVOLUTIONS):
            assert not layer.use_bias, layer.name
        if isinstance(layer, NORMS):
            assert (layer.epsilon, layer.momentum) == (1e-5, 0.9), layer.name
        if isinstance(layer, SubSpectralNorm):
            assert (layer.sub_bands, layer.affine) == (5, "sub"), layer.name
    assert sum(isinstance(layer, SubSpectralNorm) for layer in model.layers) == len(ALL_BLOCKS)
    dropouts = [x for x in model.layers if isinstance(x, keras.layers.SpatialDropout2D)]
    assert [x.name for x in dropouts] == [f"{name}_f1_dropout" for name in ALL_BLOCKS]
    assert {x.rate for x in dropouts} == {0.1}


def test_dilation_doubles_with_each_stage_in_time_only(bc_resnet):
    model = bc_resnet(1)
    for name in ALL_BLOCKS:
        stage = int(name[5])
        assert model.get_layer(f"{name}_f1_depthwise").dilation_rate == (1, 2**stage)
        assert model.get_layer(f"{name}_f2_depthwise").dilation_rate == (1, 1)


def test_initial_weights_are_uniform_over_the_fan_in(bc_resnet):
    """As PyTorch's: +-1 / sqrt(fan_in), from which the published figures were trained."""
    model = build_model("bc_resnet", tau=2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel, fan_in = layer.depthwise_kernel, np.prod(layer.kernel_size)
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            kernel, fan_in = layer.kernel, np.prod(layer.kernel.shape[:-1])
        else:
            continue
        largest = np.abs(kernel).max() * fan_in**0.5
        assert 0.85 < largest <= 1.0 + 1e-6, layer.name
    assert np.abs(model.get_layer("classifier").bias).max() <= 64**-0.5


# The block


@pytest.mark.parametrize("name", ["stage0_block1", "stage1_block1", "stage3_block3"])
def test_without_its_pointwise_a_block_is_relu_of_x_plus_f2(tau1, name):
    """y = ReLU(x + f2(x)) when f1 ends in zeros."""
    kernel = tau1.get_layer(f"{name}_f1_pointwise").kernel
    kept = kernel.numpy()
    stage, block = name.split("_block")
    try:
        kernel.assign(np.zeros_like(kept))
        x, f2, y = parts(
            tau1, f"{stage}_block{int(block) - 1}_relu", f"{name}_f2_ssn", f"{name}_relu"
        )
    finally:
        kernel.assign(kept)
    np.testing.assert_array_equal(y, np.maximum(x + f2, 0))
    assert (y > 0).any() and (y == 0).any()


@pytest.mark.parametrize("name", ["stage0_block0", "stage1_block0", "stage2_block0"])
def test_a_transition_block_has_no_identity_shortcut(tau1, name):
    """y = ReLU(f2(x) + BC(f1(...)))."""
    f2, f1, y = parts(tau1, f"{name}_f2_ssn", f"{name}_f1_pointwise", f"{name}_relu")
    np.testing.assert_array_equal(y, np.maximum(f2 + f1, 0))
    assert f"{name}_shortcut" not in {layer.name for layer in tau1.layers}


def test_a_normal_block_is_relu_of_x_and_f2_and_broadcast_f1(tau1):
    x, f2, f1, y = parts(
        tau1,
        "stage2_block0_relu",
        "stage2_block1_f2_ssn",
        "stage2_block1_f1_pointwise",
        "stage2_block1_relu",
    )
    assert f1.shape == (2, 1, 101, 16)
    np.testing.assert_allclose(y, np.maximum(x + f2 + f1, 0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["stage0_block0", "stage1_block1", "stage2_block2"])
def test_the_broadcast_term_is_constant_along_frequency(tau1, name):
    f2, total = parts(tau1, f"{name}_f2_ssn", f"{name}_broadcast")
    term = total - f2
    assert np.ptp(term, axis=1).max() < 1e-5
    assert np.ptp(term, axis=2).max() > 1e-2


def test_f1_hears_the_mean_over_frequency(tau1):
    f2, pooled = parts(tau1, "stage1_block1_f2_ssn", "stage1_block1_f1_pool")
    np.testing.assert_allclose(pooled, f2.mean(axis=1, keepdims=True), rtol=0, atol=1e-5)


def test_swish_in_f1_and_relu_elsewhere(tau1):
    names = [f"{name}_f1_swish" for name in ALL_BLOCKS]
    activations = [x.name for x in tau1.layers if isinstance(x, keras.layers.Activation)]
    assert activations == names
    before, after = parts(tau1, "stage0_block0_f1_bn", "stage0_block0_f1_swish")
    np.testing.assert_allclose(after, before / (1 + np.exp(-before)), rtol=1e-4, atol=1e-5)


# Time


@pytest.fixture(scope="module")
def long_tail() -> keras.Model:
    """From 160 frames to what the pool averages, (batch, frames, channels)."""
    model = randomize(build_model("bc_resnet", tau=1, input_shape=(40, 160, 1)))
    return keras.Model(model.input, model.get_layer("tail_relu").output[:, 0])


def test_a_shift_in_time_shifts_the_output(long_tail):
    """Away from the borders: 58 frames on both sides, half the receptive field of 117."""
    x = features(1, 180)
    shift = 9
    early, late = x[:, :, shift : shift + 160], x[:, :, :160]
    early, late = long_tail(np.concatenate([early, late]), training=False).numpy()
    np.testing.assert_allclose(
        late[58 + shift : 160 - 58], early[58 : 160 - 58 - shift], rtol=0, atol=1e-5
    )
    assert np.abs(late[58 + shift : 102] - early[58 + shift : 102]).max() > 1e-2


def test_the_receptive_field_is_117_frames(long_tail):
    """5 + 4 + 8 + 32 + 64 + 4: frame 80 is heard from frame 22 to 138 and nowhere else."""
    x = features(16, 160)
    other = x.copy()
    other[:, :, 80] += 3.0
    one, two = (long_tail(clips, training=False).numpy() for clips in (x, other))
    heard = np.flatnonzero((one != two).any(axis=(0, 2)))
    assert heard.min() >= 22 and heard.max() <= 138
    assert heard.min() <= 30 and heard.max() >= 130  # nearly all of it, ReLU allowing


def test_the_sum_of_dilations_reaches_the_ends_of_the_field():
    model = build_model("bc_resnet", tau=1, input_shape=(40, 50, 1))
    kernels = [(5, 1), *((3, 2 ** int(name[5])) for name in ALL_BLOCKS), (5, 1)]
    widths = [
        (layer.kernel_size[1] - 1) * layer.dilation_rate[1]
        for layer in model.layers
        if isinstance(layer, CONVOLUTIONS)
    ]
    assert sum(widths) == sum((size - 1) * dilation for size, dilation in kernels) == 116


@pytest.mark.parametrize("frames", [1, 50])
def test_other_lengths(frames):
    model = build_model("bc_resnet", tau=1, num_classes=3, input_shape=(40, frames, 1))
    assert model(features(2, frames)).shape == (2, 3)


# Modes


def test_dropout_is_inactive_at_inference(bc_resnet, tau1):
    """The same logits twice, and those of a network without dropout."""
    logits = tau1(features(), training=False).numpy()
    np.testing.assert_array_equal(tau1(features(), training=False), logits)
    twin = build_model("bc_resnet", tau=1, dropout=0.0)
    twin.set_weights(tau1.get_weights())
    np.testing.assert_array_equal(twin(features(), training=False), logits)


def test_dropout_drops_whole_channels(tau1):
    layer = tau1.get_layer("stage3_block1_f1_dropout")
    tf.random.set_seed(0)
    kept = layer(tf.ones((200, 1, 11, 20)), training=True).numpy()
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.9)}
    assert (np.ptp(kept, axis=2) == 0).all()
    assert np.mean(kept == 0) == pytest.approx(0.1, abs=0.02)


def test_logits_do_not_depend_on_the_rest_of_the_batch(tau1):
    """In inference mode; and any batch size will do."""
    x = features(5)
    together = tau1(x, training=False).numpy()
    alone = [tau1(x[i : i + 1], training=False).numpy()[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-4)


def test_every_variable_learns(bc_resnet):
    """A gradient for each, and none is zero everywhere."""
    model = bc_resnet(1)
    with tf.GradientTape() as tape:
        logits = model(features(4), training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([0, 3, 7, 9], logits))
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.name


def test_save_and_load(tau1, tmp_path):
    tau1.save(tmp_path / "float.keras")
    loaded = keras.models.load_model(tmp_path / "float.keras")
    np.testing.assert_array_equal(
        loaded(features(), training=False), tau1(features(), training=False)
    )


# Errors


@pytest.mark.parametrize(
    "bad",
    [
        {"tau": 0},
        {"tau": -1},
        {"tau": 0.1},
        {"num_classes": 1},
        {"num_classes": 0},
        {"input_shape": (39, 101, 1)},
        {"input_shape": (80, 101, 1)},
        {"input_shape": (40, 101, 2)},
        {"input_shape": (40, 101)},
        {"dropout": 1.5},
    ],
    ids=str,
)
def test_refuses_what_does_not_fit(bad):
    with pytest.raises(ValueError):
        build_model("bc_resnet", **bad)


def test_refuses_an_unknown_model():
    with pytest.raises(
        UserError, match="'bc_resnet_1' is unknown; choose one of bc_resnet, bc_resnet_asc, ds_"
    ):
        build_model("bc_resnet_1")


def test_an_embedding_is_what_the_classifier_reads():
    whole = build_model("bc_resnet", tau=1, num_classes=12)
    embedding = build_model("bc_resnet", tau=1, num_classes=None)
    assert embedding.output_shape == (None, 32)
    embedding.set_weights(whole.get_weights()[:-2])
    features = np.random.default_rng(0).normal(size=(2, 40, 101, 1)).astype(np.float32)
    logits = whole.get_layer("classifier")(embedding(features))
    np.testing.assert_allclose(logits, whole(features), atol=1e-6)
    assert whole.count_params() - embedding.count_params() == 12 * 33
