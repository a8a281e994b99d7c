"""CUMSUM."""

import dataclasses
import math

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared import sums
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Cumsum(ir.Op):
    """inputs: x, int8. The sums of its items so far along `axis`.

    Attributes:
      exclusive: without the item itself.
      reverse: from the last item on.
    """

    axis: int = 0
    exclusive: bool = False
    reverse: bool = False

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        shape = self.output.shape
        fields: dict[str, Field] = {
            "scale": sums.scale(self),
            "outer": math.prod(shape[: self.axis]),
            "count": shape[self.axis],
            "inner": math.prod(shape[self.axis + 1 :]),
            "exclusive": int(self.exclusive),
            "reverse": int(self.reverse),
        }
        places = Place(self.inputs[0]), Place(self.output)
        call = self.call("cumsum", fields, *places, header=sums.HEADER)
        return Lowered((call,), in_place=(0,))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    (axis,) = op.axes(1, len(x.shape), 1)
    exclusive, reverse = bool(op.option("exclusive")), bool(op.option("reverse"))
    return Cumsum([x], output, op.source, axis, exclusive, reverse)


OPS = (OpRule("CUMSUM", 1, _read, "CumsumOptions"),)
