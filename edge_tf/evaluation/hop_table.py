"""The hop table: one task, the same clips, judged again wherever the model runs.

A hop is a place the model runs (Keras, LiteRT, TFLite Micro, ...). `build` takes what the engines
put out, as a list of HopResult in the order the model travels, and computes a HopRow each and the
gates. The first hop is what accuracy and agreement are held against; bytes are held against the
*bit reference*, LiteRT's reference kernels. A new engine is another HopResult and nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_tf.evaluation import gates, hop_text, metrics
from edge_tf.evaluation.gates import Gate

BIT_REFERENCE = "litert_reference"
SIMULATION = "keras_quantized"
STARTS = ("features", "waveform")


@dataclass(frozen=True, eq=False, kw_only=True)
class HopResult:
    """What one engine put out.

    Attributes:
      name: for people, different in every hop of a table: "TFLite Micro".
      engine: identifier of the engine: "tflite_micro". The bit reference is found by it.
      start: what the engine was fed, "features" or "waveform".
      outputs: logits [N, C], float, or int8 with `scale` and `zero_point`; None if unavailable.
      unavailable: why there are no outputs, for people; empty if there are.
      scale: step of int8 outputs: real = scale * (int8 - zero_point). None for float.
      zero_point: int8 that stands for zero. None for float.
      seconds_per_inference: median over clips; None if not measured.
      bit_exact: this engine must give the bytes of the bit reference.
      compare_to: name of the hop to hold outputs against, if not the table's bit reference.
      clip_indices: [N] rising indices of the clips that were run, for an engine too slow for all
        (an emulated board); None if all were run.

    Raises:
      ValueError: the fields contradict each other.
    """

    name: str
    engine: str
    start: str = "features"
    outputs: metrics.Array | None = None
    unavailable: str = ""
    scale: float | None = None
    zero_point: int | None = None
    seconds_per_inference: float | None = None
    bit_exact: bool = False
    compare_to: str = ""
    clip_indices: metrics.Ints | None = None

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ValueError(f"hop '{self.name}': start is one of {STARTS}, not '{self.start}'")
        if (self.outputs is None) != bool(self.unavailable):
            raise ValueError(f"hop '{self.name}' needs outputs, or the reason why it has none")
        if self.outputs is None:
            return
        if self.outputs.ndim != 2 or not self.outputs.size:
            raise ValueError(f"hop '{self.name}': outputs have shape {self.outputs.shape}")
        if self.outputs.dtype == np.int8:
            if self.scale is None or self.zero_point is None:
                raise ValueError(f"hop '{self.name}': int8 outputs need scale and zero_point")
            metrics.dequantize(self.outputs[:0], self.scale, self.zero_point)
        elif not np.issubdtype(self.outputs.dtype, np.floating):
            raise ValueError(f"hop '{self.name}': outputs are {self.outputs.dtype}, not int8")
        elif self.bit_exact:
            raise ValueError(f"hop '{self.name}' is to be bit-exact, but its outputs are float")
        picked = self.clip_indices
        if picked is not None and (
            picked.shape != (len(self.outputs),) or picked[0] < 0 or np.any(np.diff(picked) <= 0)
        ):
            raise ValueError(f"hop '{self.name}': clip_indices must be [N], different and rising")

    @property
    def clips(self) -> int:
        """Number of clips that were run; 0 if unavailable."""
        return 0 if self.outputs is None else len(self.outputs)

    @property
    def is_int8(self) -> bool:
        """Whether there are outputs and they are int8."""
        return self.outputs is not None and self.outputs.dtype == np.int8

    def which_clips(self) -> metrics.Ints:
        """Indices [N] of the clips that were run."""
        if self.clip_indices is not None:
            return self.clip_indices
        return np.arange(self.clips, dtype=np.int64)

    def same_grid(self, other: "HopResult") -> bool:
        """Whether int8 values of both mean the same real numbers; scales count as float32."""
        return self.zero_point == other.zero_point and np.float32(self.scale or 0) == np.float32(
            other.scale or 0
        )

    def real_outputs(self) -> metrics.Floats:
        """Logits [N, C] as real numbers. Raises ValueError if unavailable."""
        if self.outputs is None:
            raise ValueError(f"hop '{self.name}' is not available: {self.unavailable}")
        if self.scale is None or self.zero_point is None or not self.is_int8:
            return self.outputs.astype(np.float64)
        return metrics.dequantize(self.outputs, self.scale, self.zero_point)


@dataclass(frozen=True, kw_only=True)
class HopRow:
    """Figures of one hop; None where there is nothing to say: unavailable, or nothing to compare.

    Attributes:
      accuracy, standard_error: shares, 0 to 1; the error is binomial, of one accuracy.
      accuracy_interval: 95 % Wilson interval of the accuracy.
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
    """Rows and gates, in the order of the hops, and what they were computed from."""

    rows: list[HopRow]
    gates: list[Gate]
    hops: list[HopResult] = field(repr=False)
    labels_true: metrics.Ints = field(repr=False)
    max_drop: float = 1.0

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
) -> HopTable:
    """Computes rows and gates.

    Args:
      hops: in the order the model travels; the first one is what the others are held against.
      labels_true: [N] class indices of all clips.
      max_drop: percentage points of accuracy an int8 hop may lose against the first hop.
      bit_reference: engine whose bytes the bit-exact hops must give.

    Raises:
      ValueError: no hop, two hops of one name, a compare_to that names none, a max_drop that is
        negative or not finite, outputs that do not fit the labels.
    """
    labels = np.asarray(labels_true)
    if not hops or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("a hop table needs at least one hop and integer labels [clips]")
    if not (np.isfinite(max_drop) and max_drop >= 0):
        raise ValueError(f"max_drop is {max_drop}, must be a number of points from 0 up")
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
        row = _row(hop, hops[0], reference, labels)
        rows.append(row)
        judged += gates.judge(hop, row, hops[0], reference, max_drop)
    int8 = next((row for row in rows if row.engine == bit_reference), None)
    judged += [gates.judge_simulation(row, int8) for row in rows if row.engine == SIMULATION]
    return HopTable(rows, judged, list(hops), labels.astype(np.int64), max_drop)


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
    hop: HopResult, first: HopResult, reference: HopResult | None, labels: metrics.Array
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
    truth = labels[hop.which_clips()]
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
    seconds = hop.seconds_per_inference
    return HopRow(
        name=hop.name,
        engine=hop.engine,
        start=hop.start,
        clips=hop.clips,
        accuracy=accuracy,
        standard_error=metrics.standard_error(accuracy, hop.clips),
        accuracy_interval=metrics.wilson_interval(right, hop.clips),
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
