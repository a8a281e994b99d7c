"""SubSpectralNorm: the identities of arXiv:2103.13620, against batch norm and a plain formula."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.layers.sub_spectral_norm import SubSpectralNorm

BATCH, ROWS, FRAMES, CHANNELS = 4, 10, 7, 3
BANDS = 5
SHAPE = (BATCH, ROWS, FRAMES, CHANNELS)


def inputs(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Other mean and spread in every row and channel."""
    draw = np.random.default_rng(seed)
    _, rows, _, channels = shape
    mean, spread = draw.normal(0, 3, (rows, 1, channels)), draw.uniform(0.5, 4, (rows, 1, channels))
    return (draw.normal(size=shape) * spread + mean).astype(np.float32)


def built(*arguments, shape=SHAPE, **more) -> SubSpectralNorm:
    layer = SubSpectralNorm(*arguments, **more)
    layer.build((None, *shape[1:]))
    return layer


def randomize(layer: keras.layers.Layer, seed: int = 1) -> keras.layers.Layer:
    """Weights of a trained norm: variances above 0, everything else anything."""
    draw = np.random.default_rng(seed)
    for variable in layer.weights:
        low = 0.2 if "variance" in variable.name else -2.0
        variable.assign(draw.uniform(low, 2.0, variable.shape))
    return layer


def batch_norm() -> keras.layers.BatchNormalization:
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    layer.build((None, None, None, CHANNELS))
    return layer


def bands_of(x: np.ndarray, bands: int = BANDS) -> np.ndarray:
    """(S, N, F/S, T, C)."""
    return np.stack(np.split(x, bands, axis=1))


def plain(x, gamma, beta, bands: int = BANDS, epsilon: float = 1e-5) -> tf.Tensor:
    """Training mode by the book: eq. 2-4 of the paper on a reshaped tensor."""
    shape = x.shape
    x = tf.reshape(x, (shape[0], bands, shape[1] // bands, *shape[2:]))
    mean, variance = tf.nn.moments(x, (0, 2, 3), keepdims=True)
    y = (x - mean) / tf.sqrt(variance + epsilon)
    return tf.reshape(y * gamma[None, :, None, None] + beta[None, :, None, None], shape)


# Limits: one band, a band a row


def test_one_band_is_batch_norm():
    """Bit for bit in training and in inference mode, over steps with batches of several sizes."""
    ours, theirs = randomize(built(1)), randomize(batch_norm())
    for step in range(10):
        x = inputs(step, (1 + step % 4, *SHAPE[1:]))
        np.testing.assert_array_equal(ours(x, training=True), theirs(x, training=True))
    np.testing.assert_array_equal(ours.moving_mean[0], theirs.moving_mean)
    np.testing.assert_array_equal(ours.moving_variance[0], theirs.moving_variance)
    ours.moving_mean.assign(theirs.moving_mean[None])
    ours.moving_variance.assign(theirs.moving_variance[None])
    np.testing.assert_array_equal(ours(x, training=False), theirs(x, training=False))


def test_a_band_a_row_is_a_batch_norm_a_row():
    ours = randomize(built(ROWS))
    rows = [batch_norm() for _ in range(ROWS)]
    for i, row in enumerate(rows):
        row.set_weights([weight[i] for weight in ours.get_weights()])
    for step in range(3):
        x = inputs(step)
        expected = [row(x[:, i : i + 1], training=True) for i, row in enumerate(rows)]
        np.testing.assert_array_equal(ours(x, training=True), np.concatenate(expected, axis=1))
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(ours.moving_mean[i], row.moving_mean)
        np.testing.assert_array_equal(ours.moving_variance[i], row.moving_variance)
    expected = [row(x[:, i : i + 1], training=False) for i, row in enumerate(rows)]
    np.testing.assert_allclose(
        ours(x, training=False), np.concatenate(expected, axis=1), rtol=1e-5, atol=1e-5
    )


# Affine


@pytest.mark.parametrize("training", [True, False])
def test_sub_with_tied_affine_is_all(training):
    every, sub = randomize(built(BANDS, affine="all")), built(BANDS, affine="sub")
    gamma, beta, mean, variance = every.get_weights()
    assert gamma.shape == (1, CHANNELS)
    sub.set_weights([np.repeat(gamma, BANDS, 0), np.repeat(beta, BANDS, 0), mean, variance])
    np.testing.assert_array_equal(
        every(inputs(), training=training), sub(inputs(), training=training)
    )


@pytest.mark.parametrize("training", [True, False])
def test_none_is_all_with_gamma_1_and_beta_0(training):
    none, every = randomize(built(BANDS, affine="none")), built(BANDS, affine="all")
    every.moving_mean.assign(none.moving_mean)
    every.moving_variance.assign(none.moving_variance)
    assert len(none.trainable_weights) == 0
    np.testing.assert_array_equal(
        none(inputs(), training=training), every(inputs(), training=training)
    )


@pytest.mark.parametrize(
    ("affine", "trainable"),
    [("sub", 2 * CHANNELS * BANDS), ("all", 2 * CHANNELS), ("none", 0)],
)
def test_parameters(affine, trainable):
    """Affine "sub" has 2C(S - 1) more than batch norm; the moments are 2CS in each case."""
    layer = built(BANDS, affine=affine)
    assert sum(int(tf.size(w)) for w in layer.trainable_weights) == trainable
    assert sum(int(tf.size(w)) for w in layer.non_trainable_weights) == 2 * CHANNELS * BANDS
    if affine == "sub":
        norm = sum(int(tf.size(w)) for w in batch_norm().trainable_weights)
        assert trainable - norm == 2 * CHANNELS * (BANDS - 1)


# Statistics


def test_training_leaves_mean_0_and_variance_1_in_each_band_and_channel():
    y = bands_of(built(BANDS)(inputs(), training=True).numpy().astype(np.float64))
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 0.0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=(1, 2, 3)), 1.0, atol=1e-4)


def test_gamma_and_beta_are_spread_and_mean_of_their_band():
    layer = randomize(built(BANDS))
    y = bands_of(layer(inputs(), training=True).numpy().astype(np.float64))
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), layer.beta, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(1, 2, 3)), np.abs(layer.gamma), rtol=1e-4)


def test_a_constant_added_to_a_band_or_a_gain_on_it_disappears():
    x = inputs()
    other = x.copy()
    other[:, 2:4] = other[:, 2:4] * 8 + 50
    layer = built(BANDS)
    np.testing.assert_allclose(
        layer(other, training=True), layer(x, training=True), rtol=0, atol=2e-4
    )


def test_bands_are_contiguous_rows():
    """Another row 0 changes rows 0 and 1 of that channel and nothing else: a comb would be 0, 5."""
    x = inputs()
    other = x.copy()
    other[0, 0, 0, 1] += 5
    layer = built(BANDS)
    differs = (layer(x, training=True).numpy() != layer(other, training=True).numpy()).any((0, 2))
    assert np.argwhere(differs).tolist() == [[0, 1], [1, 1]]


def test_moving_moments():
    """momentum * old + (1 - momentum) * new; the variance is the unbiased one, as in PyTorch."""
    layer = built(BANDS, momentum=0.75)
    layer.moving_mean.assign(np.full((BANDS, CHANNELS), 2.0))
    layer.moving_variance.assign(np.full((BANDS, CHANNELS), 3.0))
    x = bands_of(inputs().astype(np.float64))
    layer(inputs(), training=True)
    mean, variance = x.mean(axis=(1, 2, 3)), x.reshape(BANDS, -1, CHANNELS).var(axis=1, ddof=1)
    np.testing.assert_allclose(layer.moving_mean, 1.5 + 0.25 * mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 2.25 + 0.25 * variance, rtol=1e-5)


@pytest.mark.parametrize(("momentum", "keeps"), [(1.0, True), (0.0, False)])
def test_momentum_at_its_limits(momentum, keeps):
    """1 keeps what was, 0 takes the last batch."""
    layer = built(BANDS, momentum=momentum)
    layer(inputs(1), training=True)
    layer(inputs(2), training=True)
    last = np.zeros((BANDS, CHANNELS)) if keeps else bands_of(inputs(2)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(layer.moving_mean, last, rtol=1e-5, atol=1e-5)


def test_inference_reads_the_moving_moments_and_leaves_them():
    layer = randomize(built(BANDS))
    before = layer.get_weights()
    gamma, beta, mean, variance = (np.repeat(w, 2, axis=0)[:, None] for w in before)
    expected = (inputs() - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    np.testing.assert_allclose(layer(inputs(), training=False), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(inputs()), expected, rtol=1e-4, atol=1e-5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_layer_that_is_not_trainable_is_in_inference_mode():
    """As Keras' batch norm: frozen means that statistics stand still, too."""
    layer = randomize(built(BANDS))
    expected = layer(inputs(), training=False).numpy()
    before = layer.get_weights()
    layer.trainable = False
    np.testing.assert_array_equal(layer(inputs(), training=True), expected)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer.trainable_weights == []


@pytest.mark.parametrize("affine", ["sub", "all", "none"])
def test_scale_and_offset_are_the_inference_form(affine):
    layer = randomize(built(BANDS, affine=affine, epsilon=1e-2))
    scale, offset = layer.scale_and_offset()
    assert scale.shape == offset.shape == (BANDS, CHANNELS)
    scale, offset = (np.repeat(t, ROWS // BANDS, axis=0)[:, None] for t in (scale, offset))
    np.testing.assert_allclose(
        inputs() * scale + offset, layer(inputs(), training=False), rtol=1e-4, atol=1e-5
    )


# Gradients


def test_gradients_are_those_of_the_plain_formula():
    """Of x, gamma and beta, through the batch moments, against float64."""
    layer = randomize(built(BANDS))
    target = np.random.default_rng(3).normal(size=SHAPE)
    x = tf.constant(inputs())
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(tf.sin(y) * tf.constant(target, tf.float32))
    ours = tape.gradient(loss, (x, layer.gamma, layer.beta))

    exact = [tf.cast(v, tf.float64) for v in (x, layer.gamma, layer.beta)]
    with tf.GradientTape() as tape:
        tape.watch(exact)
        expected = plain(*exact)
        loss = tf.reduce_sum(tf.sin(expected) * target)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    for mine, reference in zip(ours, tape.gradient(loss, exact), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-3, atol=1e-4)


def test_gradients_agree_with_finite_differences():
    """Of the plain formula in float64: neither side knows backpropagation rules of the other."""
    layer = built(BANDS)
    weights = np.random.default_rng(4).normal(size=SHAPE)
    with tf.GradientTape() as tape:
        x = tf.constant(inputs())
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=True) * tf.constant(weights, tf.float32))
    gradient = tape.gradient(loss, x).numpy()
    ones, zeros = np.ones((BANDS, CHANNELS)), np.zeros((BANDS, CHANNELS))
    for place in [(0, 0, 0, 0), (3, 9, 6, 2), (1, 4, 3, 1)]:
        step = np.zeros(SHAPE)
        step[place] = 1e-5
        up, down = (
            np.sum(plain(inputs() + sign * step, ones, zeros) * weights) for sign in (1, -1)
        )
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=1e-4)


# In a model


def model_of(layer: SubSpectralNorm) -> keras.Model:
    x = keras.Input((ROWS, None, CHANNELS))
    return keras.Model(x, layer(x))


def test_batches_and_lengths_of_any_size_in_one_graph():
    model = model_of(randomize(built(BANDS)))
    run = tf.function(model, input_signature=[tf.TensorSpec((None, ROWS, None, CHANNELS))])
    for shape in [(1, ROWS, 1, CHANNELS), (2, ROWS, 7, CHANNELS), (5, ROWS, 3, CHANNELS)]:
        x = inputs(shape=shape)
        np.testing.assert_allclose(run(x), model.layers[1](x), rtol=1e-5, atol=1e-5)


def test_training_in_a_graph_updates_the_moments_as_eagerly():
    eager = built(BANDS)
    layer = built(BANDS)
    step = tf.function(
        lambda x: layer(x, training=True),
        input_signature=[tf.TensorSpec((None, ROWS, None, CHANNELS))],
    )
    for seed, count in enumerate([4, 1, 3]):
        x = inputs(seed, (count, *SHAPE[1:]))
        np.testing.assert_allclose(step(x), eager(x, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, eager.moving_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, eager.moving_variance, rtol=1e-5)


def test_fit_trains_and_evaluate_does_not():
    """Keras' own loop hands the training flag down."""
    model = model_of(built(BANDS))
    model.compile("sgd", "mse")
    model.fit(inputs(), np.zeros(SHAPE), verbose=0)
    trained = model.get_weights()
    assert np.abs(trained[2]).min() > 0  # moving means left 0
    model.evaluate(inputs(), np.zeros(SHAPE), verbose=0)
    for old, new in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_config_round_trip():
    layer = SubSpectralNorm(2, affine="all", momentum=0.8, epsilon=1e-3, name="norm")
    twin = SubSpectralNorm.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert (twin.sub_bands, twin.affine, twin.momentum, twin.epsilon) == (2, "all", 0.8, 1e-3)
    assert twin.name == "norm"


@pytest.mark.parametrize("affine", ["sub", "all", "none"])
def test_save_and_load(tmp_path, affine):
    """The .keras file knows the class: no custom_objects."""
    model = model_of(randomize(built(BANDS, affine=affine, momentum=0.8, epsilon=1e-3)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].get_config() == model.layers[1].get_config()
    for training in (False, True):
        np.testing.assert_array_equal(
            model(inputs(), training=training), loaded(inputs(), training=training)
        )


# Errors


@pytest.mark.parametrize(("bands", "rows"), [(5, 12), (3, 10), (11, 10), (20, 10)])
def test_refuses_rows_that_bands_do_not_divide(bands, rows):
    with pytest.raises(ValueError, match=f"{bands} sub-bands do not divide {rows}"):
        SubSpectralNorm(bands)(np.zeros((1, rows, 2, 3), np.float32))


@pytest.mark.parametrize("shape", [(None, None, 7, 3), (None, 10, 7, None)])
def test_refuses_axes_of_unknown_size(shape):
    with pytest.raises(ValueError, match="static size"):
        SubSpectralNorm(5).build(shape)


@pytest.mark.parametrize("shape", [(10,), (2, 10), (2, 10, 3), (2, 10, 7, 3, 1)])
def test_refuses_what_is_not_4d(shape):
    with pytest.raises(ValueError, match="ndim=4"):
        SubSpectralNorm(5)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "bad",
    [
        {"sub_bands": 0},
        {"sub_bands": -5},
        {"affine": "Sub"},
        {"affine": None},
        {"momentum": -0.1},
        {"momentum": 1.1},
        {"momentum": float("nan")},
        {"epsilon": 0.0},
        {"epsilon": -1e-5},
    ],
    ids=str,
)
def test_refuses_arguments_out_of_range(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=name):
        SubSpectralNorm(**bad)
