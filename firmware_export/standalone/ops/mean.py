"""MEAN over any axes."""

import dataclasses
import math

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Mean(ir.Op):
    """inputs: x. axes are positive and sorted; the output may keep them or not."""

    axes: tuple[int, ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        count = math.prod(x.shape[axis] for axis in self.axes)
        multiplier, shift = _multiplier(x.scale, output.scale, count)
        self.check(
            255 * count << max(shift, 0) < 1 << 30,
            output,
            f"has a scale of {output.scale:g}, too small compared with the input's {x.scale:g}",
            "calibrate on more varied data",
        )
        kept, reduced = self._extents()
        fields: dict[str, Field] = {
            "offset": -x.zero_point * count,
            "multiplier": multiplier,
            "kept": kept,
            "reduced": reduced,
            "shift": -shift,
            "zero_point": output.zero_point,
        }
        return Lowered((self.call("mean", fields, Place(x), Place(output)),))

    def _extents(self) -> tuple[list[int], list[int]]:
        """Sizes of kept, reduced, kept, reduced, kept; adjacent axes of one kind are joined."""
        x = self.inputs[0]
        sizes = [1]
        for axis, size in enumerate(x.shape):
            if size == 1:
                continue
            if len(sizes) % 2 == (axis in self.axes):
                sizes.append(1)
            sizes[-1] *= size
        self.check(
            len(sizes) <= 5 and max(sizes) <= 0xFFFF,
            x,
            f"has shape {x.shape} and is averaged along {self.axes}",
            "transpose so that averaged axes are adjacent",
        )
        if len(sizes) <= 3:
            # The averaged axis belongs in the kernel's inner loop.
            sizes = [1, 1, *sizes]
        sizes += [1] * (5 - len(sizes))
        return sizes[::2], sizes[1::2]


def _multiplier(input_scale: float, output_scale: float, count: int) -> tuple[int, int]:
    """Multiplier and shift that turn the sum of `count` items into a mean."""
    multiplier, shift = quantize_multiplier(single(input_scale) / single(output_scale))
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
    return Mean([x], output, op.source, axes=axes)


OPS = (OpRule("MEAN", 3, _read, "ReducerOptions"),)
