"""HARD_SWISH in place of swish: fitted per channel, folded completely."""

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.conversion.rewriting import graph, hard_swish, lowering, rewrites
from tests.edge_tf.conversion.conversion_fixtures import (
    block_model,
    features,
    kinds,
    randomize,
    run,
)

layers = keras.layers


def swish(u: np.ndarray) -> np.ndarray:
    return u / (1 + np.exp(-u))


def hard(u: np.ndarray) -> np.ndarray:
    return u * np.clip(u + 3, 0, 6) / 6


def activations(output: graph.Node) -> list[graph.Activation]:
    return [node for node in graph.order(output) if isinstance(node, graph.Activation)]


def chain(before=None, behind=None, between=lambda x: x, tail=lambda x: x) -> graph.Node:
    """A swish between two convolutions."""
    inputs = keras.Input((6, 8, 3))
    x = (before or layers.Conv2D(5, 3, padding="same"))(inputs)
    x = layers.Activation("swish")(x)
    x = tail((behind or layers.Conv2D(4, 1))(between(x)))
    output = lowering.lower(randomize(keras.Model(inputs, x), 3))
    return rewrites.fold_affine(output)


def clips(count: int = 30) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, (count, 6, 8, 3)).astype(np.float32)


class TestFit:
    @given(mean=st.floats(-4, 4), spread=st.floats(0.05, 6), seed=st.integers(0, 99))
    @settings(max_examples=40)
    def test_it_is_nearer_to_swish_than_hard_swish_as_it_is(self, mean, spread, seed):
        u = np.random.default_rng(seed).normal(mean, spread, (500, 3))
        a, b, c, d = hard_swish._fit(u)
        fitted = np.mean((a * hard(b * u + c) + d - swish(u)) ** 2, axis=0)
        assert np.all(fitted <= np.mean((hard(u) - swish(u)) ** 2, axis=0) + 1e-9)

    def test_where_both_are_the_identity(self):
        u = np.random.default_rng(0).uniform(20, 30, (500, 2))
        a, b, c, d = hard_swish._fit(u)
        np.testing.assert_allclose(a * hard(b * u + c) + d, u, rtol=1e-5)

    def test_values_that_never_change(self):
        u = np.full((50, 2), -1.3)
        a, b, c, d = hard_swish._fit(u)
        assert all(np.isfinite(number).all() for number in (a, b, c, d))
        np.testing.assert_allclose(a * hard(b * u + c) + d, swish(u), atol=1e-5)

    def test_usual_ranges_are_met_well(self):
        """As after a batch norm."""
        u = np.random.default_rng(0).normal(0, 1, (2000, 4))
        a, b, c, d = hard_swish._fit(u)
        fitted = np.sqrt(np.mean((a * hard(b * u + c) + d - swish(u)) ** 2))
        assert fitted < 0.5 * np.sqrt(np.mean((hard(u) - swish(u)) ** 2))


def by_hand(output: graph.Node, data: np.ndarray) -> np.ndarray:
    """The graph with the fitted function where its one swish is."""
    node = next(node for node in activations(output) if node.kind == "swish")
    ((a, b, c, d),) = hard_swish._fits([node], data)
    u = run(node.inputs[0], data)
    values = (a * hard(b * u + c) + d).astype(np.float32)

    x = graph.Input((), node.shape)
    rest = graph.transform(output, lambda old, new: x if old is node else new)
    return run(rest, values)


class TestFolding:
    @pytest.mark.parametrize(
        "parts",
        [
            {},
            {"before": layers.DepthwiseConv2D(3), "behind": layers.Conv2D(4, (2, 3))},
            {"before": layers.Conv2D(5, 1, strides=2), "behind": layers.Conv2D(4, 1, strides=2)},
            {"tail": layers.BatchNormalization()},
            {"between": layers.SpatialDropout2D(0.1)},
            {"behind": layers.Conv2D(4, 1, padding="same", use_bias=False)},
        ],
        ids="plain kernels strides norm dropout same".split(),
    )
    def test_it_is_exact(self, parts):
        output, data = chain(**parts), clips()
        changed = hard_swish.fit(output, data)
        assert [node.kind for node in activations(changed)] == ["hard_swish"]
        assert kinds(changed) == kinds(output)  # no extra op
        np.testing.assert_allclose(run(changed, data), by_hand(output, data), atol=1e-4)

    def test_two_in_a_row(self):
        """The convolution between them absorbs numbers of both."""
        keras.utils.set_random_seed(0)

        def tail(x):
            return layers.Conv2D(3, 1)(layers.Activation("swish")(x))

        output, data = chain(tail=tail), clips()
        changed = hard_swish.fit(output, data)
        assert [node.kind for node in activations(changed)] == ["hard_swish"] * 2
        naive = graph.transform(output, _naive)
        wanted = run(output, data)
        assert error(run(changed, data), wanted) < 0.7 * error(run(naive, data), wanted)

    def test_nearer_than_naive_on_a_block(self):
        output = rewrites.fold_affine(lowering.lower(block_model()))
        data, unseen = features(60), features(60, seed=7)
        changed = hard_swish.fit(output, data)
        naive = graph.transform(output, _naive)
        wanted = run(output, unseen)
        assert error(run(changed, unseen), wanted) < 0.7 * error(run(naive, unseen), wanted)


def _naive(old: graph.Node, new: graph.Node) -> graph.Node:
    is_swish = isinstance(new, graph.Activation) and new.kind == "swish"
    return graph.Activation(new.inputs, "hard_swish") if is_swish else new


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - wanted) ** 2)))


class TestLeftAlone:
    def unchanged(self, output: graph.Node) -> None:
        assert hard_swish.fit(output, clips(3)) is output

    def test_two_readers(self):
        self.unchanged(chain(between=lambda x: layers.Add()([x, layers.Conv2D(5, 1)(x)])))
        two = layers.Conv2D(4, 1), layers.Conv2D(4, 1)
        self.unchanged(chain(behind=lambda x: layers.Add()([layer(x) for layer in two])))

    def test_what_goes_in_is_read_by_others(self):
        inputs = keras.Input((6, 8, 3))
        u = layers.Conv2D(5, 1)(inputs)
        x = layers.Conv2D(5, 1)(layers.Activation("swish")(u))
        self.unchanged(lowering.lower(keras.Model(inputs, layers.Add()([x, u]))))

    @pytest.mark.parametrize(
        "parts",
        [
            {"behind": layers.Conv2D(4, 3, padding="same")},  # its padding could not absorb d
            {"between": layers.ZeroPadding2D(1)},
            {"behind": layers.DepthwiseConv2D(1)},
            {"behind": layers.GlobalAveragePooling2D()},
            {"before": layers.ReLU()},
        ],
        ids="same pad depthwise pool relu".split(),
    )
    def test_other_neighbours(self, parts):
        self.unchanged(chain(**parts))

    def test_other_activations(self):
        inputs = keras.Input((6, 8, 3))
        x = layers.Conv2D(4, 1)(layers.Conv2D(5, 1, activation="relu")(inputs))
        self.unchanged(lowering.lower(keras.Model(inputs, x)))

    def test_an_output(self):
        inputs = keras.Input((6, 8, 3))
        model = keras.Model(inputs, layers.Conv2D(5, 1, activation="swish")(inputs))
        self.unchanged(lowering.lower(model))
