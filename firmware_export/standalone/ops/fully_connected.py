"""FULLY_CONNECTED."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.conv_2d import Conv2D
from firmware_export.standalone.ops.shared import fixed_point, pointwise, windows
from firmware_export.standalone.ops.shared.convolution import any_convolution, split
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling, Weighted, scaling_of
from firmware_export.standalone.target import KernelSet


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
        channels, depth = self.weights.shape
        rows = x.size // depth
        self.check(max(channels, depth) <= 0xFFFF, x, f"has {depth} inputs and {channels} outputs")
        scaling = scaling_of(self, self.weights)
        if scaling.is_plain:
            return pointwise.pointwise(self, pointwise.Row(1, rows), self.weights, scaling, kernels)
        self.check(rows <= 0xFFFF, x, f"has {rows} rows")
        slow = self._as_image(rows, scaling)
        tamed = scaling.tamed()
        if tamed is None:
            return slow
        row = pointwise.Row(1, rows)
        return split(pointwise.pointwise(self, row, self.weights, tamed, kernels), slow)

    def _as_image(self, rows: int, scaling: Scaling) -> Lowered:
        """A convolution of an image with one row; its pixels are the rows of x."""
        x = self.inputs[0]
        channels, depth = self.weights.shape
        image = Conv2D(
            [dataclasses.replace(x, shape=(1, 1, rows, depth)), *self.inputs[1:]],
            dataclasses.replace(self.output, shape=(1, 1, rows, channels)),
            self.source,
            low=self.low,
            high=self.high,
            table=self.table,
            before_table=self.before_table,
        )
        (call,) = any_convolution(image, self.weights[:, np.newaxis, np.newaxis], 1, scaling).calls
        return Lowered((dataclasses.replace(call, arguments=(Place(x), Place(self.output))),))


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
