"""CAST: the stored numbers in another type, whatever their scale."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

_FROM = ("bool", "int8", "int16", "int32")
_TO = ("int8", "int16", "int32", "float32")


@dataclasses.dataclass(eq=False)
class Cast(ir.Op):
    """inputs: x. Integers that a narrower type cannot hold lose their high bits."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        fields: dict[str, Field] = {
            "size": output.size,
            "in_bytes": x.item_bytes,
            "out_bytes": output.item_bytes,
            "to_float": int(output.dtype == "float32"),
        }
        call = self.call("cast", fields, Place(x), Place(output), header="edge_ends.h")
        return Lowered((call,))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0, _FROM), op.output(types=_TO)
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    return Cast([x], output, op.source)


OPS = (OpRule("CAST", 6, _read, limits="not from float"),)
