"""DEPTHWISE_CONV_2D."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.ops.shared import wide, windows
from firmware_export.standalone.ops.shared.convolution import Convolution, geometry
from firmware_export.standalone.ops.shared.depthwise import depthwise
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling, scaling_of
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Depthwise(Convolution):
    """weights: [1, kh, kw, c * multiplier]."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        if wide.is_wide(self.output):
            weights = np.moveaxis(self.weights[0], -1, 0)[..., np.newaxis]
            groups = self.inputs[0].shape[3]
            return wide.convolution(self, weights, geometry(self, weights.shape[1:3], groups))
        return depthwise(self, self.weights[0], kernels)

    def scaling(self) -> Scaling:
        return scaling_of(self, self.weights.reshape(-1, self.weights.shape[3]).T)


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 3)
    x, output = windows.images(op, WEIGHTED)
    weights = op.weights(1, 4)
    batch, height, width, out_channels = weights.shape
    multiplier = op.option("depth_multiplier")
    op.require(
        batch == 1 and out_channels == x.shape[3] * multiplier and out_channels == output.shape[3],
        f"has {x.shape[3]} channels, {output.shape[3]} output channels, the depth multiplier "
        f"{multiplier} and weights of shape {weights.shape}",
    )
    windows.check_channels(op, weights, axis=3)
    inputs = windows.with_bias(op, x, weights, out_channels)
    slide = windows.slide(op, x, output, (height, width))
    return Depthwise(
        inputs,
        output,
        op.source,
        stride=slide.stride,
        dilation=slide.dilation,
        padding=slide.padding,
        low=slide.bounds[0],
        high=slide.bounds[1],
    )


OPS = (
    OpRule(
        "DEPTHWISE_CONV_2D",
        7,
        _read,
        "DepthwiseConv2DOptions",
        limits="windows and strides up to 255",
    ),
)
