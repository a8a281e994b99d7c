"""ADD_N."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place, Places
from firmware_export.standalone.ops.shared import sums
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class AddN(ir.Op):
    """inputs: two or more activations, int8, of one shape, scale and zero point. Their sum."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        fields: dict[str, Field] = {
            "scale": sums.scale(self),
            "size": self.output.size,
            "count": len(self.inputs),
        }
        places = Places(tuple(Place(tensor) for tensor in self.inputs))
        call = self.call("add_n", fields, places, Place(self.output), header=sums.HEADER)
        return Lowered((call,), in_place=tuple(range(len(self.inputs))))


def _read(op: FileOp) -> ir.Op:
    op.require(op.input_count >= 2, "has fewer than two inputs")
    op.check_counts(op.input_count, op.input_count)
    tensors = [op.activation(position) for position in range(op.input_count)]
    output = op.output()
    for tensor in tensors:
        op.require(tensor.shape == output.shape, f"makes {output.shape} of {tensor.shape}")
        op.same_quantization(tensor, tensors[0])
    return AddN(tensors, output, op.source)


OPS = (OpRule("ADD_N", 1, _read, limits="no constants"),)
