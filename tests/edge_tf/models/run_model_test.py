"""The model of a run is read from its record, of old runs, too."""

from pathlib import Path
from typing import Any

import pytest

from edge_tf import files, records
from edge_tf.errors import UserError
from edge_tf.models import run_model
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from tests.edge_tf import recorded

CONFIG = "config.json"


def run_with(path: Path, model: Any) -> RunDirectory:
    """A run whose training recorded this, whatever it is."""
    run = RunDirectory(path / "run").create()
    run.record(recorded.trained())
    config = files.read_json(run / CONFIG)
    config["stages"]["train"]["model"] = model
    files.write_json(run / CONFIG, config)
    return run


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(),
        ModelConfig("ds_cnn"),
        ModelConfig("bc_resnet", 1.5, lookahead=0),
        ModelConfig("bc_resnet_asc", 2.0, None, "residual", ("input", "stages"), 0.2, 0.5),
    ],
    ids=lambda config: config.name,
)
def test_a_run_gives_back_what_was_recorded(tmp_path, config):
    assert run_model.config_of(run_with(tmp_path, records.to_json(config))) == config


def test_a_record_holds_no_defaults():
    """Runs from before a setting was there stay what they are."""
    assert records.to_json(ModelConfig()) == {"name": "bc_resnet", "tau": 1.0}
    assert records.to_json(ModelConfig("bc_resnet", 3.0, lookahead=2)) == {
        "name": "bc_resnet",
        "tau": 3.0,
        "lookahead": 2,
    }


@pytest.mark.parametrize("model", [None, "bc_resnet", ["bc_resnet"], {"tau": "wide"}])
def test_a_run_that_does_not_say_is_refused(tmp_path, model):
    with pytest.raises(UserError, match=r"config\.json.*model"):
        run_model.config_of(run_with(tmp_path, model))


def test_a_model_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(UserError, match="model 'vgg' is unknown"):
        run_model.config_of(run_with(tmp_path, {"name": "vgg", "tau": 1.0}))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bc_resnet", {"tau", "lookahead"}),
        ("bc_resnet_asc", {"tau", "norm", "norm_places", "norm_lambda", "mix_style"}),
        ("ds_cnn", set()),
    ],
)
def test_a_model_is_built_with_its_own_settings(name, settings):
    assert set(run_model.arguments(ModelConfig(name))) == settings
