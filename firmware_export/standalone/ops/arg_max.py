"""ARG_MAX and ARG_MIN."""

import dataclasses
import math

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class ArgExtremum(ir.Op):
    """inputs: x, int8. The output, int32, says where its largest item along `axis` is."""

    axis: int = 0
    is_largest: bool = True

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        shape = self.inputs[0].shape
        fields: dict[str, Field] = {
            "outer": math.prod(shape[: self.axis]),
            "count": shape[self.axis],
            "inner": math.prod(shape[self.axis + 1 :]),
            "is_largest": int(self.is_largest),
        }
        call = self.call("arg_extremum", fields, Place(self.inputs[0]), Place(self.output))
        return Lowered((call,))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output(types=("int32",))
    (axis,) = op.axes(1, len(x.shape), 1)
    left = (*x.shape[:axis], *x.shape[axis + 1 :])
    op.require(output.shape == left, f"makes {output.shape} of {x.shape} along axis {axis}")
    return ArgExtremum([x], output, op.source, axis, op.info.name == "ARG_MAX")


OPS = (OpRule("ARG_MAX", 2, _read), OpRule("ARG_MIN", 2, _read))
