"""A PAD before a convolution becomes the convolution's own padding."""

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.pad import Pad
from firmware_export.standalone.ops.pool import Pool
from firmware_export.standalone.ops.shared.convolution import Convolution
from firmware_export.standalone.passes import edit

# The kernels' limit for padding.
_MAX_PADDING = 255


def run(graph: ir.Graph) -> ir.Graph:
    """Moves padding into the ops that read it; removes a Pad without other readers."""
    producers = {id(op.output): op for op in graph.ops}
    for op in graph.ops:
        if isinstance(op, (Convolution, Pool)):
            pad = producers.get(id(op.inputs[0]))
            if isinstance(pad, Pad) and _fits(op, pad):
                top, left = pad.before[1:3]
                op.padding = (op.padding[0] + top, op.padding[1] + left)
                op.inputs[0] = pad.inputs[0]
                op.source = edit.joined_source(pad, op)
    return edit.remove_unused(graph)


def _fits(op: Convolution | Pool, pad: Pad) -> bool:
    """Whether the op produces the same bytes from the unpadded tensor."""
    x, padded = pad.inputs[0], pad.output
    if len(x.shape) != 4 or any(pad.before[axis] or pad.after[axis] for axis in (0, 3)):
        return False
    if any(op.padding[i] + pad.before[1 + i] > _MAX_PADDING for i in range(2)):
        return False
    if isinstance(op, Pool):
        return op.kind == "max" and pad.value == padded.limits[0] and _windows_touch(op, pad)
    # The convolution subtracts its input's zero point: padding with it adds nothing to a sum.
    return pad.value == padded.zero_point and (
        (x.scales, x.zero_points) == (padded.scales, padded.zero_points)
    )


def _windows_touch(op: Pool, pad: Pad) -> bool:
    """Whether each window of the op contains more than padding.

    The smallest value changes no maximum, unless there is nothing else in the window.
    """
    for axis in range(2):
        first = np.arange(op.output.shape[1 + axis]) * op.stride[axis] - op.padding[axis]
        begin = pad.before[1 + axis]
        end = begin + pad.inputs[0].shape[1 + axis]
        if not np.all(np.maximum(first, begin) < np.minimum(first + op.window[axis], end)):
            return False
    return True
