"""Records of stages as runs have them, for tests that need no more than a few of their fields."""

from typing import Any

from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.run_records import ConvertRecord, EvaluateRecord, TrainRecord
from edge_tf.settings import DataFlags, ModelConfig, TrainingSettings


def data_flags(data_dir: object = "/data", **changes: Any) -> DataFlags:
    given: dict[str, Any] = {"task": "words", "words": (), "split_lists": None, "test_dir": None}
    return DataFlags(data_dir=str(data_dir), **{**given, "data_seed": 0, **changes})


def trained(**changes: Any) -> TrainRecord:
    given: dict[str, Any] = {
        "data": data_flags(),
        "data_description": "",
        "data_fingerprint": {},
        "labels": ("a", "b"),
        "model": ModelConfig(),
        "frontend": FrontendConfig(),
        "augmentation": AugmentationConfig(),
        "recipe": TrainingSettings(),
    }
    return TrainRecord(**{**given, **changes})


def converted(**changes: Any) -> ConvertRecord:
    given = {"source": "float.keras", "source_sha256": "", "representative_clips": 10}
    return ConvertRecord(**{**given, "seconds": 1.0, "bytes": 1, "parameters": 1, **changes})


def evaluated(**changes: Any) -> EvaluateRecord:
    given: dict[str, Any] = {"clips": 1, "data_fingerprint": "", "max_drop": 1.0, "seconds": 1.0}
    return EvaluateRecord(**{**given, "accuracy": {}, **changes})
