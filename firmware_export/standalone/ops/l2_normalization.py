"""L2_NORMALIZATION over the last axis."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import NO_ACTIVATION, FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class L2Normalization(ir.Op):
    """inputs: x, whose last axis has items that are divided by their norm."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = x.shape[-1]
        # Squares of up to 255 are summed in 32 bits.
        most = ((1 << 31) - 1) // 255**2
        self.check(depth <= most, x, f"has {depth} items in its last axis", f"at most {most} work")
        fields: dict[str, Field] = {
            "rows": x.size // depth,
            "depth": depth,
            "in_zero_point": x.zero_point,
        }
        places = (Place(x), Place(self.output))
        header = "edge_l2_normalization.h"
        return Lowered((self.call("l2_normalization", fields, *places, header=header),), (0,))

    def runs_by_rows(self) -> bool:
        return True


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape and x.shape, f"makes {output.shape} of {x.shape}")
    if op.option("fused_activation_function") != NO_ACTIVATION:
        op.fail("has a fused activation", "put the activation into a separate op")
    return L2Normalization([x], output, op.source)


OPS = (OpRule("L2_NORMALIZATION", 2, _read, "L2NormOptions", limits="no fused activation"),)
