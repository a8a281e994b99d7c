"""PACK: a concatenation along a new axis."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.concatenation import Concat
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule

# That TFLite Micro can join.
_TYPES = ("int8", "int16", "int32", "float32")


def _read(op: FileOp) -> list[ir.Op]:
    op.require(op.input_count >= 1, "has no input")
    op.check_counts(op.input_count, op.input_count)
    output = op.output(types=_TYPES)
    rank, axis = len(output.shape), op.option("axis")
    op.require(-rank <= axis < rank, f"joins along axis {axis} of {rank}")
    axis %= rank
    shape = (*output.shape[:axis], 1, *output.shape[axis + 1 :])
    op.require(
        output.shape[axis] == op.input_count == op.option("values_count"),
        f"joins {op.input_count} tensors to {output.shape}",
    )
    ops: list[ir.Op] = []
    parts = []
    for position in range(op.input_count):
        tensor = op.value(position, (output.dtype,))
        op.require(
            tensor.shape == (*shape[:axis], *shape[axis + 1 :]),
            f"joins '{tensor.name}' of shape {tensor.shape} to {output.shape}",
        )
        if tensor.data is not None:
            parts.append(dataclasses.replace(tensor, shape=shape, data=tensor.data.reshape(shape)))
            continue
        parts.append(op.between(tensor, shape, f"part {position} of {op.source}"))
        ops.append(Reshape([tensor], parts[-1], op.source))
    return [*ops, Concat(parts, output, op.source, axis=axis)]


OPS = (OpRule("PACK", 2, _read, "PackOptions"),)
