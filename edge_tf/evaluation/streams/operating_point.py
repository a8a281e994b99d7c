"""When the detector of a run says that it has heard a word: chosen by `evaluate --stream`."""

import dataclasses
from typing import Any

from edge_tf import files, run_dir
from edge_tf.errors import UserError
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig

FILE = "detector.json"

# A hop is a frame of 10 ms: a fifth of a second is averaged, and a word is said once a second.
DEFAULT = DetectorConfig(smoothing=20, threshold=0.6, refractory_hops=100)


def of_run(run: run_dir.RunDirectory) -> DetectorConfig:
    """The chosen detector, or DEFAULT where none was chosen.

    Raises:
      UserError: detector.json is damaged.
    """
    path = run / FILE
    if not path.exists():
        return DEFAULT
    try:
        values: dict[str, Any] = dict(files.read_json(path)["detector"])
        background = values.get("background", DEFAULT.background)
        if isinstance(background, str) or not all(isinstance(name, str) for name in background):
            raise TypeError(f"background={background!r} are no labels")
        return dataclasses.replace(DEFAULT, **{**values, "background": tuple(background)})
    except (KeyError, TypeError, ValueError, ExportError) as error:
        raise UserError(
            f"{path} describes no detector ({error})",
            f"remove it, or run: python -m pipelines.evaluate --stream --run_dir={run.path}",
        ) from None


def save(run: run_dir.RunDirectory, detector: DetectorConfig, about: dict[str, Any]) -> None:
    """Makes a detector that of the run.

    Args:
      run: whose.
      detector: the choice.
      about: how it was chosen, for people.
    """
    files.write_json(run / FILE, {"detector": detector.to_dict(), "about": about})
