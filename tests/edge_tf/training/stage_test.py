"""What the training refuses before it reads data; what it makes is tested with its pipeline."""

from pathlib import Path

import pytest

from edge_tf import run_dir
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.settings import ModelConfig, TrainingSettings
from edge_tf.training import stage
from tests.edge_tf import recorded


def test_a_stream_has_no_whole_window(tmp_path: Path) -> None:
    run = run_dir.RunDirectory(tmp_path / "run")
    with pytest.raises(UserError, match="normalization=relaxed takes statistics over a whole"):
        stage.train(
            run,
            dataset=None,  # not looked at
            data_flags=recorded.data_flags(),
            model_config=ModelConfig(lookahead=0),
            frontend=FrontendConfig(normalization="relaxed"),
            augmentation=AugmentationConfig(),
            settings=TrainingSettings(),
            cache=tmp_path / "cache",
        )
    assert not run.path.exists()
