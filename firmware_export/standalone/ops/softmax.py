"""SOFTMAX."""

import dataclasses
import math

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared.exponentials import Differences
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Softmax(ir.Op):
    """inputs: x, over the last axis."""

    beta: float = 1.0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = x.shape[-1]
        try:
            exps = Differences(x.scale, self.beta).exps()
        except ValueError as error:
            raise ExportError(f"{self.source}: '{x.name}': {error}") from None
        # 4096 equal inputs make the reference's sum overflow.
        self.check(depth < 4096, x, f"has {depth} items in its last axis", "the maximum is 4095")
        fields: dict[str, Field] = {
            "exps": Array("exps", exps),
            "rows": x.size // depth,
            "depth": depth,
            "exps_size": len(exps),
        }
        call = self.call("softmax", fields, Place(x), Place(self.output))
        return Lowered((call,), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape and x.shape, f"makes {output.shape} of {x.shape}")
    if (output.scale, output.zero_point) != (1 / 256, -128):
        op.fail(
            f"has the output scale {output.scale:g} and zero point {output.zero_point}",
            "TFLite Micro requires 1/256 and -128: convert the model again",
        )
    beta = op.option("beta", 0.0)
    op.require(math.isfinite(beta) and beta > 0, f"has the factor {beta}")
    return Softmax([x], output, op.source, beta=beta)


OPS = (OpRule("SOFTMAX", 3, _read, "SoftmaxOptions"),)
