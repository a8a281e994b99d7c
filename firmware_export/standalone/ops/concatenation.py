"""CONCATENATION."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Call, Lowered, Place, operand
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can join.
_TYPES = ("bool", "int8", "int16", "int32", "float32")


@dataclasses.dataclass(eq=False)
class Concat(ir.Op):
    """inputs: one or more tensors with the same quantization, joined along `axis`."""

    axis: int = 0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        strides = copies.strides(self.output)
        calls: list[Call] = []
        offset = 0
        for tensor in self.inputs:
            given, to = copies.strides(tensor), Place(self.output, offset)
            calls.extend(copies.copy(self, operand(tensor), to, tensor.shape, given, strides))
            offset += tensor.shape[self.axis] * strides[self.axis]
        return Lowered(tuple(calls))


def _read(op: FileOp) -> ir.Op:
    op.require(op.input_count >= 1, "has no input")
    op.check_counts(op.input_count, op.input_count)
    output = op.output(types=_TYPES)
    if op.option("fused_activation_function"):
        op.fail("has a fused activation", "put the activation into a separate op")
    rank = len(output.shape)
    axis = op.option("axis")
    op.require(-rank <= axis < rank, f"joins along axis {axis} of {rank}")
    axis %= rank
    tensors = [op.value(position, (output.dtype,)) for position in range(op.input_count)]
    total = 0
    for tensor in tensors:
        if output.dtype == "int8":
            op.same_quantization(tensor, output)
        op.require(
            len(tensor.shape) == rank
            and tensor.shape[:axis] == output.shape[:axis]
            and tensor.shape[axis + 1 :] == output.shape[axis + 1 :],
            f"joins '{tensor.name}' of shape {tensor.shape} to {output.shape}",
        )
        total += tensor.shape[axis]
    op.require(total == output.shape[axis], f"joins {total} items to {output.shape}")
    return Concat(tensors, output, op.source, axis=axis)


OPS = (OpRule("CONCATENATION", 4, _read, "ConcatenationOptions", limits="no fused activation"),)
