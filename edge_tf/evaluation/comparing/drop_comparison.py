"""Compares two ways of making a model, several runs each, by their drop on unseen devices.

It uses saved predictions, so no model is run again. Both runs of a pair have the same test clips;
pairs may differ, such as the folds of a cross-validation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_tf import records, run_dir
from edge_tf.engines import ids
from edge_tf.errors import UserError
from edge_tf.evaluation import metrics
from edge_tf.evaluation.comparing import ComparedHop, device_drop
from edge_tf.evaluation.comparing.comparison import RunFigures, Side, each_run
from edge_tf.evaluation.comparing.device_drop import DeviceDrop, Judged
from edge_tf.evaluation.hops import predictions
from edge_tf.evaluation.hops.predictions import Predictions
from edge_tf.records import JsonObject
from edge_tf.run_dir import RunDirectory

ENGINES: Mapping[ComparedHop, str] = {
    "keras": ids.KERAS,
    "compressed": ids.KERAS_COMPRESSED,
    "int8": ids.LITERT_REFERENCE,
}
"""The engine that ran each."""


@dataclass(frozen=True, kw_only=True)
class DropSide:
    """A side: pooled accuracy of its runs per device, seen devices first."""

    hop: ComparedHop
    accuracy_by_device: dict[str, float]
    each: list[RunFigures]


@dataclass(frozen=True, kw_only=True)
class DropComparison:
    """Result of `compare`.

    Attributes:
      found: both drops and their intervals.
      labels: of the task.
      runs, against: both sides.
      versions: of the packages that the figures depend on.
    """

    found: DeviceDrop
    labels: tuple[str, ...]
    runs: DropSide
    against: DropSide
    versions: dict[str, str]

    def to_json(self) -> JsonObject:
        """For a file; the figures of `found` are fields like the others."""
        ends = self.found.ratio_interval
        return {
            **records.to_json(self.found),
            # JSON has no infinity.
            "ratio_interval": [end if math.isfinite(end) else None for end in ends],
            "is_halved": self.found.is_halved,
            "labels": list(self.labels),
            "runs": records.to_json(self.runs),
            "against": records.to_json(self.against),
            "versions": self.versions,
        }


def compare(side: Side, against: Side) -> DropComparison:
    """Compares the drops from seen to unseen devices.

    Args:
      side: the side under test; its bits must be 0.
      against: the baseline.

    Raises:
      UserError: different numbers of runs, a run given twice, a run without predictions of the
        hop, different labels or devices, or a pair with different test clips.
    """
    _check(side, against)
    kept = [predictions.load(run) for run in side.runs]
    kept_against = [predictions.load(run) for run in against.runs]
    first = kept[0]
    for one, run in zip((*kept, *kept_against), (*side.runs, *against.runs), strict=True):
        same = (one.labels, one.devices.seen, one.devices.names)
        if same != (first.labels, first.devices.seen, first.devices.names):
            raise UserError(
                f"{run.path} and {side.runs[0].path} have different labels or recording devices",
                "compare runs of the same task, trained and tested on the same devices",
            )
    for flag, one_side, its in (("--runs", side, kept), ("--against", against, kept_against)):
        _check_different(flag, one_side, its)
    judged = []
    for run, other, mine, theirs in zip(side.runs, against.runs, kept, kept_against, strict=True):
        if not _same_clips(mine, theirs):
            raise UserError(
                f"{other.path} and {run.path} were evaluated on different test clips",
                "pair runs of the same fold and --max_clips",
            )
        judged.append(
            Judged(
                right=_right(run, mine, side.hop),
                right_against=_right(other, theirs, against.hop),
                devices=mine.devices.of_clips,
                sources=[
                    source_of(name, device)
                    for name, device in zip(mine.clip_names, mine.devices.of_clips, strict=True)
                ],
            )
        )
    try:
        found = device_drop.compare(judged, sorted(first.devices.seen))
    except ValueError as error:
        raise UserError(
            f"{side.runs[0].path}: no drop between recording devices ({error})",
            "compare runs with test clips of both seen and unseen devices",
        ) from None
    return DropComparison(
        found=found,
        labels=first.labels,
        runs=_figures(side, [one.right for one in judged], judged, found),
        against=_figures(against, [one.right_against for one in judged], judged, found),
        versions=run_dir.package_versions(),
    )


def source_of(name: str, device: str) -> str:
    """The source of a clip: its name without the device.

    Simulated devices do not change the name. TAU Urban Acoustic Scenes records with several devices
    at once and puts the device last: airport-lisbon-1000-40000-s1.wav.
    """
    stem, dot, suffix = name.rpartition(".")
    return stem.removesuffix(f"-{device}") + dot + suffix if device else name


def _check(side: Side, against: Side) -> None:
    if len(side.runs) != len(against.runs) or not side.runs:
        raise UserError(
            f"--runs names {len(side.runs)} runs and --against {len(against.runs)}",
            "give the same number on both sides, at least one, in the same order of folds",
        )
    if side.bits or against.bits:
        raise UserError(
            "drops are computed from saved predictions, which have no rounded kernels",
            "leave out --bits and --against_bits, or --device_drop",
        )


def _check_different(flag: str, side: Side, kept: Sequence[Predictions]) -> None:
    """Raises UserError if a model is twice on a side: it would count as two models."""
    seen: dict[str, RunDirectory] = {}
    for run, one in zip(side.runs, kept, strict=True):
        if one.model_sha256 in seen:
            before = seen[one.model_sha256].path
            raise UserError(
                f"{flag}: {before} and {run.path} contain the same {run_dir.INT8_MODEL}",
                "name runs of different folds or seeds",
            )
        seen[one.model_sha256] = run


def _same_clips(one: Predictions, other: Predictions) -> bool:
    return (
        one.data_fingerprint == other.data_fingerprint
        and one.clip_names == other.clip_names
        and one.devices == other.devices
        and np.array_equal(one.labels_true, other.labels_true)
    )


def _right(run: RunDirectory, kept: Predictions, hop: ComparedHop) -> np.ndarray:
    """(clips,) bool: which clips a hop classifies correctly."""
    for found in kept.hops:
        if found.engine == ENGINES[hop] and found.outputs is not None and not found.is_partial:
            return metrics.predictions(found.outputs) == kept.labels_true
    raise UserError(
        f"{run / run_dir.PREDICTIONS} has no --hop={hop} with all clips",
        f"choose another hop, or run: {run.command_of('evaluate')}",
    )


def _figures(
    side: Side, right: Sequence[np.ndarray], judged: Sequence[Judged], found: DeviceDrop
) -> DropSide:
    devices = np.concatenate([np.array(one.devices) for one in judged])
    pooled = np.concatenate(right)
    names = (*found.seen, *found.unseen)
    return DropSide(
        hop=side.hop,
        accuracy_by_device={name: float(np.mean(pooled[devices == name])) for name in names},
        each=each_run(side, right),
    )
