"""Weights of an exported model are named by the layers they come from, without TensorFlow."""

import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8, layer_names
from edge_tf.conversion.rewriting import device_graph
from edge_tf.errors import UserError
from edge_tf.models import build_model
from firmware_export.standalone import compiler


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A small BC-ResNet as an int8 file, and its device graph."""
    # With this seed a dilated convolution has no bias, so that the converter drops two of its ops.
    keras.utils.set_random_seed(2)
    model = build_model("bc_resnet", tau=0.5, num_classes=3, input_shape=(40, 60, 1))
    clips = np.random.default_rng(0).normal(size=(8, 40, 60, 1)).astype(np.float32)
    made = int8.convert_with_graph(model, clips)
    path = tmp_path_factory.mktemp("names") / device_graph.FILE
    device_graph.save(made.graph, path)
    return made.data, path


def test_all_convolutions_have_the_name_of_their_layer(converted):
    model, path = converted
    names = layer_names.of_weights(model, path)
    info = tflite_model.parse(model)
    weights = {info.tensors[op.inputs[1]].data for op in info.ops if "CONV_2D" in op.name}
    assert set(names) == weights
    assert any(name.startswith("stem") for name in names.values())


def test_the_c_says_them(converted):
    model, path = converted
    info = tflite_model.parse(model).named(layer_names.of_weights(model, path))
    named, plain = (compiler.compile(form).files["model.c"] for form in (info, model))
    assert "/* stem" in named and "/* stem" not in plain
    without = [line for line in named.splitlines() if not line.startswith("/* ")]
    assert without == [line for line in plain.splitlines() if not line.startswith("/* ")]


def test_a_graph_of_another_model_or_none_gives_no_names(converted, tmp_path):
    model, path = converted
    assert layer_names.of_weights(model + b"\0", path) == {}
    assert layer_names.of_weights(model, tmp_path / "none.npz") == {}


def test_a_damaged_graph_is_one_line(converted, tmp_path):
    model, path = converted
    damaged = tmp_path / device_graph.FILE
    damaged.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"device_graph\.npz is not a graph .* pipelines\.convert"):
        layer_names.of_weights(model, damaged)


def test_it_needs_no_tensorflow():
    code = "import sys, edge_tf.conversion.layer_names; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
