"""REVERSE_V2."""

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.move import Move, Part
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import MOVED, FileOp, OpRule


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x = op.activation(0, MOVED)
    output = op.output(types=(x.dtype,))
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    axes = op.axes(1, len(x.shape))
    to = copies.steps(x.shape)
    begin = sum((x.shape[axis] - 1) * to[axis] for axis in axes)
    given = tuple(-step if axis in axes else step for axis, step in enumerate(to))
    return Move([x], output, op.source, parts=(Part(x.shape, given, tuple(to), begin),))


OPS = (OpRule("REVERSE_V2", 3, _read),)
