"""Sizes of TFLite Micro's tensor arena: for this machine, and for devices by kernel library."""

import dataclasses

from firmware_export.oracle import micro
from firmware_export.tflm import planning
from tflite_model.info import ModelInfo

# Added to what this machine needs. On a device with kernels that are not computed, its pointers,
# half as long, make up for some more.
MARGIN_PERCENT = 10
# An estimate ignores the kernels' own data.
ESTIMATE_MARGIN_PERCENT = 25


@dataclasses.dataclass(frozen=True)
class Arena:
    """The arena that the generated code reserves, and the source of the figures.

    Attributes:
      bytes: size to reserve with a margin, a multiple of 16: on a 64-bit machine with the reference
        kernels, and on devices with kernels that `devices` does not have.
      devices: bounds for a 32-bit device, by kernel library (planning.LIBRARIES).
      source: "measured" or "estimated".
      used_bytes: what the interpreter reported (or the estimate) before the margin.
      minimum_bytes: smallest arena that worked on this machine; None for an estimate.
      margin_percent: the margin that was added.
      measured_with: runtime and machine of a measurement; for an estimate, why there is none.
    """

    bytes: int
    devices: dict[str, int]
    source: str
    used_bytes: int
    minimum_bytes: int | None
    margin_percent: int
    measured_with: str


def measured(model: ModelInfo, run: micro.Run) -> Arena:
    """The arena that a run of the model needed, with a margin, and what follows for devices."""
    devices = {
        library: planning.needed(model, run.head_bytes, run.tail_bytes, library)
        for library in planning.LIBRARIES
    }
    return Arena(
        bytes=_enlarged(run.minimum_bytes, MARGIN_PERCENT),
        devices=devices,
        source="measured",
        used_bytes=run.used_bytes,
        minimum_bytes=run.minimum_bytes,
        margin_percent=MARGIN_PERCENT,
        measured_with=run.runtime,
    )


def estimate(model: ModelInfo) -> Arena:
    """An arena from the graph alone: its plan, and the interpreter's share."""
    planned = planning.plan(planning.activations(model))
    # Seen with tflite_micro: 24 B per tensor; 64 B per op, up to 250 B with the kernels' own data.
    lasting = 1024 + 24 * len(model.tensors) + 256 * len(model.ops)
    used = planned + lasting
    devices = {
        library: _enlarged(
            planning.needed(model, planned, lasting, library), ESTIMATE_MARGIN_PERCENT
        )
        for library in planning.LIBRARIES
    }
    return Arena(
        bytes=_enlarged(used, ESTIMATE_MARGIN_PERCENT),
        devices=devices,
        source="estimated",
        used_bytes=used,
        minimum_bytes=None,
        margin_percent=ESTIMATE_MARGIN_PERCENT,
        measured_with=micro.unavailable_reason()
        or "not available here (tflite_micro does not load)",
    )


def peak_activation_bytes(model: ModelInfo) -> int:
    """Peak bytes of tensors that are live during one op; no planner can need less."""
    last_use = {tensor.index: len(model.ops) for tensor in model.outputs}
    first_use = {tensor.index: 0 for tensor in model.inputs}
    for op in model.ops:
        for index in op.inputs:
            last_use[index] = max(last_use.get(index, 0), op.index)
        for index in op.outputs:
            first_use.setdefault(index, op.index)
            last_use.setdefault(index, op.index)
    changes = [0] * (len(model.ops) + 2)
    for index, first in first_use.items():
        if model.tensors[index].is_constant:
            continue
        size = planning.aligned(model.tensors[index].byte_size)
        changes[first] += size
        changes[max(last_use.get(index, first), first) + 1] -= size
    alive, peak = 0, 0
    for change in changes:
        alive += change
        peak = max(peak, alive)
    return peak


def _enlarged(size: int, percent: int) -> int:
    return planning.aligned(-(-size * (100 + percent) // 100))
