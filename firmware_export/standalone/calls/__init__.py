"""From ops to calls of the C kernels: which kernel, all its numbers, what memory it needs.

    lowered = calls.lower(op)              -> Lowered: calls, scratch bytes, what may share a place
    lowered.calls[0].function, .fields, .arguments

Everything that needs floating point, a division or a decision happens here, at compile time; an
op that no kernel can do exactly as TensorFlow Lite Micro does is refused with an ExportError.
"""

from collections.abc import Callable
from typing import Any

from firmware_export.errors import ExportError
from firmware_export.standalone import ir
from firmware_export.standalone.calls import elementwise, movement, windows
from firmware_export.standalone.calls.call import (
    Argument,
    Array,
    Call,
    Field,
    Lowered,
    Place,
    Places,
    Scratch,
)

__all__ = [
    "TARGETS",
    "Argument",
    "Array",
    "Call",
    "Field",
    "Lowered",
    "Place",
    "Places",
    "Scratch",
    "lower",
]

TARGETS = ("portable", "dsp", "mve")

_LOWERINGS: dict[type[ir.Op], Callable[[Any, str], Lowered]] = {
    ir.Convolution: windows.convolution,
    ir.Depthwise: windows.depthwise,
    ir.RowSums: windows.row_sums,
    ir.FullyConnected: windows.fully_connected,
    ir.Pool: windows.pool,
    ir.Mean: elementwise.mean,
    ir.Binary: elementwise.binary,
    ir.Table: elementwise.table,
    ir.Softmax: elementwise.softmax,
    ir.Pad: movement.pad,
    ir.Reshape: movement.reshape,
    ir.Concat: movement.concat,
    ir.Slice: movement.slice_,
    ir.Push: movement.push,
    ir.SlidingMean: windows.sliding_mean,
    ir.Transpose: movement.transpose,
    ir.Resize: movement.resize,
}


def lower(op: ir.Op, target: str = "portable") -> Lowered:
    """Decides which kernel does an op and computes all it needs.

    Args:
      op: with static shapes and int8 activations.
      target: "portable", "dsp" or "mve"; scratch and the order of weights may depend on it.

    Raises:
      ExportError: no kernel does this op as TensorFlow Lite Micro does; names the op and tensor.
      ValueError: another target.
    """
    if target not in TARGETS:
        raise ValueError(f"target {target!r} is none of {', '.join(TARGETS)}")
    if type(op) not in _LOWERINGS:
        raise ExportError(f"{op.source} has no kernel in C; leave it out of the model")
    return _LOWERINGS[type(op)](op, target)
