"""DS-CNN: the size of the MLPerf Tiny reference, and that it is one (arXiv:2106.07597)."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.models import build_model


@pytest.fixture(scope="module")
def benchmark() -> keras.Model:
    """At the shape of the benchmark: 10 coefficients, 49 frames."""
    return build_model("ds_cnn", input_shape=(10, 49, 1))


def features(batch: int, shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)


def test_parameters_of_the_benchmark(benchmark):
    """24,908 in all, as published; 9 norms of 64 channels hold 1,152 that are not trained."""
    assert benchmark.count_params() == 24_908
    trained = sum(int(np.prod(v.shape)) for v in benchmark.trainable_variables)
    assert trained == 24_908 - 9 * 2 * 64


def test_multiply_adds_of_the_benchmark(benchmark):
    """2.7 M, most of them in the pointwise convolutions."""
    count = 0
    for layer in benchmark.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            count += np.prod(layer.output_shape[1:]) * np.prod(layer.kernel_size)
        elif isinstance(layer, keras.layers.Conv2D):
            count += np.prod(layer.output_shape[1:3]) * layer.kernel.shape.num_elements()
    assert count == 5 * 25 * 64 * (40 + 4 * (9 + 64)) == 2_656_000


def test_parameters_do_not_depend_on_the_input_but_on_classes():
    assert build_model("ds_cnn").count_params() == 24_908
    assert build_model("ds_cnn", num_classes=35).count_params() == 24_908 + 23 * 65


def test_shapes(benchmark):
    """A 4 x 10 kernel (coefficients x frames) with stride 2 halves both axes, once."""
    assert benchmark.get_layer("stem").kernel.shape == (4, 10, 1, 64)
    assert benchmark.get_layer("stem").output_shape == (None, 5, 25, 64)
    assert benchmark.get_layer("block3_pointwise_relu").output_shape == (None, 5, 25, 64)
    assert benchmark.output_shape == (None, 12)
    assert build_model("ds_cnn").get_layer("stem").output_shape == (None, 20, 51, 64)


def test_logits_not_probabilities(benchmark):
    logits = benchmark(features(4, (10, 49, 1)), training=False).numpy()
    assert (logits < 0).any()
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3


def test_inference_is_deterministic_and_training_drops(benchmark):
    x = features(3, (10, 49, 1))
    once = benchmark(x, training=False).numpy()
    np.testing.assert_array_equal(benchmark(x, training=False), once)
    np.testing.assert_allclose(
        benchmark(x[:1], training=False).numpy(), once[:1], rtol=1e-4, atol=1e-5
    )
    assert not np.array_equal(benchmark(x, training=True), benchmark(x, training=True))


def test_every_variable_gets_a_gradient(benchmark):
    with tf.GradientTape() as tape:
        logits = benchmark(features(4, (10, 49, 1)), training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([0, 3, 7, 9], logits))
    for variable, gradient in zip(
        benchmark.trainable_variables,
        tape.gradient(loss, benchmark.trainable_variables),
        strict=True,
    ):
        assert gradient is not None, variable.name


@pytest.mark.parametrize(
    "bad",
    [{"num_classes": 1}, {"input_shape": (10, 49)}, {"input_shape": (10, 49, 2)}],
    ids=str,
)
def test_refuses_what_gives_no_network(bad):
    with pytest.raises(ValueError, match="do not define a network"):
        build_model("ds_cnn", **bad)
