"""Figures of one hop, computed from its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_tf.engines.base import Start
from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.recording_devices import ByDevice


@dataclass(frozen=True, kw_only=True)
class ShotFigures:
    """Figures of few-shot learning with some takes of each word.

    Attributes:
      shots: takes.
      accuracy, accuracy_error: share of known queries whose nearest word is theirs; mean over
        episodes and its standard error, of the draw of episodes.
      auroc, auroc_error: of known against unknown queries, likewise.
      missed, missed_error: known queries that are rejected or taken for another word, at the run's
        threshold, likewise; None without a threshold.
      accepted, accepted_error: unknown queries that are taken for a word, likewise.
      accuracy_change, auroc_change: minus those of the first hop, in percentage points.
    """

    shots: int
    accuracy: float
    accuracy_error: float
    auroc: float
    auroc_error: float
    missed: float | None = None
    missed_error: float | None = None
    accepted: float | None = None
    accepted_error: float | None = None
    accuracy_change: float | None = None
    auroc_change: float | None = None


@dataclass(frozen=True, kw_only=True)
class TaskFigures:
    """How well a hop does its task; None where a task or a hop has no such figure.

    Attributes:
      accuracy, standard_error: shares, 0 to 1; the error is binomial, or over episodes.
      accuracy_interval: 95 % Wilson interval of the accuracy, or 1.96 standard errors of episodes.
      macro_accuracy: mean of the accuracies per class, as DCASE scores.
      log_loss, log_loss_error: mean cross entropy in nats (metrics.log_losses) and its standard
        error. Both errors assume independent clips; recordings of one source on several devices
        are not, so use the errors per device there.
      by_device: figures per recording device; None if no devices are known.
      by_shots: of few-shot learning; `accuracy`, `change_points` and `agreement` are then those of
        known queries with MAIN_SHOTS takes.
      undecided: clips with NaN or infinity among their outputs; they count as wrong.
      change_points: accuracy minus that of the first hop on the same clips, in percentage points.
      agreement: share of clips with the same predicted class as the first hop.
    """

    accuracy: float | None = None
    standard_error: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    macro_accuracy: float | None = None
    log_loss: float | None = None
    log_loss_error: float | None = None
    by_device: ByDevice | None = None
    by_shots: tuple[ShotFigures, ...] | None = None
    undecided: int = 0
    change_points: float | None = None
    agreement: float | None = None


class Task(Protocol):
    """What the outputs are for."""

    def check(self, hops: Sequence[HopResult]) -> None:
        """Raises ValueError if outputs do not fit the task."""
        ...

    def figures(self, hop: HopResult, first: HopResult) -> TaskFigures:
        """Figures of a hop that has outputs; `first` is the hop to compare with."""
        ...


@dataclass(frozen=True, kw_only=True)
class HopRow(TaskFigures):
    """Figures of one hop; None if it is unavailable or there is nothing to compare with.

    Attributes:
      compared_to: name of the hop that outputs are compared with.
      max_lsb: largest difference of an output from that hop, in LSB of its int8 grid. Float
        outputs are rounded to the grid first, without clipping (metrics.to_lsb).
      differing_bytes, total_bytes: int8 outputs only.
      ms_per_inference: median, milliseconds.
      bit_exact_required: whether differing_bytes must be 0.
    """

    name: str
    engine: str
    start: Start
    clips: int = 0
    unavailable: str = ""
    compared_to: str | None = None
    max_lsb: int | None = None
    differing_bytes: int | None = None
    total_bytes: int | None = None
    ms_per_inference: float | None = None
    bit_exact_required: bool = False


def of(hop: HopResult, first: HopResult, reference: HopResult | None, task: Task) -> HopRow:
    """Figures of one hop.

    Args:
      hop: its outputs.
      first: the hop that accuracy and agreement are compared with.
      reference: the hop that outputs are compared with, if there is one.
      task: judges the outputs.
    """
    if hop.outputs is None:
        return HopRow(
            name=hop.name,
            engine=hop.engine,
            start=hop.start,
            unavailable=hop.unavailable,
            bit_exact_required=hop.bit_exact,
        )
    max_lsb, differing, total = _differences(hop, reference)
    seconds = hop.seconds_per_inference
    return HopRow(
        **vars(task.figures(hop, first)),
        name=hop.name,
        engine=hop.engine,
        start=hop.start,
        clips=hop.clips,
        compared_to=None if reference is None or max_lsb is None else reference.name,
        max_lsb=max_lsb,
        differing_bytes=differing,
        total_bytes=total,
        ms_per_inference=None if seconds is None else 1000.0 * seconds,
        bit_exact_required=hop.bit_exact,
    )


def common(left: HopResult, right: HopResult) -> tuple[metrics.Ints, metrics.Ints]:
    """Positions within each hop of the clips that both ran."""
    _, mine, theirs = np.intersect1d(
        left.which_clips(), right.which_clips(), assume_unique=True, return_indices=True
    )
    return mine.astype(np.int64), theirs.astype(np.int64)


def _differences(
    hop: HopResult, reference: HopResult | None
) -> tuple[int | None, int | None, int | None]:
    """Largest difference in LSB of the reference's grid; differing bytes; compared bytes."""
    if reference is None or reference.outputs is None or not reference.is_int8:
        return None, None, None
    if hop.outputs is None or reference.scale is None or reference.zero_point is None:
        return None, None, None
    if hop.are_shifted:
        return None, None, None
    mine, theirs = common(hop, reference)
    if not mine.size:
        return None, None, None
    expected = reference.outputs[theirs]
    differing = total = None
    if hop.is_int8:
        differing = int(np.count_nonzero(hop.outputs[mine] != expected))
        total = int(expected.size)
    if hop.is_int8 and hop.same_grid(reference):
        found = hop.outputs[mine].astype(np.int64)
    else:
        real = hop.real_outputs()[mine]
        if not np.isfinite(real).all():
            return None, differing, total
        found = metrics.to_lsb(real, reference.scale, reference.zero_point)
    return int(metrics.lsb_differences(found, expected).max()), differing, total
