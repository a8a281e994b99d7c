"""Compares two ways of making a model, several runs each, on the same test clips."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

import tflite_model
from edge_tf import keras_file, records, run_dir
from edge_tf.data.run_data import RunData
from edge_tf.engines import side_by_side
from edge_tf.engines.base import Engine, Outputs, UnavailableError
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.litert import LiteRTReference
from edge_tf.errors import UserError
from edge_tf.evaluation import metrics
from edge_tf.evaluation.comparing import ComparedHop, paired_bootstrap
from edge_tf.evaluation.comparing.paired_bootstrap import Difference
from edge_tf.records import JsonObject, later
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import TrainRecord

HOPS: Mapping[ComparedHop, str] = {
    "keras": run_dir.FLOAT_MODEL,
    "compressed": run_dir.COMPRESSED_MODEL,
    "int8": run_dir.INT8_MODEL,
}
"""What can be compared, and its file in a run."""


@dataclass(frozen=True)
class Side:
    """Runs that were made in the same way, usually with different seeds.

    Attributes:
      runs: paired with those of the other side, in the same order.
      hop: a key of HOPS.
      bits: kernels are first rounded to this many bits (position_scaling.round_weights); 0: not
        rounded. For hops in Keras.

    Raises:
      UserError: bits for an int8 file, or not in 2 to 8.
    """

    runs: Sequence[RunDirectory]
    hop: ComparedHop
    bits: int = 0

    def __post_init__(self) -> None:
        if self.bits and (self.hop == "int8" or not 2 <= self.bits <= 8):
            raise UserError(
                f"kernels of --hop={self.hop} cannot be rounded to {self.bits} bits",
                "use 2 to 8 bits, with --hop=keras or --hop=compressed",
            )


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """One run of a side.

    Attributes:
      run: its path.
      seed: of its training.
      accuracy: share of the test clips.
      model_sha256: of the model that was run; "" if unknown.
    """

    run: str
    seed: int
    accuracy: float
    model_sha256: str = later("")


@dataclass(frozen=True, kw_only=True)
class SideFigures:
    """A side; accuracy is the mean over its runs."""

    hop: ComparedHop
    bits: int
    accuracy: float
    each: list[RunFigures]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Result of `compare`.

    Attributes:
      found: the difference and its intervals.
      data_fingerprint: of the test clips.
      labels: of the task.
      runs, against: both sides.
      versions: of the packages that the figures depend on.
    """

    found: Difference
    data_fingerprint: str
    labels: list[str]
    runs: SideFigures
    against: SideFigures
    versions: dict[str, str]

    def to_json(self) -> JsonObject:
        """For a file; pipelines.compare describes the fields."""
        return {
            "difference_points": self.found.difference,
            "interval_over_clips": self.found.over_clips,
            "interval_over_clips_and_seeds": self.found.over_clips_and_seeds,
            "share_of_resamples_not_above": self.found.share_not_above,
            "resolved": self.found.resolved,
            "clips": self.found.clips,
            "data_fingerprint": self.data_fingerprint,
            "labels": self.labels,
            "runs": records.to_json(self.runs),
            "against": records.to_json(self.against),
            "versions": self.versions,
        }


def check(side: Side, against: Side) -> None:
    """Checks that the sides can be compared; loads neither data nor TensorFlow.

    Raises:
      UserError: different numbers of runs, a run or model given twice, different labels, a missing
        file (the message names the command that makes it).
    """
    if len(side.runs) != len(against.runs) or not side.runs:
        raise UserError(
            f"--runs names {len(side.runs)} runs and --against {len(against.runs)}",
            "give the same number on both sides, at least one, in the same order of seeds",
        )
    first = side.runs[0]
    for flag, one in (("--runs", side), ("--against", against)):
        seen: dict[str, RunDirectory] = {}
        for run in one.runs:
            before = seen.setdefault(_digest(run, one.hop), run)
            if before is not run:
                raise UserError(
                    f"{flag}: {before.path} and {run.path} contain the same {HOPS[one.hop]}",
                    "name runs that were trained with different seeds",
                )
            if run.labels() != first.labels():
                raise UserError(
                    f"{run / run_dir.LABELS} and {first / run_dir.LABELS} have different labels",
                    "compare runs of the same task",
                )


def _digest(run: RunDirectory, hop: ComparedHop) -> str:
    return keras_file.digest(run.require(HOPS[hop]))


def compare(side: Side, against: Side, find_data: Callable[[RunDirectory], RunData]) -> Comparison:
    """Runs every model on the test clips and compares the sides.

    Args:
      side: the side under test.
      against: the baseline.
      find_data: maps a run to its data.

    Raises:
      UserError: as `check`, or the runs have different test clips, or a model cannot be run.
    """
    check(side, against)
    runs = [(run, one.hop, one.bits) for one in (side, against) for run in one.runs]
    data = [find_data(run) for run, *_ in runs]
    testing = data[0].clips("testing")
    for (run, *_), its in zip(runs[1:], data[1:], strict=True):
        if its.clips("testing").fingerprint != testing.fingerprint:
            raise UserError(
                f"{run.path} and {runs[0][0].path} have different test clips",
                "compare runs with the same data, --task, --words, split lists and --clip_ms",
            )
    right = _right(runs, data, testing.samples, testing.labels)
    return Comparison(
        found=paired_bootstrap.compare(right[: len(side.runs)], right[len(side.runs) :]),
        data_fingerprint=testing.fingerprint,
        labels=data[0].labels,
        runs=_figures(side, right[: len(side.runs)]),
        against=_figures(against, right[len(side.runs) :]),
        versions=run_dir.package_versions(),
    )


def _right(
    runs: Sequence[tuple[RunDirectory, ComparedHop, int]],
    data: Sequence[RunData],
    samples: np.ndarray,
    labels: np.ndarray,
) -> list[np.ndarray]:
    """For each run, (clips,) bool: which clips it classifies correctly."""
    right: list[np.ndarray] = [np.empty(0)] * len(runs)
    # Runs may have different front-ends: features are computed once per front-end.
    for frontend in dict.fromkeys(its.frontend for its in data):
        places = [i for i, its in enumerate(data) if its.frontend == frontend]
        engines = [_engine(*runs[i]) for i in places]
        features = data[places[0]].features(samples)
        outputs = side_by_side.run_all(engines, {"features": features})
        for i, output in zip(places, outputs, strict=True):
            right[i] = _predictions(runs[i], output, len(data[i].labels)) == labels
    return right


def _engine(run: RunDirectory, hop: ComparedHop, bits: int) -> Engine:
    if hop != "int8":
        return KerasFloat(run.require(HOPS[hop]), bits=bits)
    path = run.require_int8()
    model = path.read_bytes()
    tflite_model.parse(model, str(path))  # its error names the file
    return LiteRTReference(model)


def _predictions(
    run: tuple[RunDirectory, ComparedHop, int], output: Outputs | UnavailableError, classes: int
) -> np.ndarray:
    path = run[0] / HOPS[run[1]]
    if isinstance(output, UnavailableError):
        raise UserError(f"{path} cannot be run here: {output}", "install it, or choose --hop=keras")
    if output.logits.shape[1] != classes:
        raise UserError(
            f"{path} has {output.logits.shape[1]} outputs for {classes} labels",
            "restore labels.txt, or train again into a new --run_dir",
        )
    return metrics.predictions(output.logits)


def _figures(side: Side, right: Sequence[np.ndarray]) -> SideFigures:
    return SideFigures(
        hop=side.hop,
        bits=side.bits,
        accuracy=float(np.mean(right)),
        each=[
            replace(one, model_sha256=_digest(run, side.hop))
            for run, one in zip(side.runs, each_run(side, right), strict=True)
        ],
    )


def each_run(side: Side, right: Sequence[np.ndarray]) -> list[RunFigures]:
    """Figures of each run of a side; `right` marks the clips that it classifies correctly."""
    return [
        RunFigures(
            run=str(run.path),
            seed=run.stage(TrainRecord).recipe.seed,
            accuracy=float(np.mean(one)),
        )
        for run, one in zip(side.runs, right, strict=True)
    ]
