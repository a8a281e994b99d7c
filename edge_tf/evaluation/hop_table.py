"""The hop table: one task, the same clips, judged again wherever the model runs.

A hop is a place the model runs (Keras, LiteRT, TFLite Micro, ...). `build` takes what the engines
put out, as a list of HopResult in the order the model travels, and computes a HopRow each and the
gates. The first hop is what accuracy and agreement are held against; bytes are held against the
*bit reference*, LiteRT's reference kernels. A new engine is another HopResult and nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_tf.evaluation import device_figures, gates, hop_text, metrics
from edge_tf.evaluation.device_figures import ByDevice, Devices
from edge_tf.evaluation.gates import Gate
from edge_tf.evaluation.hop_result import HopResult

BIT_REFERENCE = "litert_reference"
SIMULATION = "keras_quantized"
ANDROID = ("android_xnnpack", "android_mediapipe")
OPTIMIZED = "litert_xnnpack"


@dataclass(frozen=True, kw_only=True)
class HopRow:
    """Figures of one hop; None where there is nothing to say: unavailable, or nothing to compare.

    Attributes:
      accuracy, standard_error: shares, 0 to 1; the error is binomial, of one accuracy.
      accuracy_interval: 95 % Wilson interval of the accuracy.
      macro_accuracy: mean over the classes of their shares of right clips, as DCASE scores.
      log_loss, log_loss_error: mean cross entropy in nats (metrics.log_losses) and its standard
        error. Both errors take clips for independent; what one source sounds like on several
        devices is not, so there the errors by device are those to read.
      by_device: figures by recording device; None where no devices are known.
      undecided: clips with NaN or infinity among their outputs; they count as wrong.
      change_points: accuracy less that of the first hop on the same clips, in percentage points.
      agreement: share of clips with the class that the first hop chose.
      compared_to: name of the hop that outputs are held against.
      max_lsb: largest difference of an output from that hop, in LSB of its int8 grid. Float
        outputs are put on the grid first, without clipping (metrics.to_lsb).
      differing_bytes, total_bytes: int8 outputs only.
      ms_per_inference: median, milliseconds.
      bit_exact_required: whether differing_bytes must be 0.
    """

    name: str
    engine: str
    start: str
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


@dataclass(frozen=True, eq=False)
class HopTable:
    """Rows and gates, in the order of the hops, and what they were computed from.

    Attributes:
      devices: what the clips were recorded with; None if that is not known, or one device.
    """

    rows: list[HopRow]
    gates: list[Gate]
    hops: list[HopResult] = field(repr=False)
    labels_true: metrics.Ints = field(repr=False)
    max_drop: float = 1.0
    devices: Devices | None = None

    @property
    def failed(self) -> list[Gate]:
        """Gates that are broken."""
        return [gate for gate in self.gates if gate.passed is False]

    @property
    def not_judged(self) -> list[Gate]:
        """Gates that could not be judged here."""
        return [gate for gate in self.gates if gate.passed is None]

    def hop(self, name: str) -> HopResult:
        """The hop with this name or, if none has it, the first of this engine. Else KeyError."""
        for found in [h for h in self.hops if h.name == name] + self.hops:
            if name in (found.name, found.engine):
                return found
        raise KeyError(name)

    def to_text(self) -> str:
        """The table and the gates for a terminal: aligned columns, no trailing newline."""
        return hop_text.render(self)


def build(
    hops: Sequence[HopResult],
    labels_true: metrics.Array,
    *,
    max_drop: float = 1.0,
    bit_reference: str = BIT_REFERENCE,
    devices: Devices | None = None,
    others: Sequence[Gate] = (),
) -> HopTable:
    """Computes rows and gates.

    Args:
      hops: in the order the model travels; the first one is what the others are held against.
      labels_true: [N] class indices of all clips.
      max_drop: percentage points of accuracy an int8 hop may lose against the first hop.
      bit_reference: engine whose bytes the bit-exact hops must give.
      devices: recording devices of all clips; rows are split by them if there are several.
      others: gates that were judged elsewhere; they come last.

    Raises:
      ValueError: no hop, two hops of one name, a compare_to that names none, a max_drop that is
        negative or not finite, outputs or devices that do not fit the labels.
    """
    labels = np.asarray(labels_true)
    if not hops or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("a hop table needs at least one hop and integer labels [clips]")
    if not (np.isfinite(max_drop) and max_drop >= 0):
        raise ValueError(f"max_drop is {max_drop}, must be a number of points from 0 up")
    if devices is not None and len(devices.of_clips) != len(labels):
        raise ValueError(f"devices of {len(devices.of_clips)} clips for {len(labels)} labels")
    devices = devices if devices is not None and devices.are_several else None
    by_name = {hop.name: hop for hop in hops}
    if len(by_name) != len(hops):
        raise ValueError(f"two hops have one name: {', '.join(hop.name for hop in hops)}")
    for hop in hops:
        _check_fits(hop, hops, labels)
        if hop.compare_to and hop.compare_to not in by_name:
            raise ValueError(f"hop '{hop.name}': there is no hop '{hop.compare_to}' to compare to")
    default = next((hop for hop in hops if hop.engine == bit_reference), None)
    rows, judged = [], []
    for hop in hops:
        reference = by_name[hop.compare_to] if hop.compare_to else default
        row = _row(hop, hops[0], reference, labels, devices)
        rows.append(row)
        judged += gates.judge(hop, row, hops[0], reference, max_drop)
    int8 = next((row for row in rows if row.engine == bit_reference), None)
    judged += [gates.judge_simulation(row, int8) for row in rows if row.engine == SIMULATION]
    phone = next((row for row in rows if row.engine == OPTIMIZED), None)
    judged += [gates.judge_android(row, phone) for row in rows if row.engine in ANDROID]
    judged += others
    return HopTable(rows, judged, list(hops), labels.astype(np.int64), max_drop, devices)


def _check_fits(hop: HopResult, hops: Sequence[HopResult], labels: metrics.Array) -> None:
    if hop.outputs is None:
        return
    clips = hop.which_clips()
    if clips[-1] >= len(labels) or (hop.clip_indices is None and hop.clips != len(labels)):
        raise ValueError(f"hop '{hop.name}': {hop.clips} outputs do not fit {len(labels)} labels")
    classes = {other.outputs.shape[1] for other in hops if other.outputs is not None}
    if len(classes) > 1 or labels.min() < 0 or labels.max() >= hop.outputs.shape[1]:
        raise ValueError(f"hops have {sorted(classes)} classes, labels go to {labels.max()}")


def _row(
    hop: HopResult,
    first: HopResult,
    reference: HopResult | None,
    labels: metrics.Array,
    devices: Devices | None,
) -> HopRow:
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
        by_device=device_figures.by_device(devices, clips, chosen == truth, losses)
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
    """Positions, within each hop, of the clips that both ran."""
    _, mine, theirs = np.intersect1d(
        left.which_clips(), right.which_clips(), assume_unique=True, return_indices=True
    )
    return mine.astype(np.int64), theirs.astype(np.int64)


def _differences(
    hop: HopResult, reference: HopResult | None
) -> tuple[int | None, int | None, int | None]:
    """Largest difference in LSB of the reference's grid; differing bytes; bytes compared."""
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
