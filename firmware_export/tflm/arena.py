"""How large TFLite Micro's tensor arena must be: measured where it can run, else estimated."""

import dataclasses

from firmware_export.oracle import micro
from tflite_model.info import ModelInfo

# What a measured arena is enlarged by. Kernels made for a device may ask for scratch memory that
# the reference kernels on the host do not need; its pointers, half as long, give some back.
MARGIN_PERCENT = 10
# An estimate knows neither the planner's gaps nor what the kernels keep.
ESTIMATE_MARGIN_PERCENT = 25

_ALIGNMENT = 16


@dataclasses.dataclass(frozen=True)
class Arena:
    """The arena that the generated code reserves, and where the figure comes from.

    Attributes:
      bytes: size to reserve, a multiple of 16.
      source: "measured" or "estimated".
      used_bytes: what the interpreter reported (or the estimate) before the margin.
      minimum_bytes: smallest arena that worked on this machine; None for an estimate.
      margin_percent: what was added.
      measured_with: runtime and machine of a measurement; for an estimate why there is none.
    """

    bytes: int
    source: str
    used_bytes: int
    minimum_bytes: int | None
    margin_percent: int
    measured_with: str


def measured(run: micro.Run) -> Arena:
    """The arena that a run took, with a margin.

    A host of 64 bits needs more than a device of 32: the figure is on the safe side.
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
    """An arena from the graph alone: what is alive at once at most, and the interpreter's share."""
    activations = peak_activation_bytes(model)
    # Seen with tflite_micro: 24 B a tensor, 64 B an op and, with what kernels keep, up to 250 B.
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
    """The most bytes of tensors that are alive during one op; no planner can do with less."""
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
