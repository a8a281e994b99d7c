"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over any axes."""

import dataclasses
import math

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet

# Axes that the kernels combine; they keep one more.
_AXES = 3


@dataclasses.dataclass(eq=False)
class Mean(ir.Op):
    """inputs: x. axes are positive and sorted; the output may keep them or not.

    Attributes:
      axes: those that are combined.
      is_sum: the sum, not the mean.
    """

    axes: tuple[int, ...] = ()
    is_sum: bool = False

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        count = math.prod(x.shape[axis] for axis in self.axes)
        multiplier, shift = quantize_multiplier(single(x.scale) / single(output.scale))
        if not self.is_sum:
            multiplier, shift = _divided(multiplier, shift, count)
        self.check(
            255 * count << max(shift, 0) < 1 << 30,
            output,
            f"has a scale of {output.scale:g}, too small compared with the input's {x.scale:g}",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "offset": -x.zero_point * count,
            "multiplier": multiplier,
            "axes": _extents(x.shape, self.axes),
            "shift": -shift,
            "zero_point": output.zero_point,
        }
        return Lowered((self.call("mean", fields, Place(x), Place(output)),))


@dataclasses.dataclass(eq=False)
class Extreme(ir.Op):
    """inputs: x. The largest item, or the smallest, along `axes`, as of Mean."""

    axes: tuple[int, ...] = ()
    is_largest: bool = True

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        kernel, x = "maximum" if self.is_largest else "minimum", self.inputs[0]
        fields = _extents(x.shape, self.axes)
        places = (Place(x), Place(self.output))
        return Lowered((self.call(kernel, fields, *places, struct="edge_axes_t"),))


def _extents(shape: tuple[int, ...], axes: tuple[int, ...]) -> dict[str, Field]:
    """Members of edge_axes_t; adjacent axes of one kind are joined.

    Alternating, the six axes of a tensor have room in any case.
    """
    sizes = [1]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        if len(sizes) % 2 == (axis in axes):
            sizes.append(1)
        sizes[-1] *= size
    sizes += [1] * (len(sizes) % 2 == 0)
    # What is combined belongs in the kernel's inner loop.
    sizes = [1] * (2 * _AXES + 1 - len(sizes)) + sizes
    return {"kept": sizes[::2], "reduced": sizes[1::2]}


def _divided(multiplier: int, shift: int, count: int) -> tuple[int, int]:
    """Multiplier and shift that turn the sum of `count` items into a mean."""
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x, output = op.activation(0), op.output()
    axes = op.axes(1, len(x.shape))
    keep = bool(op.option("keep_dims", False))
    shape = tuple(
        1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes
    )
    op.require(shape == output.shape, f"makes {output.shape} of {x.shape} along {axes}")
    name = op.info.name
    if name in ("MEAN", "SUM"):
        return Mean([x], output, op.source, axes=axes, is_sum=name == "SUM")
    op.same_quantization(x, output)
    return Extreme([x], output, op.source, axes=axes, is_largest=name == "REDUCE_MAX")


OPS = tuple(
    OpRule(name, 3, _read, "ReducerOptions") for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
)
