"""TRANSPOSE."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can move.
_TYPES = ("int8", "int16", "float32")


@dataclasses.dataclass(eq=False)
class Transpose(ir.Op):
    """inputs: x. Axis i of the output is axis order[i] of the input."""

    order: tuple[int, ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        strides = copies.strides(x)
        moved = [strides[axis] for axis in self.order]
        to = copies.strides(output)
        return Lowered(copies.copy(self, Place(x), Place(output), output.shape, moved, to))

    def is_same_bytes(self) -> bool:
        """Whether it only moves axes of size 1."""
        moved = [axis for axis in self.order if self.inputs[0].shape[axis] > 1]
        return moved == sorted(moved)


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    order = op.numbers(1, len(x.shape))
    op.require(sorted(order) == list(range(len(x.shape))), f"orders axes as {order}")
    op.require(
        tuple(x.shape[axis] for axis in order) == output.shape,
        f"makes {output.shape} of {x.shape} by the order {order}",
    )
    return Transpose([x], output, op.source, order=tuple(order))


OPS = (OpRule("TRANSPOSE", 6, _read),)
