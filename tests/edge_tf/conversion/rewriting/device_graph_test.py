"""The graph behind an int8 file: its nodes are what the tensors hold, and it outlives the process.

That a tensor belongs to a node is proved by values: dequantized, it must be close to the node's.
"""

import json

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.rewriting import device_graph, graph
from edge_tf.errors import UserError
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import (
    block_model,
    check_tensors,
    features,
    noise,
    randomize,
    run,
)


@pytest.fixture(scope="module")
def converted() -> int8.Converted:
    return int8.convert_with_graph(block_model(), features(60))


def test_each_tensor_holds_its_node(converted):
    check_tensors(converted, features(1, seed=9))


def test_each_tensor_of_ds_cnn_holds_its_node(monkeypatch):
    monkeypatch.setattr(int8, "_CALIBRATION_STRIDES", (1,))
    model = randomize(build_model("ds_cnn", num_classes=4, input_shape=(10, 13, 1)))
    clips = noise(model, 20)
    for _ in range(20):  # norms get the statistics of these clips
        model(clips, training=True)
    made = int8.convert_with_graph(model, clips)
    check_tensors(made, clips[:1])


def test_all_of_a_block_are_found_and_named(converted):
    info = tflite_model.parse(converted.data)
    assert set(converted.graph.tensors) == {
        info.inputs[0].index,
        *(op.outputs[0] for op in info.ops),
    }
    names = [node.name for node in converted.graph.tensors.values()]
    assert names[0] == "features"
    assert {name for name in names if "band" in name} == {
        f"depthwise_conv2d band {band}" for band in range(5)
    }
    assert sum(name == "depthwise_conv2d mean" for name in names) == 1


def test_bc_resnet_s_parts_bear_the_name_of_their_block():
    model = randomize(build_model("bc_resnet", tau=0.25, num_classes=3, input_shape=(40, 9, 1)))
    function, _ = int8._device(model, noise(model, 4))(noise(model, 4), None)
    assert isinstance(function, device_graph.NamedFunction)
    names = {node.name for node in graph.order(function.output)}
    wanted = {"stem", "stage0_block0 mean", "stage0_block0 band 4", "stage3_block3 rows"}
    wanted |= {"stage2_block1_f1_swish", "stage1_block0 band 1 rows", "pool", "classifier"}
    assert wanted <= names


def test_both_ways_of_converting_give_the_same_file(converted):
    assert int8.convert(block_model(), features(60)) == converted.data


def test_the_plain_graph_has_none():
    assert int8.convert_with_graph(block_model(), features(20), "plain").graph is None


def test_saved_and_loaded_it_is_the_same(converted, tmp_path):
    path = tmp_path / device_graph.FILE
    device_graph.save(converted.graph, path)
    loaded = device_graph.load(path)
    assert loaded.is_of(converted.data) and not loaded.is_of(converted.data + b" ")
    clips = features(4)
    np.testing.assert_array_equal(run(loaded.output, clips), run(converted.graph.output, clips))
    assert {t: node.name for t, node in loaded.tensors.items()} == {
        t: node.name for t, node in converted.graph.tensors.items()
    }
    check_tensors(int8.Converted(converted.data, loaded), features(1, seed=9))


X = graph.Input((), (1, 4, 4, 2), layer="x")
ONES = np.ones((1, 4, 1, 2), np.float32)
ALL_KINDS = graph.Reshape(
    (
        graph.Concat(
            (
                graph.Add((graph.Zeros((), (1, 1, 4, 2)), graph.Slice((X,), (1, 0), (2, 4)))),
                graph.Pad((graph.Pool((X,), (2, 4)),), (0, 0), (0, 3), part="p"),
                graph.Affine((X,), ONES[:, :1], ONES),
            ),
            1,
        ),
    ),
    (1, 64),
)


def test_nodes_of_every_kind_can_be_saved(tmp_path):
    path = tmp_path / device_graph.FILE
    device_graph.save(device_graph.DeviceGraph(ALL_KINDS, {3: X}, "0"), path)
    loaded = device_graph.load(path)
    clips = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(run(loaded.output, clips), run(ALL_KINDS, clips))
    before, after = graph.order(ALL_KINDS), graph.order(loaded.output)
    assert [(n.layer, n.part, n.shape) for n in before] == [
        (n.layer, n.part, n.shape) for n in after
    ]
    assert loaded.tensors[3].name == "x"


@pytest.mark.parametrize("damage", ["rubbish", "empty", "short", "version", "kind"])
def test_a_damaged_file_is_refused_in_one_line(damage, tmp_path):
    path = tmp_path / device_graph.FILE
    device_graph.save(device_graph.DeviceGraph(ALL_KINDS, {3: X}, "0"), path)
    content = path.read_bytes()
    if damage in ("version", "kind"):
        with np.load(path) as file:
            arrays = dict(file)
        structure = json.loads(str(arrays["structure"]))
        structure["format_version"] = 2 if damage == "version" else 1
        structure["nodes"][0]["kind"] = "Odd"
        np.savez(path, **{**arrays, "structure": np.array(json.dumps(structure))})
    else:
        damaged = {"rubbish": b"rubbish", "empty": b"", "short": content[: len(content) // 2]}
        path.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=r"device_graph\.npz is not a graph .* pipelines\.convert"):
        device_graph.load(path)


def test_models_of_keras_keep_their_layers_names():
    inputs = keras.Input((8, 8, 1), name="sound")
    x = keras.layers.Conv2D(2, 3, activation="relu", name="first")(inputs)
    model = keras.Model(
        inputs, keras.layers.Dense(2, name="last")(keras.layers.GlobalAvgPool2D(name="mean")(x))
    )
    from edge_tf.conversion.rewriting import lowering

    names = [node.name for node in graph.order(lowering.lower(model))]
    assert names == ["sound", "first", "first", "mean", "last", "last"]
