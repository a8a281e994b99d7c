"""What exports take from a run besides its model."""

import zipfile
from typing import TYPE_CHECKING

from edge_tf import run_dir
from edge_tf.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from firmware_export.golden import Golden
    from firmware_export.runtime.detector import DetectorConfig


def read_golden(run: run_dir.RunDirectory) -> "tuple[Golden, np.ndarray]":
    """The golden vectors, and the same clips as sound, (clips, samples) int16.

    Raises:
      UserError: golden.npz is missing or damaged.
    """
    import numpy as np

    from firmware_export.golden import Golden

    path = run.require(run_dir.GOLDEN)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            golden = Golden(
                features=arrays["features"],
                logits=arrays["logits"],
                label_index=arrays["label_index"],
            )
            return golden, arrays["wav"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} holds no golden vectors ({error})",
            f"make it again with: {run.command_of('convert')}",
        ) from None


def detector(run: run_dir.RunDirectory, streaming: bool) -> "DetectorConfig":
    """For streams the detector that evaluation chose; otherwise the default one."""
    from edge_tf.evaluation.streams import operating_point
    from firmware_export.runtime.detector import DetectorConfig

    return operating_point.of_run(run) if streaming else DetectorConfig()
