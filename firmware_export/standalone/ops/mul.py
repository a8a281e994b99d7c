"""MUL."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs, wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Mul(ir.Pairwise, ir.Bounded):
    """Product."""

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        x = a.astype(np.int64) - self.inputs[0].zero_point
        y = b.astype(np.int64) - self.inputs[1].zero_point
        result = rescale(x * y, *self._multiplier()) + self.output.zero_point
        return np.clip(result, self.low, self.high).astype(self.output.dtype)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        a, b = self.inputs
        multiplier, shift = self._multiplier()
        if wide.is_wide(self.output):
            return self._wide(multiplier, shift)
        # Products have 16 bits and a sign; beyond this the reference overflows.
        self.check(
            shift <= 14,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "multiplier": multiplier,
            "size": self.output.size,
            "shift": -shift,
            "a_zero_point": a.zero_point,
            "b_zero_point": b.zero_point,
            "zero_point": self.output.zero_point,
            "low": self.low,
            "high": self.high,
        }
        return pairs.lower(self, "mul", fields)

    def _wide(self, multiplier: int, shift: int) -> Lowered:
        self.check(
            shift <= 0,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "multiplier": multiplier,
            "shape": pairs.shape(self, self.inputs),
            "shift": -shift,
            "low": self.low,
            "high": self.high,
        }
        return wide.pair(self, "wide_mul", fields)

    def _multiplier(self) -> tuple[int, int]:
        a, b = (single(tensor.scale) for tensor in self.inputs)
        return quantize_multiplier(a * b / single(self.output.scale))


def _read(op: FileOp) -> ir.Op:
    a, b, output = pairs.read(op, WEIGHTED)
    low, high = op.bounds(output)
    return Mul([a, b], output, op.source, low=low, high=high)


OPS = (OpRule("MUL", 7, _read, "MulOptions"),)
