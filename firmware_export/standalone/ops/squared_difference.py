"""SQUARED_DIFFERENCE."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs, wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class SquaredDifference(ir.Pairwise):
    """The square of the difference."""

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        twice = self._twice_the_larger_scale()
        scaled = []
        for values, tensor in zip((a, b), self.inputs, strict=True):
            x = values.astype(np.int64) - tensor.zero_point
            by = quantize_multiplier(single(tensor.scale) / twice)
            scaled.append(rescale(x << self._bits, *by))
        square = (scaled[0] - scaled[1]) ** 2
        result = rescale(square, *self._multiplier()) + self.output.zero_point
        return np.clip(result, *self.output.limits).astype(self.output.dtype)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        multiplier, shift = self._multiplier()
        self.check(
            shift <= 30,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        if wide.is_wide(self.output):
            return self._wide(multiplier, shift)
        # The kernel's a is the input with the larger scale.
        order = (0, 1) if self.inputs[0].scale >= self.inputs[1].scale else (1, 0)
        first, second = (self.inputs[index] for index in order)
        real = single(second.scale) / self._twice_the_larger_scale()
        b_multiplier, b_shift = pairs.at_most_half(*quantize_multiplier(real))
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

    def _wide(self, multiplier: int, shift: int) -> Lowered:
        twice = self._twice_the_larger_scale()
        by = [quantize_multiplier(single(tensor.scale) / twice) for tensor in self.inputs]
        fields: dict[str, Field] = {
            "a_multiplier": by[0][0],
            "b_multiplier": by[1][0],
            "multiplier": multiplier,
            "shape": pairs.shape(self, self.inputs),
            "a_shift": -by[0][1],
            "b_shift": -by[1][1],
            "shift": -shift,
        }
        return wide.pair(self, "wide_squared_difference", fields)

    @property
    def _bits(self) -> int:
        """Left shift of the inputs."""
        return 0 if wide.is_wide(self.output) else 7

    def _twice_the_larger_scale(self) -> float:
        return 2.0 * max(single(tensor.scale) for tensor in self.inputs)

    def _multiplier(self) -> tuple[int, int]:
        """Of the square."""
        twice = self._twice_the_larger_scale()
        return quantize_multiplier(
            twice * twice / ((1 << 2 * self._bits) * single(self.output.scale))
        )


def _read(op: FileOp) -> ir.Op:
    a, b, output = pairs.read(op, WEIGHTED)
    return SquaredDifference([a, b], output, op.source)


OPS = (OpRule("SQUARED_DIFFERENCE", 2, _read),)
