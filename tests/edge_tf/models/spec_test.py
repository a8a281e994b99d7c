"""The records of models hold what the networks do, and are read without TensorFlow."""

import subprocess
import sys

import pytest

from edge_tf import models
from edge_tf.errors import UserError
from edge_tf.models import run_model
from edge_tf.settings import ModelConfig

SPECS = list(models.MODELS.values())


def test_flags_read_the_records_without_tensorflow():
    code = (
        "import sys, edge_tf.models.run_model, pipelines.training_flags;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_each_model_is_found_by_its_name():
    assert {spec.name: spec for spec in SPECS} == models.MODELS
    assert set(models.DEFAULT_MODELS.values()) <= set(models.MODELS)
    with pytest.raises(UserError, match="'vgg' is unknown; choose one of bc_resnet, "):
        models.spec("vgg")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_model_takes_its_settings_and_the_features_of_its_tasks(spec):
    config = ModelConfig(spec.name)
    bands = spec.mel_bands or 64
    spec.check_mel_bands(bands)
    model = spec.build(num_classes=4, input_shape=(bands, 40, 1), **run_model.arguments(config))
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize("spec", [s for s in SPECS if s.build_stream], ids=lambda spec: spec.name)
def test_a_form_for_streams_takes_the_same_settings(spec):
    settings = run_model.arguments(ModelConfig(spec.name, 0.25, lookahead=0))
    stream = spec.build_stream(num_classes=4, window_frames=40, **settings)
    assert stream.output_shape[-1] == 4
    most = {**settings, "lookahead": spec.most_lookahead}
    shape = (spec.mel_bands or 64, 200, 1)
    spec.build(num_classes=4, input_shape=shape, **most)
    with pytest.raises(ValueError, match="lookahead"):
        more = {**settings, "lookahead": spec.most_lookahead + 1}
        spec.build(num_classes=4, input_shape=shape, **more)


@pytest.mark.parametrize(
    ("name", "bands", "remedy"),
    [("bc_resnet", 64, "it accepts 40"), ("bc_resnet_asc", 40, "it accepts multiples of 32")],
)
def test_a_number_of_mel_bands_that_a_model_cannot_take_is_refused(name, bands, remedy):
    with pytest.raises(UserError, match=f"{name} does not support --mel_bands={bands}; {remedy}"):
        models.spec(name).check_mel_bands(bands)
