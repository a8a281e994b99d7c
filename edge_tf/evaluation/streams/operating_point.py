"""The operating point of a run's detector, chosen by `evaluate --stream`."""

import dataclasses
import logging
from collections.abc import Iterable

from edge_tf import files, records, run_dir
from edge_tf.data.dataset import like_background
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from edge_tf.run_records import TrainRecord
from firmware_export.errors import ExportError
from firmware_export.runtime.detector import DetectorConfig

_log = logging.getLogger(__name__)

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


def with_background(
    detector: DetectorConfig, run: run_dir.RunDirectory, more: Iterable[str] = ()
) -> DetectorConfig:
    """A detector that does not report the run's background classes (--background) either.

    Labels that look like background and are not told of are logged.

    Args:
      detector: the detector.
      run: the run.
      more: further labels.

    Raises:
      UserError: `more` has a label that the run does not have.
    """
    labels = run.labels()
    if missing := [label for label in more if label not in labels]:
        raise UserError(
            f"--background={','.join(missing)}: {run.path} has no such class",
            f"choose from {', '.join(labels)}",
        )
    trained = run.find(TrainRecord)
    recorded = trained.data.background if trained else ()
    background = tuple(dict.fromkeys((*detector.background, *recorded, *more)))
    if like := like_background(labels, background):
        _log.warning(
            "%s: the detector will report %s as a word; give --background=%s if it is none",
            run.path,
            ", ".join(like),
            ",".join(like),
        )
    return dataclasses.replace(detector, background=background)


def of_run(run: run_dir.RunDirectory, background: Iterable[str] = ()) -> DetectorConfig:
    """The chosen detector, or DEFAULT if none was chosen.

    Args:
      run: the run.
      background: further labels that are not reported.

    Raises:
      UserError: detector.json is damaged, or `background` has a label that the run does not have.
    """
    path = run / FILE
    if not path.exists():
        return with_background(DEFAULT, run, background)
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
    return with_background(found, run, background)


def save(run: run_dir.RunDirectory, detector: DetectorConfig, about: JsonObject) -> None:
    """Writes detector.json.

    Args:
      run: receives the file.
      detector: the choice.
      about: how it was chosen, for the reader.
    """
    files.write_json(run / FILE, records.to_json(DetectorFile(detector.to_dict(), about)))
