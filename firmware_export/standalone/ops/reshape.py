"""RESHAPE, SQUEEZE and EXPAND_DIMS."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place, operand
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import MOVED, FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Reshape(ir.Op):
    """inputs: x, constant only where it becomes an output. The same bytes in another shape."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output, item = operand(self.inputs[0]), self.output, (self.output.item_bytes,)
        return Lowered(copies.copy(self, x, Place(output), (output.size,), item, item))

    def is_same_bytes(self) -> bool:
        return True


def _read(op: FileOp) -> ir.Op:
    """Takes the output's shape from the file, as TFLite Micro does."""
    op.check_counts(1, 2)
    x = op.activation(0, MOVED)
    output = op.output(types=(x.dtype,))
    op.require(x.size == output.size, f"makes {output.shape} of {x.shape}")
    return Reshape([x], output, op.source)


OPS = tuple(
    OpRule(name, version, _read)
    for name, version in (("RESHAPE", 2), ("SQUEEZE", 2), ("EXPAND_DIMS", 1))
)
