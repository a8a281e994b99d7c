"""The inference graph: shapes match the computed values, and it is rebuilt without loss."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.conversion.rewriting import graph
from tests.edge_tf.conversion.conversion_fixtures import run

X = graph.Input((), (1, 7, 9, 3))


def sixteenths(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Normal values, rounded so that sums of products are exact in any order."""
    values = np.random.default_rng(seed).normal(size=shape)
    return (np.round(16 * values) / 16).astype(np.float32)


CLIPS = sixteenths(0, (4, 7, 9, 3))


def constant(*shape: int) -> np.ndarray:
    return sixteenths(sum(shape), shape)


ROW = graph.Zeros((), (1, 1, 9, 3))
NODES = {
    "convolution": graph.Convolution((X,), constant(3, 2, 3, 5), constant(5)),
    "same": graph.Convolution((X,), constant(3, 2, 3, 5), constant(5), (2, 2), padding="SAME"),
    "depthwise": graph.Depthwise((X,), constant(3, 1, 3, 1), constant(3), (2, 1)),
    "dilated": graph.Depthwise((X,), constant(1, 3, 3, 1), constant(3), dilation=(1, 4)),
    "affine": graph.Affine((X,), constant(1, 7, 1, 3), constant(1, 1, 1, 3)),
    "add": graph.Add((ROW, X)),
    "relu": graph.Activation((X,), "relu"),
    "swish": graph.Activation((X,), "swish"),
    "hard_swish": graph.Activation((X,), "hard_swish"),
    "pool": graph.Pool((X,), (2, 4)),
    "pad": graph.Pad((X,), (1, 2), (0, 3)),
    "reshape": graph.Reshape((X,), (1, 189)),
    "reshape to what is left": graph.Reshape((X,), (1, 7, -1, 3)),
    "concat": graph.Concat((X, ROW, X), 1),
    "slice": graph.Slice((X,), (2, 1), (3, 8)),
}


@pytest.mark.parametrize("name", NODES)
def test_shapes_match_the_computed_values(name):
    node = NODES[name]
    assert run(node, CLIPS[:1]).shape == node.shape
    assert run(node, CLIPS).shape == (4, *node.shape[1:])


@pytest.mark.parametrize("name", NODES)
def test_clips_do_not_mix(name):
    together = run(NODES[name], CLIPS)
    alone = np.concatenate([run(NODES[name], clip[np.newaxis]) for clip in CLIPS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@given(
    rows=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["SAME", "VALID"]),
    kind=st.sampled_from([graph.Convolution, graph.Depthwise]),
)
@settings(max_examples=60)
def test_shapes_of_convolutions(rows, kernel, stride, dilation, padding, kind):
    dilation = dilation if stride == 1 else 1
    if padding == "VALID" and (kernel - 1) * dilation >= rows:
        return
    x = graph.Input((), (1, rows, 5, 2))
    weights = np.ones((kernel, 1, 2, 1 if kind is graph.Depthwise else 2), np.float32)
    bias = np.zeros(2, np.float32)
    node = kind((x,), weights, bias, (stride, 1), (dilation, 1), padding)
    assert run(node, np.zeros(x.shape, np.float32)).shape == node.shape


def test_activations_are_those_of_the_papers():
    values = np.linspace(-5, 5, 41, dtype=np.float32).reshape(1, 1, 41, 1)
    x = graph.Input((), values.shape)
    np.testing.assert_allclose(
        run(graph.Activation((x,), "hard_swish"), values),
        values * np.clip(values + 3, 0, 6) / 6,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        run(graph.Activation((x,), "swish"), values), values / (1 + np.exp(-values)), atol=1e-6
    )


def diamond() -> graph.Node:
    """Both arms read one node."""
    middle = graph.Activation((X,), "relu")
    arms = graph.Activation((middle,), "swish"), graph.Pad((middle,), (0, 0), (0, 0))
    return graph.Add(arms)


def test_order_has_each_node_once_after_its_inputs():
    nodes = graph.order(diamond())
    assert len(nodes) == len(set(nodes)) == 5
    for at, node in enumerate(nodes):
        assert all(source in nodes[:at] for source in node.inputs)


def test_readers():
    output = diamond()
    found = graph.readers(output)
    middle = output.inputs[0].inputs[0]
    assert found[middle] == list(output.inputs)
    assert found[output] == [] and len(found[X]) == 1


def test_a_transformation_that_changes_nothing_keeps_the_function_and_the_sharing():
    output = diamond()
    same = graph.transform(output, lambda old, new: new)
    assert same is not output and len(graph.order(same)) == 5
    np.testing.assert_array_equal(run(same, CLIPS), run(output, CLIPS))


def test_a_transformation_sees_changed_inputs():
    def change(old: graph.Node, new: graph.Node) -> graph.Node:
        return new.inputs[0] if isinstance(new, graph.Activation) else new

    changed = graph.transform(diamond(), change)
    np.testing.assert_array_equal(run(changed, CLIPS), 2 * CLIPS)


def test_traced_functions_take_any_number_of_clips():
    calls = []

    def function(x: tf.Tensor) -> list[tf.Tensor]:
        calls.append(x.shape)
        return [graph.to_function(NODES["concat"])(x)]

    traced = graph.traced(function, CLIPS)
    for count in (1, 2, 4):
        (found,) = traced(CLIPS[:count])
        np.testing.assert_array_equal(found, run(NODES["concat"], CLIPS[:count]))
    assert len(calls) == 1
