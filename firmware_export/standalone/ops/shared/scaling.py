"""Ops that sum products with weights, and the scaling of their sums to outputs."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field
from firmware_export.standalone.ops.shared import fixed_point

# The largest shift that the fast kernels accept.
_MAX_SHIFT = 22
# What `is_positive` of edge_pointwise_t promises.
_MAX_POSITIVE_SHIFT, _POSITIVE_BITS = 14, 15
# Larger sums may keep all channels of an op from the fastest kernels.
_USUAL_BITS = 23


@dataclasses.dataclass(eq=False)
class Weighted(ir.WithTable):
    """inputs: x, int8 weights, optional bias [output channels].

    Biases are int32. If x is int16, its zero point is 0, and biases are int64 or int32.

    Attributes:
      narrow_without_bias: whether sums of int16 have 32 bits although there is no int32 bias.
    """

    narrow_without_bias: bool = False

    @property
    def weights(self) -> np.ndarray:
        return self.inputs[1].constant

    def multiply_adds(self) -> int:
        channels = self.output.shape[-1]
        return self.output.size * (self.weights.size // channels)

    @property
    def sums_are_narrow(self) -> bool:
        """Whether sums of products with int16 have 32 bits, not 64."""
        if len(self.inputs) > 2:
            return self.inputs[2].dtype == "int32"
        return self.narrow_without_bias

    @property
    def scaled(self) -> ir.Tensor:
        """The tensor to whose scale and zero point accumulators are scaled."""
        return self.output if self.before_table is None else self.before_table

    def multipliers(self, channels: int) -> tuple[list[int], list[int]]:
        """Multipliers and left shifts of the output channels."""
        given, result = fixed_point.single(self.inputs[0].scale), self.scaled.scale
        scales = list(self.inputs[1].scales)
        scales = scales if len(scales) > 1 else scales * channels
        return fixed_point.quantize_multipliers(
            [given * fixed_point.single(s) / fixed_point.single(result) for s in scales]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Scaling:
    """Scaling of accumulators to outputs, per output channel.

    Attributes:
      bias: as in the model, int64.
      folded: with the input's zero point folded in.
      multiplier, shift: the shift is a right shift.
      constant: channels whose output is the same for all inputs; bias and scaling give it without
        the weights, which count as 0.
      wild: channels whose accumulators or shifts the fast kernels do not accept.
      furthest: an accumulator is at most so far from 0, int64.
      weights: the file's constant.
    """

    bias: np.ndarray
    folded: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    constant: np.ndarray
    wild: np.ndarray
    furthest: np.ndarray
    weights: ir.Tensor

    @property
    def is_plain(self) -> bool:
        """Whether the fast kernels accept all channels."""
        return not self.wild.any()

    def is_positive(self, zero_point: int) -> bool:
        """Whether results below 0 do not matter, and fit a word with 15 fractional bits."""
        fits = self.furthest < 1 << _POSITIVE_BITS + self.shift
        return zero_point == -128 and bool((fits & (self.shift <= _MAX_POSITIVE_SHIFT)).all())

    def tamed(self) -> "Scaling | None":
        """The same with constants instead of the wild channels; None if most are wild."""
        if 2 * self.wild.sum() > len(self.wild):
            return None
        return dataclasses.replace(
            self,
            bias=np.where(self.wild, 0, self.bias),
            folded=np.where(self.wild, 0, self.folded),
            multiplier=np.where(self.wild, 0, self.multiplier),
            shift=np.where(self.wild, 1, self.shift),
            constant=self.constant | self.wild,
            wild=np.zeros_like(self.wild),
            furthest=np.where(self.wild, 0, self.furthest),
        )

    def all_wild(self) -> "Scaling":
        """For ops that are too large for the fast kernels."""
        return dataclasses.replace(self, wild=np.ones_like(self.wild))

    def of_wild(self) -> "Scaling":
        """That of the wild channels alone."""
        names = ("bias", "folded", "multiplier", "shift", "constant", "wild", "furthest")
        return dataclasses.replace(self, **{name: getattr(self, name)[self.wild] for name in names})

    def without_constant(self, weights: np.ndarray, axis: int) -> np.ndarray:
        """Weights with zeros for the constant channels.

        Args:
          weights: of all channels.
          axis: of the output channels.
        """
        shape = [1] * weights.ndim
        shape[axis] = -1
        return np.where(self.constant.reshape(shape), 0, weights)

    def fields(
        self, weights: np.ndarray, table: np.ndarray | None, axis: int = 0
    ) -> dict[str, Field]:
        """Members that all kernels have; `axis` of the weights is that of the output channels."""
        weights = self.without_constant(weights, axis)
        return {
            "weights": Array(
                "weights",
                np.ascontiguousarray(weights, np.int8).reshape(-1),
                weights.shape,
                self.weights,
            ),
            "bias": Array("bias", (self.folded if self.is_plain else self.bias).astype(np.int32)),
            "multiplier": Array("multiplier", self.multiplier.astype(np.int32)),
            "shift": Array("shift", self.shift.astype(np.int8)),
            "table": None if table is None else Array("table", table.astype(np.int8)),
        }


def scaling_of(op: Weighted, weights: np.ndarray) -> Scaling:
    """weights: [output channels, weights per output]."""
    x, output = op.inputs[0], op.scaled
    channels = len(weights)
    multipliers, lefts = op.multipliers(channels)
    multiplier, shift = np.array(multipliers, np.int64), -np.array(lefts, np.int64)
    op.check(
        shift.min() >= -31,
        output,
        f"has a scale of {output.scale:g}, too small compared with the input's {x.scale:g}",
    )
    shift[multiplier == 0] = 1
    bias = np.zeros(channels, np.int64)
    if len(op.inputs) > 2:
        bias = op.inputs[2].constant.astype(np.int64)
    wide = weights.astype(np.int64)
    # Any partial sum, of inputs with or without their zero point, stays below this.
    most = np.abs(bias) + 256 * np.abs(wide).sum(axis=1)
    folded = bias - x.zero_point * wide.sum(axis=1)
    ends = np.stack([-128 * wide, 127 * wide])
    least, largest = folded + ends.min(axis=0).sum(axis=1), folded + ends.max(axis=0).sum(axis=1)
    constant = np.zeros(channels, bool)
    is_unusual = (shift < 1) | (shift > _MAX_POSITIVE_SHIFT) | (most >= 1 << _USUAL_BITS)
    for o in np.flatnonzero(is_unusual):
        # Scaling is monotonic, unless a sum or what it is shifted to wraps.
        most_shifted = max(abs(least[o]), abs(largest[o])) << max(0, -int(shift[o]))
        if most_shifted >= 1 << 31 and least[o] != largest[o]:
            continue
        outputs = {_output(op, end, multiplier[o], shift[o]) for end in (least[o], largest[o])}
        if len(outputs) == 1:
            bias[o], multiplier[o], shift[o] = 4 * (outputs.pop() - output.zero_point), 1 << 30, 1
            folded[o] = least[o] = largest[o] = most[o] = bias[o]
            constant[o] = True
    wild = (most >= 1 << 30) | (shift < 1) | (shift > _MAX_SHIFT)
    furthest = np.maximum(np.abs(least), np.abs(largest))
    return Scaling(bias, folded, multiplier, shift, constant, wild, furthest, op.inputs[1])


def _output(op: Weighted, total: int, multiplier: int, shift: int) -> int:
    """The output for a sum, clamped."""
    scaled = int(fixed_point.rescale(np.array(total), int(multiplier), -int(shift)))
    return min(max(scaled + op.scaled.zero_point, op.low), op.high)
