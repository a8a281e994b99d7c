"""The table of quantization errors: figures are exact, and it finds the layer that is to blame."""

import math

import numpy as np
import pytest

import tflite_model
from edge_tf.conversion.rewriting import graph
from edge_tf.evaluation import metrics
from edge_tf.evaluation.layers import fake_quantization, quantization_error
from edge_tf.evaluation.layers.quantization_error import snr_db
from tests.edge_tf.conversion.conversion_fixtures import block_model, features
from tests.edge_tf.evaluation.layers.layer_fixtures import bad_model, clips, converted


@pytest.fixture(scope="module")
def block():
    return converted(block_model(), features(60))


@pytest.fixture(scope="module")
def bad():
    return converted(bad_model(), clips(60))


@pytest.mark.parametrize(
    ("signal", "noise", "wanted"),
    [
        (100.0, 1.0, 20.0),
        (1.0, 1.0, 0.0),
        (1.0, 1000.0, -30.0),
        (5.0, 0.0, math.inf),
        (0.0, 2.0, -math.inf),
    ],
)
def test_decibels_are_exact(signal, noise, wanted):
    assert snr_db(signal, noise) == wanted


def test_nothing_against_nothing_has_no_ratio():
    assert math.isnan(snr_db(0.0, 0.0))


def test_values_are_rounded_as_numpy_does():
    values = np.linspace(-30, 30, 1001).astype(np.float32)
    wanted = 0.125 * (np.clip(np.rint(values / 0.125) + 7, -128, 127) - 7)
    np.testing.assert_allclose(fake_quantization.rounded(values, 0.125, 7), wanted, atol=1e-6)


def test_rounded_weights_are_those_of_the_file(block):
    """Weights of the graph, rounded by the scales of the file, equal its bytes times its scales."""
    info = tflite_model.parse(block.data)
    seen = 0
    for layer in fake_quantization.layers(info, block.graph):
        if layer.rounded is None:
            continue
        op = next(op for op in info.ops if op.outputs[0] == layer.tensor.index)
        weights = info.tensors[op.inputs[1]]
        shape = [1, 1, 1, 1]
        shape[weights.quantized_dimension] = -1
        real = weights.array() * np.reshape(weights.scales, shape)
        order = (1, 2, 3, 0)  # out, kh, kw, in; a depthwise one has 1 in the place of out
        np.testing.assert_allclose(layer.rounded.kernel, real.transpose(order), rtol=1e-5)
        seen += 1
    assert seen == 11


def test_a_layer_bears_the_name_of_its_convolution_and_copies_are_known(bad, block):
    found = fake_quantization.layers(tflite_model.parse(bad.data), bad.graph)
    names = [layer.name for layer in found]
    assert names == ["features", "first", "bad", "behind", "mean", "logits", "logits"]
    assert [layer.copies for layer in found] == [False] * 6 + [True]
    kinds = {
        x.op
        for x in fake_quantization.layers(tflite_model.parse(block.data), block.graph)
        if x.copies
    }
    assert kinds == {"CONCATENATION", "PAD", "RESHAPE"}


def test_the_simulation_is_the_graph_with_those_layers_changed(block, monkeypatch):
    """In segments or whole, and against a plain evaluation node by node."""
    found = fake_quantization.layers(tflite_model.parse(block.data), block.graph)
    x = features(5, seed=3)

    def plain(mask):
        def compute(node, *read):
            for layer, on in zip(found, mask, strict=True):
                if on and node is layer.weighted:
                    node = layer.rounded
                    break
            value = node.compute(*read)
            for layer, on in zip(found, mask, strict=True):
                if on and (
                    node is layer.node or (node is layer.rounded and layer.weighted is layer.node)
                ):
                    grid = layer.tensor
                    value = fake_quantization.rounded(value, grid.scales[0], grid.zero_points[0])
            return value

        return np.asarray(graph.to_function(block.graph.output, compute)(x))

    masks = np.eye(len(found), dtype=bool)
    for segment in (3, 1000):
        monkeypatch.setattr(fake_quantization, "_SEGMENT", segment)
        simulation = fake_quantization.Simulation(block.graph.output, found)
        each = simulation.logits_of_each(x, range(len(found)))
        for mask, logits in zip(masks, each, strict=True):
            np.testing.assert_allclose(logits, plain(mask), atol=1e-4)
        some = masks[2] | masks[7]
        np.testing.assert_allclose(simulation.logits(x, some), plain(some), atol=1e-4)
        none = np.zeros(len(found), bool)
        np.testing.assert_allclose(simulation.logits(x, none), plain(none), atol=1e-5)


def test_the_table_of_a_block(block):
    x = features(120, seed=7)
    labels = np.random.default_rng(0).integers(0, 4, 120)
    table = quantization_error.measure(block.data, block.graph, x, labels)
    assert table.clips == 120
    logits = np.asarray(graph.to_function(block.graph.output)(x))
    assert table.float_accuracy == np.mean(metrics.predictions(logits) == labels)
    snrs = [layer.snr_db for layer in table.layers]
    assert snrs == sorted(snrs) and snrs[0] > 8
    assert len(table.layers) == len(block.graph.tensors)
    source = next(layer for layer in table.layers if layer.op == "INPUT")
    grid = tflite_model.parse(block.data).inputs[0]
    rounded = fake_quantization.rounded(x, grid.scales[0], grid.zero_points[0])
    power = np.mean(np.square(x, dtype=np.float64))
    noise = np.mean(np.square(x - np.asarray(rounded), dtype=np.float64))
    assert source.snr_db == pytest.approx(10 * np.log10(power / noise), abs=1e-3)
    for layer in table.layers:
        copies = layer.op in ("CONCATENATION", "PAD", "RESHAPE")
        assert (layer.accuracy_alone is None) == (layer.logits_snr_db_alone is None) == copies
    last = next(layer for layer in table.layers if layer.op == "RESHAPE")
    assert last.snr_db == pytest.approx(table.logits_snr_db, abs=1e-6)


def test_the_layer_that_cannot_be_quantized_comes_out_worst(bad):
    """Its other channels are below half a step: nothing of them is left."""
    x = clips(40, seed=5, loudest=0.85)
    labels = metrics.predictions(np.asarray(graph.to_function(bad.graph.output)(x)))
    table = quantization_error.measure(bad.data, bad.graph, x, labels)
    assert table.layers[0].name == "bad" and table.layers[0].snr_db < 1
    alone = {x.name: y for x in table.layers if (y := x.logits_snr_db_alone) is not None}
    assert min(alone, key=lambda name: alone[name]) == "bad"
    others = [snr for name, snr in alone.items() if name != "bad"]
    assert min(others) > alone["bad"] + 20


def test_a_graph_of_another_file_is_a_mistake(bad, block):
    with pytest.raises(ValueError, match="belongs to another file"):
        quantization_error.measure(bad.data, block.graph, clips(2), np.zeros(2, int))
