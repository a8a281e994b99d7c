"""The hop table: one task, the same clips, evaluated wherever the model runs.

A hop is a place where the model runs (Keras, LiteRT, TFLite Micro, ...). `build` receives the
outputs of the engines as a list of HopResult, in the order the model travels, and computes one
HopRow per hop and the gates. What the outputs are for is a Task: Classification, unless another
one is given. Accuracy and agreement are compared with the first hop, bytes with the
*bit reference*, LiteRT's reference kernels. A new engine adds a HopResult; nothing changes here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_tf.engines import ids
from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops import gates, hop_row
from edge_tf.evaluation.hops.classification import Classification
from edge_tf.evaluation.hops.gates import Gate
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_row import HopRow, Task
from edge_tf.evaluation.hops.recording_devices import Devices

BIT_REFERENCE = ids.LITERT_REFERENCE
SIMULATION = ids.KERAS_QUANTIZED
ANDROID = (ids.ANDROID_XNNPACK, ids.ANDROID_MEDIAPIPE)
OPTIMIZED = ids.LITERT_XNNPACK


@dataclass(frozen=True, eq=False)
class HopTable:
    """Rows and gates, in the order of the hops, and the data that they were computed from.

    Attributes:
      devices: recording devices of the clips; None if unknown or just one.
    """

    rows: list[HopRow]
    gates: list[Gate]
    hops: list[HopResult] = field(repr=False)
    labels_true: metrics.Ints = field(repr=False)
    max_drop: float = 1.0
    devices: Devices | None = None

    @property
    def is_of_episodes(self) -> bool:
        """Whether outputs are embeddings, judged by episodes, not logits of the labels."""
        return any(row.by_shots is not None for row in self.rows)

    @property
    def failed(self) -> list[Gate]:
        """Gates that failed."""
        return [gate for gate in self.gates if gate.passed is False]

    @property
    def not_judged(self) -> list[Gate]:
        """Gates that could not be judged here."""
        return [gate for gate in self.gates if gate.passed is None]

    def hop(self, name: str) -> HopResult:
        """The hop with this name, else the first with this engine. Raises KeyError if none."""
        for found in [h for h in self.hops if h.name == name] + self.hops:
            if name in (found.name, found.engine):
                return found
        raise KeyError(name)


def build(
    hops: Sequence[HopResult],
    labels_true: metrics.Array,
    *,
    max_drop: float = 1.0,
    bit_reference: str = BIT_REFERENCE,
    devices: Devices | None = None,
    others: Sequence[Gate] = (),
    task: Task | None = None,
) -> HopTable:
    """Computes rows and gates.

    Args:
      hops: in the order the model travels; the others are compared with the first one.
      labels_true: [N] class indices of all clips.
      max_drop: percentage points of accuracy an int8 hop may lose against the first hop.
      bit_reference: engine whose bytes the bit-exact hops must match.
      devices: recording devices of all clips; rows are split by device if there are several.
      others: gates that were judged elsewhere; they come last.
      task: judges the outputs; None: they are logits of the labels.

    Raises:
      ValueError: no hop, two hops with one name, a compare_to that names no hop, a max_drop that is
        negative or not finite, outputs or devices that do not fit the labels.
    """
    labels = np.asarray(labels_true)
    if not hops or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("a hop table needs at least one hop and integer labels [clips]")
    if not (np.isfinite(max_drop) and max_drop >= 0):
        raise ValueError(f"max_drop is {max_drop}, must be 0 or more points")
    if devices is not None and len(devices.of_clips) != len(labels):
        raise ValueError(f"devices of {len(devices.of_clips)} clips for {len(labels)} labels")
    devices = devices if devices is not None and devices.are_several else None
    by_name = {hop.name: hop for hop in hops}
    if len(by_name) != len(hops):
        raise ValueError(f"two hops have the same name: {', '.join(hop.name for hop in hops)}")
    for hop in hops:
        _check_fits(hop, labels)
        if hop.compare_to and hop.compare_to not in by_name:
            raise ValueError(
                f"hop '{hop.name}': there is no hop '{hop.compare_to}' to compare with"
            )
    task = Classification(labels, devices) if task is None else task
    task.check(hops)
    default = next((hop for hop in hops if hop.engine == bit_reference), None)
    rows, judged = [], []
    for hop in hops:
        reference = by_name[hop.compare_to] if hop.compare_to else default
        row = hop_row.of(hop, hops[0], reference, task)
        rows.append(row)
        judged += gates.judge(hop, row, hops[0], reference, max_drop)
    int8 = next((row for row in rows if row.engine == bit_reference), None)
    judged += [gates.judge_simulation(row, int8) for row in rows if row.engine == SIMULATION]
    phone = next((row for row in rows if row.engine == OPTIMIZED), None)
    judged += [gates.judge_android(row, phone) for row in rows if row.engine in ANDROID]
    judged += others
    return HopTable(rows, judged, list(hops), labels.astype(np.int64), max_drop, devices)


def _check_fits(hop: HopResult, labels: metrics.Array) -> None:
    if hop.outputs is None:
        return
    clips = hop.which_clips()
    if clips[-1] >= len(labels) or (hop.clip_indices is None and hop.clips != len(labels)):
        raise ValueError(f"hop '{hop.name}': {hop.clips} outputs do not fit {len(labels)} labels")
