"""The operating point of a run's detector, chosen by `evaluate --stream`."""

import dataclasses
import logging
from collections.abc import Iterable

from edge_tf import files, records, run_dir
from edge_tf.data.dataset import like_background
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import second_run
from edge_tf.evaluation.streams.stream_report import StreamReport, as_dict
from edge_tf.records import JsonObject
from edge_tf.run_records import TrainRecord
from firmware_export.errors import ExportError
from firmware_export.runtime import detector
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import Second, SecondConfig

_log = logging.getLogger(__name__)

FILE = "detector.json"


@dataclasses.dataclass(frozen=True)
class SecondFile:
    """The second stage in detector.json.

    Attributes:
      run_dir: of its network.
      model_sha256: of the streaming form of that.
      config: how it is asked.
      hits_per_hour: of the first stage, as tested.
    """

    run_dir: str
    model_sha256: str
    config: SecondConfig
    hits_per_hour: float


@dataclasses.dataclass(frozen=True)
class DetectorFile:
    """detector.json.

    Attributes:
      detector: fields of DetectorConfig; missing ones are as in `of`.
      about: how it was chosen, for the reader.
      second: stage of the detector; None: it has none.
    """

    detector: JsonObject
    about: JsonObject = dataclasses.field(default_factory=dict)
    second: SecondFile | None = records.later(None)


# With one frame per 10 ms, 0.2 s.
_SMOOTHING = 20


def of(frames: int, smoothing: int = _SMOOTHING, threshold: float = 0.6) -> DetectorConfig:
    """A detector for streams, one decision per frame, with a pause that outlasts a word.

    Args:
      frames: of the network's window.
      smoothing, threshold: see DetectorConfig.
    """
    return DetectorConfig(smoothing, threshold, detector.pause(frames, smoothing))


def with_background(
    detector: DetectorConfig, run: run_dir.RunDirectory, more: Iterable[str] = ()
) -> DetectorConfig:
    """A detector that does not report the run's background classes (--background_labels) either.

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
            f"--background_labels={','.join(missing)}: {run.path} has no such class",
            f"choose from {', '.join(labels)}",
        )
    trained = run.find(TrainRecord)
    recorded = trained.data.background if trained else ()
    background = tuple(dict.fromkeys((*detector.background, *recorded, *more)))
    if like := like_background(labels, background):
        _log.warning(
            "%s: the detector will report %s as a word; give --background_labels=%s if it is none",
            run.path,
            ", ".join(like),
            ",".join(like),
        )
    return dataclasses.replace(detector, background=background)


def of_run(run: run_dir.RunDirectory, background: Iterable[str] = ()) -> DetectorConfig:
    """The chosen detector, or the default one if none was chosen.

    Args:
      run: the run.
      background: further labels that are not reported.

    Raises:
      UserError: detector.json is damaged, or `background` has a label that the run does not have.
    """
    path = run / FILE
    if not path.exists():
        return with_background(of(run.frontend().num_frames), run, background)
    try:
        values = _read(run).detector
        records.refuse_unknown(values, DetectorConfig, "detector", "")
        default = of(run.frontend().num_frames).to_dict()
        complete = {**default, "rearm": None, **values}  # None: half of this file's threshold
        found = records.from_json(complete, DetectorConfig, "detector", "")
    except (UserError, ExportError) as error:
        raise _damaged(run, error) from None
    return with_background(found, run, background)


def second_of(run: run_dir.RunDirectory) -> Second | None:
    """The second stage of the chosen detector; None if it has none.

    Raises:
      UserError: detector.json is damaged; or the second stage's run is gone, does not fit, or was
        changed since it was chosen.
    """
    if not (run / FILE).exists():
        return None
    try:
        given = _read(run).second
    except (UserError, ExportError) as error:
        raise _damaged(run, error) from None
    if given is None:
        return None
    found = second_run.load(run, given.run_dir)
    if found.sha256 != given.model_sha256:
        raise UserError(
            f"the second stage {given.run_dir} has changed since {run / FILE} was written",
            f"restore it, or run: {run.command_of('evaluate')} --stream --second={given.run_dir}",
        )
    name = str(found.path / run_dir.STREAMING_MODEL)
    return Second(found.model, given.config, given.hits_per_hour, name)


def refuse_second(run: run_dir.RunDirectory, what: str) -> None:
    """Refuses what has no second stage, where the detector has one.

    Args:
      run: the run.
      what: has none, in words.

    Raises:
      UserError: the detector has two stages.
    """
    if second_of(run) is not None:
        raise UserError(
            f"{run / FILE} has a second stage, which {what} does not have",
            f"choose a detector without: {run.command_of('evaluate')} --stream",
        )


def _read(run: run_dir.RunDirectory) -> DetectorFile:
    return records.from_json(files.read_json(run / FILE), DetectorFile, FILE, "")


def _damaged(run: run_dir.RunDirectory, error: Exception) -> UserError:
    return UserError(
        f"{run / FILE} describes no detector ({error})",
        f"remove it, or run: {run.command_of('evaluate')} --stream",
    )


def caveat(run: run_dir.RunDirectory) -> str:
    """The verdict on the chosen detector if it is not as quiet as was asked for, else ""."""
    path = run / FILE
    document = files.read_json(path) if path.exists() else {}
    about = document.get("about") if isinstance(document, dict) else None
    if not isinstance(about, dict) or about.get("met") is not False:
        return ""
    return str(about.get("verdict") or "NOT MET: fewer false accepts were asked for")


def unmet(run: run_dir.RunDirectory) -> str:
    """`caveat` as a warning that names the file."""
    verdict = caveat(run)
    if not verdict:
        return ""
    return f"the detector of {run / FILE} does not hold what was asked for ({verdict})"


def about(report: StreamReport) -> JsonObject:
    """How the detector was chosen and what it is worth, for the reader of detector.json."""
    return {
        "chosen_on": "validation clips",
        "most_false_accepts_per_hour": report.settings.most_per_hour,
        "met": report.aim.is_met,
        "verdict": report.aim.verdict,
        "validation": as_dict(report.chosen_on),
        "test": as_dict(report.chosen),
    }


def second_file(report: StreamReport) -> SecondFile | None:
    """The second stage that was chosen; None if there is none."""
    if report.second is None or report.chosen.second is None:
        return None
    hits = report.chosen.hits_per_hour
    return SecondFile(
        str(report.second.path), report.second.sha256, report.chosen.second, round(hits, 1)
    )


def save(
    run: run_dir.RunDirectory,
    chosen: DetectorConfig,
    about: JsonObject,
    second: SecondFile | None = None,
) -> None:
    """Writes detector.json.

    Args:
      run: receives the file.
      chosen: the choice.
      about: how it was chosen, for the reader.
      second: stage of the detector; None: it has none.
    """
    files.write_json(run / FILE, records.to_json(DetectorFile(chosen.to_dict(), about, second)))
