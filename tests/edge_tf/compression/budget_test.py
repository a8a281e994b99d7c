"""A byte budget: its arithmetic, what counts in the file, and that the file then meets it."""

import dataclasses
import json

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.compression import budget, pruning
from edge_tf.compression.budget import Capacity
from edge_tf.compression.settings import Settings
from edge_tf.conversion import int8
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from tests.edge_tf.compression.small import clips, run_recipe
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model, randomize
from tflite_model import sparsity
from tflite_model.info import ModelInfo

layers = keras.layers
BY = ("layer", "network")


def info(model: keras.Model, form: str = "device") -> ModelInfo:
    features = clips(30, model.input_shape[1:])
    return tflite_model.parse(int8.convert(model, features, form), "model")


def wide_model() -> keras.Model:
    """A block between 1x1 convolutions that have most of the weights."""
    block = block_model()
    x = layers.Conv2D(48, 1, name="wide")(block.layers[-3].output)
    x = layers.ReLU(name="wide_relu")(layers.BatchNormalization(name="wide_bn")(x))
    x = layers.Conv2D(40, 1, use_bias=False, name="wider")(x)
    x = layers.ReLU(name="wider_relu")(layers.BatchNormalization(name="wider_bn")(x))
    x = layers.GlobalAveragePooling2D(name="means")(x)
    outputs = layers.Dense(4, name="last")(x)
    return randomize(keras.Model(block.inputs, outputs, name="wide"))


@pytest.mark.parametrize("by", BY)
def test_bytes_fall_with_sparsity_and_the_smallest_that_fits_is_found(by):
    capacity = Capacity(1000, (640, 5000, 77))
    assert capacity.bytes_at(0.0, by) == 1000 + 640 + 5000 + 77
    sizes = [capacity.bytes_at(share, by) for share in np.linspace(0, 0.99, 200)]
    assert sizes == sorted(sizes, reverse=True)
    for target in (1100, 2000, 4321, 6716):
        found = capacity.sparsity_for(target, by)
        assert capacity.bytes_at(found, by) <= target < capacity.bytes_at(found - 1e-5, by)


@pytest.mark.parametrize("by", BY)
def test_the_published_network_gets_the_published_sparsity(by):
    """300,320 weights of 8 bits and 14,640 of 16 bits at 61.0 KB (arXiv:2206.13909): 89 %."""
    capacity = Capacity(2 * 14_640, (1_600, *[12_800] * 23, 4_320))
    assert sum(capacity.kernels) == 300_320
    assert round(capacity.sparsity_for(int(61.0 * 1024), by), 2) == 0.89


def test_a_budget_that_holds_all_prunes_nothing():
    assert Capacity(10, (20, 30)).sparsity_for(60, "layer") == 0.0


def test_an_unreachable_budget_is_reported_with_its_cause():
    capacity = Capacity(50_000, (100_000,))
    assert capacity.sparsity_for(51_000, "layer") == 0.99
    message = (
        r"of the 150,000 bytes of the int8 file 50,000 are .*"
        r"target_nonzero_kb must be at least 49\.9"
    )
    with pytest.raises(UserError, match=message):
        capacity.sparsity_for(50_999, "layer")


@pytest.mark.parametrize("form", ["device", "plain"])
def test_the_file_of_the_float_model_is_fixed_and_prunable_bytes(form):
    model = block_model()
    names = pruning.chosen(model, ("pointwise", "stem"))
    file = info(model, form)
    found = budget.measure(file, [model.get_layer(name) for name in names])
    assert sum(found.kernels) == sum(model.get_layer(name).get_weights()[0].size for name in names)
    # Some weights round to zero; those that may become non-zero count as non-zero.
    size = sparsity.parameter_size(file)
    assert 0 <= found.bytes_at(0.0, "layer") - size.nonzero_bytes < 0.05 * size.nonzero_bytes


def test_only_kernels_of_the_policy_are_prunable():
    model = block_model()
    file = info(model)
    both, stem, pointwise = (
        budget.measure(file, [model.get_layer(name) for name in pruning.chosen(model, kinds)])
        for kinds in (("stem", "pointwise"), ("stem",), ("pointwise",))
    )
    assert sorted(stem.kernels + pointwise.kernels) == sorted(both.kernels)
    totals = {capacity.bytes_at(0.0, "layer") for capacity in (both, stem, pointwise)}
    # What rounds to zero in a kernel that is not pruned counts by whole taps.
    assert max(totals) - min(totals) < 0.02 * max(totals)


def test_a_file_of_another_model_is_refused():
    model = block_model()
    names = pruning.chosen(model, ("pointwise",))
    with pytest.raises(UserError, match=r"does not contain each kernel .* use --sparsity instead"):
        budget.measure(info(wide_model()), [model.get_layer(name) for name in names])


@pytest.mark.parametrize(("form", "by"), [("device", "layer"), ("plain", "network")])
def test_the_compressed_file_keeps_the_budget_and_uses_it(tmp_path, form, by):
    model = wide_model()
    run = run_of(tmp_path, model)
    before = sparsity.parameter_size(info(model, form)).nonzero_kb
    settings = Settings(
        ("prune_qat",),
        target_nonzero_kb=0.7 * before,
        graph=form,
        prune_by=by,
        peak_rate=0.001,
    )
    names = pruning.chosen(model, settings.prune)
    settings = budget.with_sparsity(
        run, model, names, settings, lambda: clips(30, SHAPE), int8.convert
    )
    assert 0.3 < settings.sparsity < 0.99
    state = run_recipe(model, settings, steps=20)
    after = sparsity.parameter_size(info(state.exported(), form)).nonzero_kb
    assert 0.98 * settings.target_nonzero_kb <= after <= settings.target_nonzero_kb


def run_of(path, model: keras.Model) -> RunDirectory:
    run = RunDirectory(path / "run").create()
    model.save(run / "float.keras")
    return run


def test_it_is_measured_once_for_each_question(tmp_path):
    model = block_model()
    run = run_of(tmp_path, model)
    names = pruning.chosen(model, ("pointwise",))
    settings = Settings(("prune",), prune=("pointwise",), target_nonzero_kb=1.29)
    asked = []

    def features() -> np.ndarray:
        asked.append(1)
        return clips(30, SHAPE)

    first = budget.with_sparsity(run, model, names, settings, features, int8.convert)
    assert budget.with_sparsity(run, model, names, settings, features, int8.convert) == first
    larger = dataclasses.replace(settings, target_nonzero_kb=1.31)
    assert (
        budget.with_sparsity(run, model, names, larger, features, int8.convert).sparsity
        < first.sparsity
    )
    assert len(asked) == 1
    path = run / "compression" / "budget.json"
    known = json.loads(path.read_text())
    for damaged in ("", "[]", json.dumps({**known, "kernels": 3})):
        path.write_text(damaged)
        assert budget.with_sparsity(run, model, names, settings, features, int8.convert) == first
    assert len(asked) == 4
    plain = dataclasses.replace(settings, graph="plain")
    budget.with_sparsity(run, model, names, plain, features, int8.convert)
    assert len(asked) == 5


def test_without_a_budget_nothing_is_measured_and_with_one_something_must_prune(tmp_path):
    settings = Settings(("qat",))
    model = block_model()
    run = run_of(tmp_path, model)
    assert budget.with_sparsity(run, model, [], settings, clips, int8.convert) is settings
    with pytest.raises(UserError, match="--target_nonzero_kb=61 needs a recipe that prunes"):
        wanted = dataclasses.replace(settings, target_nonzero_kb=61.0)
        budget.with_sparsity(run, model, [], wanted, clips, int8.convert)
    assert not (run / "compression").exists()
