"""LOG_SOFTMAX over the last axis."""

import dataclasses

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared.exponentials import Differences
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class LogSoftmax(ir.Op):
    """inputs: x, over the last axis."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = x.shape[-1]
        try:
            differences = Differences(x.scale, 1.0)
        except ValueError as error:
            raise ExportError(f"{self.source}: '{x.name}': {error}") from None
        multiplier, left = differences.multiplier, differences.shift
        back = (1 << (31 - left)) / multiplier if left else 1.0
        self.check(
            back < 1,
            x,
            f"has a scale of {x.scale:g}, too small for LOG_SOFTMAX in TFLite Micro",
            "calibrate on more varied data",
        )
        divisor, right = quantize_multiplier(back)
        # 4096 equal inputs make the reference's sum overflow.
        self.check(depth < 4096, x, f"has {depth} items in its last axis", "the maximum is 4095")
        exps = differences.exps()
        fields: dict[str, Field] = {
            "exps": Array("exps", exps),
            "multiplier": multiplier,
            "divisor": divisor,
            "rows": x.size // depth,
            "depth": depth,
            "exps_size": len(exps),
            "reach": min(differences.reach, 255) + 1,
            "left": left,
            "right": -right,
        }
        places, header = (Place(x), Place(self.output)), "edge_log_softmax.h"
        return Lowered((self.call("log_softmax", fields, *places, header=header),), (0,))

    def runs_by_rows(self) -> bool:
        return True


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0), op.output()
    op.require(x.shape == output.shape and x.shape, f"makes {output.shape} of {x.shape}")
    if (output.scale, output.zero_point) != (1 / 16, 127):
        op.fail(
            f"has the output scale {output.scale:g} and zero point {output.zero_point}",
            "TFLite Micro requires 1/16 and 127: convert the model again",
        )
    return LogSoftmax([x], output, op.source)


OPS = (OpRule("LOG_SOFTMAX", 2, _read),)
