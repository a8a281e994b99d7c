"""What a run records of its model is read again, of old runs, too."""

from pathlib import Path
from typing import Any

import pytest

from edge_tf.errors import UserError
from edge_tf.models.config import ModelConfig
from edge_tf.run_dir import RunDirectory


def run_with(path: Path, recorded: Any) -> RunDirectory:
    run = RunDirectory(path / "run").create()
    run.record("train", {} if recorded is None else {"model": recorded})
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
    assert ModelConfig.of_run(run_with(tmp_path, config.to_dict())) == config


def test_a_record_holds_no_defaults():
    """Runs from before a setting was there stay what they are."""
    assert ModelConfig().to_dict() == {"name": "bc_resnet", "tau": 1.0}
    assert ModelConfig("bc_resnet", 3.0, lookahead=2).to_dict() == {
        "name": "bc_resnet",
        "tau": 3.0,
        "lookahead": 2,
    }


@pytest.mark.parametrize("recorded", [None, "bc_resnet", {"name": "bc_resnet", "depth": 3}])
def test_a_run_that_does_not_say_is_refused(tmp_path, recorded):
    with pytest.raises(UserError, match="does not say which model was trained"):
        ModelConfig.of_run(run_with(tmp_path, recorded))


def test_a_model_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(UserError, match="model 'vgg' is unknown"):
        ModelConfig.of_run(run_with(tmp_path, {"name": "vgg"}))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bc_resnet", {"tau", "lookahead"}),
        ("bc_resnet_asc", {"tau", "norm", "norm_places", "norm_lambda", "mix_style"}),
        ("ds_cnn", set()),
    ],
)
def test_a_model_is_built_with_its_own_settings(name, settings):
    assert set(ModelConfig(name).arguments()) == settings
