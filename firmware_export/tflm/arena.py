"""Size of TFLite Micro's tensor arena: measured if TFLite Micro runs here, else estimated."""

import dataclasses

from firmware_export.oracle import micro
from tflite_model.info import ModelInfo

# Added to a measured arena. Kernels for a device may need scratch memory that the reference kernels
# on the host do not; the device's pointers, half as long, make up for some of it.
MARGIN_PERCENT = 10
# An estimate ignores the planner's gaps and the kernels' own data.
ESTIMATE_MARGIN_PERCENT = 25

_ALIGNMENT = 16


@dataclasses.dataclass(frozen=True)
class Arena:
    """The arena that the generated code reserves, and the source of the figure.

    Attributes:
      bytes: size to reserve, a multiple of 16.
      source: "measured" or "estimated".
      used_bytes: what the interpreter reported (or the estimate) before the margin.
      minimum_bytes: smallest arena that worked on this machine; None for an estimate.
      margin_percent: the margin that was added.
      measured_with: runtime and machine of a measurement; for an estimate, why there is none.
    """

    bytes: int
    source: str
    used_bytes: int
    minimum_bytes: int | None
    margin_percent: int
    measured_with: str


def measured(run: micro.Run) -> Arena:
    """The arena that a run needed, with a margin.

    A 64-bit host needs more than a 32-bit device: the figure is on the safe side.
    """
    return Arena(
        bytes=_enlarged(run.minimum_bytes, MARGIN_PERCENT),
        source="measured",
        used_bytes=run.used_bytes,
        minimum_bytes=run.minimum_bytes,
        margin_percent=MARGIN_PERCENT,
        measured_with=run.runtime,
    )


def estimate(model: ModelInfo) -> Arena:
    """An arena from the graph alone: peak activations, and the interpreter's share."""
    activations = peak_activation_bytes(model)
    # Seen with tflite_micro: 24 B per tensor; 64 B per op, up to 250 B with the kernels' own data.
    interpreter = 1024 + 24 * len(model.tensors) + 256 * len(model.ops)
    used = activations + interpreter
    return Arena(
        bytes=_enlarged(used, ESTIMATE_MARGIN_PERCENT),
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
        size = _aligned(model.tensors[index].byte_size)
        changes[first] += size
        changes[max(last_use.get(index, first), first) + 1] -= size
    alive, peak = 0, 0
    for change in changes:
        alive += change
        peak = max(peak, alive)
    return peak


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _enlarged(size: int, percent: int) -> int:
    return _aligned(-(-size * (100 + percent) // 100))
