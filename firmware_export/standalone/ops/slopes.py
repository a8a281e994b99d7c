"""Functions of int16 that are linear above and below 0; modules that read them make it."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import wide
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()

# Of values of 16 bits, so that they keep within 31.
_MAX_LEFT = 15


@dataclasses.dataclass(eq=False)
class Slopes(ir.Bounded):
    """inputs: x, int16. The output, int16, is x times `above`, or from 0 down times `below`.

    Attributes:
      above: from 0 up, as the quotient of steps; not negative.
      below: may be negative.
    """

    above: float = 1.0
    below: float = 1.0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        multiplier, shift = quantize_multiplier(self.above)
        below, below_shift = quantize_multiplier(abs(self.below))
        self.check(
            max(shift, below_shift) <= _MAX_LEFT,
            self.output,
            f"has a scale of {self.output.scale:g}, too small for 32 bits",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "multiplier": multiplier,
            "below_multiplier": below,
            "size": self.output.size,
            "shift": -shift,
            "below_shift": -below_shift,
            "below_sign": -1 if self.below < 0 else 1,
            "low": self.low,
            "high": self.high,
        }
        return Lowered((wide.call(self, "wide_slopes", fields),), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True


def read(
    op: FileOp, below: float = 1.0, low: int = -(1 << 15), high: int = (1 << 15) - 1
) -> Slopes:
    """Reads an op on int16; `below` is its slope from 0 down, relative to the one above."""
    op.check_counts(1, 1)
    x, output = op.activation(0, ("int16",)), op.output(types=("int16",))
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    op.check_symmetric(x, output)
    given, result = single(x.scale), single(output.scale)
    slope = given * single(below) / result
    return Slopes([x], output, op.source, low=low, high=high, above=given / result, below=slope)
