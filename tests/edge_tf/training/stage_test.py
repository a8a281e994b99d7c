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


def test_a_finished_run_is_not_recorded_with_other_test_clips(tmp_path: Path) -> None:
    """Runs of before the test's fingerprint was recorded get it."""
    run = run_dir.RunDirectory(tmp_path / "run").create()
    older = recorded.trained(data_fingerprint={"training": "1", "validation": "2"})
    record = recorded.trained(data_fingerprint={**older.data_fingerprint, "testing": "3"})
    other = recorded.trained(data_fingerprint={**older.data_fingerprint, "testing": "4"})
    run.record(older)
    stage._refuse_other_training(run, record)
    run.record(record)
    stage._refuse_other_training(run, record)
    with pytest.raises(UserError, match=r"other settings \(test clips\); choose a new --run_dir"):
        stage._refuse_other_training(run, other)
