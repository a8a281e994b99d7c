"""The model of a run, and the arguments that build it."""

from typing import Any

from edge_tf import models
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import TrainRecord
from edge_tf.settings import ModelConfig


def config_of(run: RunDirectory) -> ModelConfig:
    """Configuration of a run's model.

    Raises:
      UserError: the run has no training record, or names a model unknown to this edge_tf.
    """
    config = run.stage(TrainRecord).model
    models.spec(config.name)
    return config


def arguments(config: ModelConfig) -> dict[str, Any]:
    """Arguments of the model's build function."""
    return {name: getattr(config, name) for name in models.spec(config.name).settings}
