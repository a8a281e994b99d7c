"""The operating point of a run's detector, chosen by `evaluate --stream`."""

import dataclasses

from edge_tf import files, records, run_dir
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig

FILE = "detector.json"


@dataclasses.dataclass(frozen=True)
class DetectorFile:
    """detector.json.

    Attributes:
      detector: fields of DetectorConfig; missing ones are as in DEFAULT.
      about: how it was chosen, for the reader.
    """

    detector: JsonObject
    about: JsonObject = dataclasses.field(default_factory=dict)


# With one frame per 10 ms: smoothing over 0.2 s, and a refractory period of 1 s.
DEFAULT = DetectorConfig(smoothing=20, threshold=0.6, refractory_hops=100)


def of_run(run: run_dir.RunDirectory) -> DetectorConfig:
    """The chosen detector, or DEFAULT if none was chosen.

    Raises:
      UserError: detector.json is damaged.
    """
    path = run / FILE
    if not path.exists():
        return DEFAULT
    document = files.read_json(path)
    try:
        values = records.from_json(document, DetectorFile, FILE, "").detector
        records.refuse_unknown(values, DetectorConfig, "detector", "")
        complete = {**DEFAULT.to_dict(), **values}
        found = records.from_json(complete, DetectorConfig, "detector", "")
    except (UserError, ExportError) as error:
        raise UserError(
            f"{path} describes no detector ({error})",
            f"remove it, or run: python -m pipelines.evaluate --stream --run_dir={run.path}",
        ) from None
    return dataclasses.replace(found, background=tuple(found.background))


def save(run: run_dir.RunDirectory, detector: DetectorConfig, about: JsonObject) -> None:
    """Writes detector.json.

    Args:
      run: receives the file.
      detector: the choice.
      about: how it was chosen, for the reader.
    """
    files.write_json(run / FILE, records.to_json(DetectorFile(detector.to_dict(), about)))
