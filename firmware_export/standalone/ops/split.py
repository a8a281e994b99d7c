"""SPLIT, SPLIT_V and UNPACK: a slice for each output."""

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.slice import Slice

# That TFLite Micro can take apart.
_TYPES = ("int8", "int16", "int32", "float32")


def _parts(op: FileOp, x: ir.Tensor, axis: int, keep: bool) -> list[ir.Op]:
    """Slices along an axis, one for each output; reshaped if outputs lack the axis."""
    ops: list[ir.Op] = []
    at = 0
    for position in range(len(op.info.outputs)):
        output = op.output(position, (x.dtype,))
        wrong = f"makes {output.shape} of {x.shape} along axis {axis}"
        op.require(len(output.shape) == len(x.shape) - (not keep), wrong)
        size = output.shape[axis] if keep else 1
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        left = shape if keep else (*x.shape[:axis], *x.shape[axis + 1 :])
        op.require(output.shape == left, wrong)
        begin = tuple(at if i == axis else 0 for i in range(len(shape)))
        part = output if keep else op.between(output, shape, "slice")
        ops.append(Slice([x], part, op.source, begin=begin, step=(1,) * len(shape)))
        if not keep:
            ops.append(Reshape([part], output, op.source))
        at += size
    op.require(at == x.shape[axis], f"makes {at} items of {x.shape} along axis {axis}")
    return ops


def _read_split(op: FileOp) -> list[ir.Op]:
    op.check_counts(2, 2, len(op.info.outputs))
    x = op.activation(1, _TYPES)
    (axis,) = op.axes(0, len(x.shape), 1)
    first = op.output(0, (x.dtype,)).shape
    for position in range(len(op.info.outputs)):
        op.require(op.output(position, (x.dtype,)).shape == first, "makes parts of several sizes")
    return _parts(op, x, axis, keep=True)


def _read_split_v(op: FileOp) -> list[ir.Op]:
    """The outputs' shapes say where it splits, as in TFLite Micro."""
    op.check_counts(3, 3, len(op.info.outputs))
    x = op.activation(0, _TYPES)
    (axis,) = op.axes(2, len(x.shape), 1)
    return _parts(op, x, axis, keep=True)


def _read_unpack(op: FileOp) -> list[ir.Op]:
    op.check_counts(1, 1, len(op.info.outputs))
    x = op.activation(0, _TYPES)
    rank, axis = len(x.shape), op.option("axis")
    op.require(-rank <= axis < rank, f"takes apart axis {axis} of {rank}")
    op.require(op.option("num") == len(op.info.outputs), f"makes {op.option('num')} outputs")
    return _parts(op, x, axis % rank, keep=False)


OPS = (
    OpRule("SPLIT", 4, _read_split),
    OpRule("SPLIT_V", 2, _read_split_v),
    OpRule("UNPACK", 4, _read_unpack, "UnpackOptions"),
)
