"""Figures of one hop, computed from its outputs."""

from dataclasses import dataclass

import numpy as np

from edge_tf.engines.base import Start
from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops import recording_devices
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.recording_devices import ByDevice, Devices


@dataclass(frozen=True, kw_only=True)
class HopRow:
    """Figures of one hop; None if it is unavailable or there is nothing to compare with.

    Attributes:
      accuracy, standard_error: shares, 0 to 1; the error is binomial.
      accuracy_interval: 95 % Wilson interval of the accuracy.
      macro_accuracy: mean of the accuracies per class, as DCASE scores.
      log_loss, log_loss_error: mean cross entropy in nats (metrics.log_losses) and its standard
        error. Both errors assume independent clips; recordings of one source on several devices
        are not, so use the errors per device there.
      by_device: figures per recording device; None if no devices are known.
      undecided: clips with NaN or infinity among their outputs; they count as wrong.
      change_points: accuracy minus that of the first hop on the same clips, in percentage points.
      agreement: share of clips with the same predicted class as the first hop.
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
    accuracy: float | None = None
    standard_error: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    macro_accuracy: float | None = None
    log_loss: float | None = None
    log_loss_error: float | None = None
    by_device: ByDevice | None = None
    undecided: int = 0
    change_points: float | None = None
    agreement: float | None = None
    compared_to: str | None = None
    max_lsb: int | None = None
    differing_bytes: int | None = None
    total_bytes: int | None = None
    ms_per_inference: float | None = None
    bit_exact_required: bool = False


def of(
    hop: HopResult,
    first: HopResult,
    reference: HopResult | None,
    labels: metrics.Array,
    devices: Devices | None,
) -> HopRow:
    """Figures of one hop.

    Args:
      hop: its outputs.
      first: the hop that accuracy and agreement are compared with.
      reference: the hop that outputs are compared with, if there is one.
      labels: [N] class indices of all clips.
      devices: recording devices of all clips, if there are several.
    """
    if hop.outputs is None:
        return HopRow(
            name=hop.name,
            engine=hop.engine,
            start=hop.start,
            unavailable=hop.unavailable,
            bit_exact_required=hop.bit_exact,
        )
    chosen = metrics.predictions(hop.outputs)
    clips = hop.which_clips()
    truth = labels[clips]
    right = metrics.correct(truth, chosen)
    accuracy = right / hop.clips
    agreement = change = None
    mine, theirs = _common(hop, first)
    if first.outputs is not None and mine.size:
        first_chosen = metrics.predictions(first.outputs[theirs])
        agreement = metrics.agreement(chosen[mine], first_chosen)
        difference = metrics.correct(truth[mine], chosen[mine])
        difference -= metrics.correct(truth[mine], first_chosen)
        change = 100.0 * difference / mine.size
    max_lsb, differing, total = _differences(hop, reference)
    losses = metrics.log_losses(hop.real_outputs(), truth)
    log_loss, log_loss_error = metrics.mean_and_error(losses)
    seconds = hop.seconds_per_inference
    return HopRow(
        name=hop.name,
        engine=hop.engine,
        start=hop.start,
        clips=hop.clips,
        accuracy=accuracy,
        standard_error=metrics.standard_error(accuracy, hop.clips),
        accuracy_interval=metrics.wilson_interval(right, hop.clips),
        macro_accuracy=metrics.macro_accuracy(truth, chosen),
        log_loss=log_loss,
        log_loss_error=log_loss_error,
        by_device=recording_devices.by_device(devices, clips, chosen == truth, losses)
        if devices
        else None,
        undecided=int(np.count_nonzero(chosen == metrics.UNDECIDED)),
        change_points=change,
        agreement=agreement,
        compared_to=None if reference is None or max_lsb is None else reference.name,
        max_lsb=max_lsb,
        differing_bytes=differing,
        total_bytes=total,
        ms_per_inference=None if seconds is None else 1000.0 * seconds,
        bit_exact_required=hop.bit_exact,
    )


def _common(left: HopResult, right: HopResult) -> tuple[metrics.Ints, metrics.Ints]:
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
    mine, theirs = _common(hop, reference)
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
