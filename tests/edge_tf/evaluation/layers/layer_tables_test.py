"""Tables by layer of a run: what is measured, on how many clips, and what is said if not."""

import numpy as np
import pytest

import tflite_model
from edge_tf.conversion.rewriting import device_graph
from edge_tf.errors import UserError
from edge_tf.evaluation.layers import layer_tables
from edge_tf.run_dir import RunDirectory
from tests.edge_tf import recorded
from tests.edge_tf.evaluation.layers.layer_fixtures import bad_model, clips, converted

CLIPS, LABELS = clips(30, seed=2), np.repeat([0, 1, 2], 10)


@pytest.fixture(scope="module")
def made():
    return converted(bad_model(), clips(20))


@pytest.fixture
def run(made, tmp_path) -> RunDirectory:
    run = RunDirectory(tmp_path).create()
    run.record(recorded.converted(graph="device"))
    device_graph.save(made.graph, run / device_graph.FILE)
    return run


@pytest.mark.parametrize(("cap", "wanted"), [(6, 6), (7, 7), (30, 30), (1000, 30)])
def test_the_cap_on_clips(run, made, cap, wanted):
    tables = layer_tables.of_run(run, made.data, CLIPS, LABELS, cap)
    assert tables.errors is not None and tables.errors.clips == wanted


def test_clips_are_spread_over_the_labels(run, made, monkeypatch):
    seen = []
    monkeypatch.setattr(
        layer_tables.quantization_error, "measure", lambda *arguments: seen.append(arguments[3])
    )
    layer_tables.of_run(run, made.data, CLIPS, LABELS, 6)
    assert np.bincount(seen[0]).tolist() == [2, 2, 2]


def why_not(run: RunDirectory, model: bytes, cap: int = 5) -> str:
    tables = layer_tables.of_run(run, model, CLIPS, LABELS, cap)
    assert tables.errors is None and tables.sparsity is not None
    assert tables.to_dict()["quantization_error"] is None
    return tables.to_dict()["no_quantization_error"]


def test_a_table_that_is_switched_off(run, made):
    assert "--error_clips is 0" in why_not(run, made.data, 0)


def test_a_plain_graph_has_none(run, made):
    run.record(recorded.converted(graph="plain"))
    assert "Only the device graph" in why_not(run, made.data)


def test_a_run_of_before_has_none(run, made):
    (run / device_graph.FILE).unlink()
    assert "convert again" in why_not(run, made.data)


def test_a_graph_of_another_file_is_not_used(run, made):
    assert "convert again" in why_not(run, made.data + b"\0")


def test_a_damaged_graph_is_refused(run, made):
    (run / device_graph.FILE).write_bytes(b"rubbish")
    with pytest.raises(UserError, match="is not a graph"):
        layer_tables.of_run(run, made.data, CLIPS, LABELS, 5)


def test_zeros_are_told_by_layer(made):
    table = layer_tables.sparsity_table(made.data, made.graph)
    zeros = {layer.layer: (layer.zeros, layer.elements) for layer in table.layers}
    assert list(table.names.values()) == ["first", "bad", "behind", "mean", "logits"]
    assert zeros["bad"] == (3, 16), "of the channel with one input"
    assert zeros["behind"] == (4, 16), "what reads that channel"
    info = tflite_model.parse(made.data)
    kernels = [info.tensors[op.inputs[1]].array() for op in info.ops if "CONV" in op.name]
    assert sum(zero for zero, _ in zeros.values()) == sum(int(np.sum(k == 0)) for k in kernels)
    assert table.layers[0].layer == "behind"


def test_without_a_graph_zeros_have_no_layer(made):
    table = layer_tables.sparsity_table(made.data, None)
    assert [layer.layer for layer in table.layers] == [""] and not table.names
