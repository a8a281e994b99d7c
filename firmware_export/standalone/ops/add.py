"""ADD and SUB."""

import dataclasses

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs, wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, rescale, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(frozen=True)
class _Scaling:
    """Scaling of the inputs, after a left shift, and of the output.

    Attributes:
      multipliers, shifts: of the two inputs; the larger scale has 2^30 and 0.
      multiplier, shift: of the output. Shifts are left shifts, so never positive.
    """

    multipliers: tuple[int, int]
    shifts: tuple[int, int]
    multiplier: int
    shift: int


@dataclasses.dataclass(eq=False)
class Add(ir.Pairwise, ir.Bounded):
    """Sum, or difference if `subtracts`."""

    subtracts: bool = False

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        scaling = self._scaling()
        x = a.astype(np.int64) - self.inputs[0].zero_point
        y = b.astype(np.int64) - self.inputs[1].zero_point
        x = rescale(x << self._bits, scaling.multipliers[0], scaling.shifts[0])
        y = rescale(y << self._bits, scaling.multipliers[1], scaling.shifts[1])
        total = x - y if self.subtracts else x + y
        result = rescale(total, scaling.multiplier, scaling.shift) + self.output.zero_point
        return np.clip(result, self.low, self.high).astype(self.output.dtype)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        # The kernel's a is the input with the larger scale.
        first, second = (0, 1) if self.inputs[0].scale >= self.inputs[1].scale else (1, 0)
        if wide.is_wide(self.output):
            return self._wide(first, second)
        return pairs.lower(self, "add", self._fields(first, second), (first, second))

    @property
    def _bits(self) -> int:
        """Left shift of the inputs."""
        return 15 if wide.is_wide(self.output) else 20

    def _wide(self, first: int, second: int) -> Lowered:
        fields = self._fields(first, second)
        shape = pairs.shape(self, (self.inputs[first], self.inputs[second]))
        names = ("b_shift", "shift", "a_sign", "b_sign", "low", "high")
        made: dict[str, Field] = {
            "b_multiplier": fields["b_multiplier"],
            "multiplier": fields["multiplier"],
            "shape": shape,
            **{name: fields[name] for name in names},
        }
        return wide.pair(self, "wide_add", made, (first, second))

    def _fields(self, first: int, second: int) -> dict[str, Field]:
        try:
            scaling = self._scaling()
        except ValueError as error:
            raise ExportError(f"{self.source}: '{self.output.name}': {error}") from None
        # The kernels shift right by at least 1. With a smaller shift, the outputs would be a
        # hundred thousand times finer than the inputs.
        self.check(
            scaling.shift < 0,
            self.output,
            f"has a scale of {self.output.scale:g}, too small compared with the inputs'",
            "calibrate on more varied data",
        )
        assert (scaling.multipliers[first], scaling.shifts[first]) == (1 << 30, 0)
        multiplier, shift = pairs.at_most_half(scaling.multipliers[second], scaling.shifts[second])
        signs = (1, -1 if self.subtracts else 1)
        return {
            "b_multiplier": multiplier,
            "multiplier": scaling.multiplier,
            "size": self.output.size,
            "b_shift": shift,
            "shift": -scaling.shift,
            "a_sign": signs[first],
            "b_sign": signs[second],
            "a_zero_point": self.inputs[first].zero_point,
            "b_zero_point": self.inputs[second].zero_point,
            "zero_point": self.output.zero_point,
            "low": self.low,
            "high": self.high,
        }

    def _scaling(self) -> _Scaling:
        scales = (self.inputs[0].scale, self.inputs[1].scale)
        output_scale = self.output.scale
        first, second, out = (single(scale) for scale in (*scales, output_scale))
        twice = 2 * max(first, second)
        reals = (first / twice, second / twice, twice / ((1 << self._bits) * out))
        if not all(0 < real < 1 for real in reals):
            raise ValueError(
                f"scales {scales[0]:g} and {scales[1]:g} have a sum of scale {output_scale:g}, "
                "which TFLite Micro rejects; calibrate on more varied data"
            )
        (m0, s0), (m1, s1), (m, s) = (quantize_multiplier(real) for real in reals)
        return _Scaling((m0, m1), (s0, s1), m, s)


def _read(op: FileOp) -> ir.Op:
    a, b, output = pairs.read(op, WEIGHTED)
    low, high = op.bounds(output)
    subtracts = op.info.name == "SUB"
    return Add([a, b], output, op.source, low=low, high=high, subtracts=subtracts)


OPS = (OpRule("ADD", 5, _read, "AddOptions"), OpRule("SUB", 5, _read, "SubOptions"))
