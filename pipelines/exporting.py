"""What exports take from a run besides its model."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from edge_tf import run_dir

if TYPE_CHECKING:
    import numpy as np

    from edge_tf.records import JsonObject
    from firmware_export.golden import Golden
    from firmware_export.runtime.detector import DetectorConfig


_LOG = logging.getLogger("edge_tf.exporting")
_NAMES = 40


def define_force() -> None:
    flags.DEFINE_boolean(
        "force",
        False,
        "Replace an earlier export at --out even if files in it were added or changed since; says "
        "which it deletes.",
    )


def announce(folder: Path, force: bool) -> None:
    """Says what --force will delete; raises ExportError if `folder` cannot be replaced."""
    from firmware_export import folder as folders

    folders.check_replaceable(folder, force)
    lost = folders.would_lose(folder, _NAMES)
    if lost:
        _LOG.warning("--force replaces %s and deletes %s", folder, lost)


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
