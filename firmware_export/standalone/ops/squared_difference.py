"""SQUARED_DIFFERENCE."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale, single
from firmware_export.standalone.target import KernelSet

# Left shift of the inputs.
_BITS = 7


@dataclasses.dataclass(eq=False)
class SquaredDifference(ir.Pairwise):
    """The square of the difference."""

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        twice = self._twice_the_larger_scale()
        scaled = []
        for values, tensor in zip((a, b), self.inputs, strict=True):
            x = values.astype(np.int64) - tensor.zero_point
            by = quantize_multiplier(single(tensor.scale) / twice)
            scaled.append(rescale(x << _BITS, *by))
        square = (scaled[0] - scaled[1]) ** 2
        result = rescale(square, *self._multiplier()) + self.output.zero_point
        return np.clip(result, -128, 127).astype(np.int8)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        # The kernel's a is the input with the larger scale.
        order = (0, 1) if self.inputs[0].scale >= self.inputs[1].scale else (1, 0)
        first, second = (self.inputs[index] for index in order)
        real = single(second.scale) / self._twice_the_larger_scale()
        b_multiplier, b_shift = pairs.at_most_half(*quantize_multiplier(real))
        multiplier, shift = self._multiplier()
        self.check(
            shift <= 30,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "b_multiplier": b_multiplier,
            "multiplier": multiplier,
            "shape": pairs.shape(self, (first, second)),
            "b_shift": b_shift,
            "shift": -shift,
            "a_zero_point": first.zero_point,
            "b_zero_point": second.zero_point,
            "zero_point": self.output.zero_point,
        }
        return pairs.repeated(self, "squared_difference", fields, order)

    def _twice_the_larger_scale(self) -> float:
        return 2.0 * max(single(tensor.scale) for tensor in self.inputs)

    def _multiplier(self) -> tuple[int, int]:
        """Of the square."""
        twice = self._twice_the_larger_scale()
        return quantize_multiplier(twice * twice / ((1 << 2 * _BITS) * single(self.output.scale)))


def _read(op: FileOp) -> ir.Op:
    a, b, output = pairs.read(op)
    return SquaredDifference([a, b], output, op.source)


OPS = (OpRule("SQUARED_DIFFERENCE", 2, _read),)
