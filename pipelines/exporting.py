"""What exports take from a run besides its model."""

from typing import TYPE_CHECKING

from edge_tf import run_dir

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.records import JsonObject
    from firmware_export.golden import Golden
    from firmware_export.runtime.detector import DetectorConfig


def read_golden(run: run_dir.RunDirectory) -> "tuple[Golden, np.ndarray]":
    """The golden vectors, and the same clips as sound, (clips, samples) int16.

    Raises:
      UserError: golden.npz is missing or damaged.
    """
    from edge_tf import golden_file
    from firmware_export.golden import Golden

    found = golden_file.load(run)
    return Golden(found.features, found.logits, found.label_index), found.wav


def frontend(run: run_dir.RunDirectory) -> "JsonObject":
    """frontend.json, checked; as it is written, since firmware keeps a copy.

    Raises:
      UserError: it is missing or damaged.
    """
    from edge_tf import files, records
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.run_records import FrontendFile

    path = run.require(run_dir.FRONTEND)
    FrontendConfig.load(path)
    records.load(path, FrontendFile)
    found: JsonObject = files.read_json(path)
    return found


def detector(run: run_dir.RunDirectory, streaming: bool) -> "DetectorConfig":
    """For streams the detector that evaluation chose; otherwise the default one."""
    from edge_tf.evaluation.streams import operating_point
    from firmware_export.runtime.detector import DetectorConfig

    return operating_point.of_run(run) if streaming else DetectorConfig()
