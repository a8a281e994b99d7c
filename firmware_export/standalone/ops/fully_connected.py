"""FULLY_CONNECTED."""

import dataclasses
import itertools

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.conv_2d import Conv2D
from firmware_export.standalone.ops.shared import fixed_point, pointwise, windows
from firmware_export.standalone.ops.shared.convolution import any_convolution
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling, Weighted, scaling_of
from firmware_export.standalone.target import KernelSet

# Channels that a kernel can take.
_MOST = 0xFFFF


@dataclasses.dataclass(eq=False)
class FullyConnected(Weighted):
    """inputs: x [..., depth], weights [out, depth], optional int32 bias [out]."""

    def multipliers(self, channels: int) -> tuple[list[int], list[int]]:
        """As for convolutions, but a single weight scale is multiplied in float32."""
        scales = self.inputs[1].scales
        if len(scales) > 1:
            return super().multipliers(channels)
        product = float(np.float32(self.inputs[0].scale) * np.float32(scales[0]))
        real = product / fixed_point.single(self.scaled.scale)
        return fixed_point.quantize_multipliers([real] * channels)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = self.weights.shape[1]
        rows = x.size // depth
        scaling = scaling_of(self, self.weights)
        if depth > _MOST:
            return self._as_image(rows, scaling, _window(self, depth))
        if scaling.is_plain:
            return pointwise.pointwise(self, pointwise.Row(1, rows), self.weights, scaling)
        return self._as_image(rows, scaling, (1, 1, depth))

    def _as_image(self, rows: int, scaling: Scaling, window: tuple[int, int, int]) -> Lowered:
        """A convolution of an image of windows [height, width, channels], one for each row of x."""
        x, channels = self.inputs[0], len(self.weights)
        height, width, depth = window
        image = Conv2D(
            [dataclasses.replace(x, shape=(rows, height, width, depth)), *self.inputs[1:]],
            dataclasses.replace(self.output, shape=(rows, 1, 1, channels)),
            self.source,
            low=self.low,
            high=self.high,
            table=self.table,
            before_table=self.before_table,
        )
        weights = self.weights.reshape(channels, *window)
        (call,) = any_convolution(image, weights, 1, scaling).calls
        return Lowered((dataclasses.replace(call, arguments=(Place(x), Place(self.output))),))


def _window(op: ir.Op, depth: int) -> tuple[int, int, int]:
    """Height, width and channels that have `depth` values and that the kernel can take."""
    for height, width in itertools.product(range(1, 256), range(1, 256)):
        if depth % (height * width) == 0 and depth // (height * width) <= _MOST:
            return height, width, depth // (height * width)
    op.check(False, op.inputs[0], f"has {depth} values per row, which do not fit a kernel")
    raise AssertionError


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 3)
    x, output = op.activation(0), op.output()
    weights = op.weights(1, 2)
    units, depth = weights.shape
    if op.option("weights_format"):
        op.fail("has shuffled weights", "convert without them; the plain format can be exported")
    op.require(
        x.size % depth == 0
        and output.size == x.size // depth * units
        and output.shape[-1:] == (units,),
        f"makes shape {output.shape} of {x.shape} and weights of {weights.shape}",
    )
    windows.check_channels(op, weights, axis=0)
    low, high = op.bounds(output)
    inputs = windows.with_bias(op, x, weights, units)
    return FullyConnected(inputs, output, op.source, low=low, high=high)


OPS = (OpRule("FULLY_CONNECTED", 13, _read, "FullyConnectedOptions"),)
