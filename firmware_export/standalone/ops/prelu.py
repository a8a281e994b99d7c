"""PRELU: a slope per item below 0."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Prelu(ir.Pairwise):
    """inputs: x, slopes."""

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        x = a.astype(np.int64) - self.inputs[0].zero_point
        slope = b.astype(np.int64) - self.inputs[1].zero_point
        above, below = self._multipliers()
        scaled = np.where(x >= 0, rescale(x, *above), rescale(x * slope, *below))
        return np.clip(scaled + self.output.zero_point, -128, 127).astype(np.int8)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, slope = self.inputs
        above, below = self._multipliers()
        # Products have 16 bits and a sign, values 8; beyond this the reference overflows.
        self.check(
            above[1] <= 22 and below[1] <= 14,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "multiplier": above[0],
            "slope_multiplier": below[0],
            "shape": pairs.shape(self, self.inputs),
            "shift": -above[1],
            "slope_shift": -below[1],
            "x_zero_point": x.zero_point,
            "slope_zero_point": slope.zero_point,
            "zero_point": self.output.zero_point,
        }
        return pairs.repeated(self, "prelu", fields)

    def _multipliers(self) -> tuple[tuple[int, int], tuple[int, int]]:
        x, slope = (single(tensor.scale) for tensor in self.inputs)
        output = single(self.output.scale)
        return quantize_multiplier(x / output), quantize_multiplier(x * slope / output)


def _read(op: FileOp) -> ir.Op:
    x, slope, output = pairs.read(op)
    return Prelu([x, slope], output, op.source)


OPS = (OpRule("PRELU", 1, _read),)
