"""CONV_2D."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.ops.shared import pointwise, wide, windows
from firmware_export.standalone.ops.shared.convolution import (
    Convolution,
    any_convolution,
    geometry,
    of_file,
    split,
    window_convolution,
)
from firmware_export.standalone.ops.shared.depthwise import depthwise
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Scaling, scaling_of
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Conv2D(Convolution):
    """weights: [out, kh, kw, c / groups]."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        weights = self.weights
        groups = self.inputs[0].shape[3] // weights.shape[3]
        if wide.is_wide(self.output):
            return wide.convolution(self, weights, geometry(self, weights.shape[1:3], groups))
        if groups > 1 and weights.shape[3] == 1:
            return depthwise(self, np.moveaxis(weights[..., 0], 0, -1), kernels)
        scaling = scaling_of(self, weights.reshape(weights.shape[0], -1))
        if weights[0].size > 0xFFFF:
            scaling = scaling.all_wild()
        return split(
            scaling,
            lambda plain: self._fast(groups, plain, kernels),
            lambda wild: any_convolution(self, weights, groups, wild),
        )

    def _fast(self, groups: int, scaling: Scaling, kernels: KernelSet) -> Lowered:
        weights = self.weights
        if groups == 1 and self._is_pointwise():
            x, output = self.inputs[0], self.output
            row = pointwise.Row(x.shape[0] * x.shape[1], x.shape[2], x.pitch, output.pitch)
            flat = weights.reshape(weights.shape[0], -1)
            return pointwise.pointwise(self, row, flat, scaling, kernels)
        return window_convolution(self, weights, groups, scaling, kernels)

    def _is_pointwise(self) -> bool:
        return (
            self.weights.shape[1:3] == (1, 1)
            and self.stride == (1, 1)
            and self.padding == (0, 0)
            and self.inputs[0].shape[:3] == self.output.shape[:3]
            and max(self.weights.shape) <= 0xFFFF
        )


def _read(op: FileOp) -> ir.Op:
    op.check_counts(2, 3)
    x, output = windows.images(op, WEIGHTED)
    weights = op.weights(1, 4)
    out_channels, _, _, depth = weights.shape
    groups = x.shape[3] // depth
    op.require(
        x.shape[3] % depth == 0 and out_channels % groups == 0,
        f"has {x.shape[3]} channels and weights of shape {weights.shape}",
    )
    op.require(output.shape[3] == out_channels, f"writes {output.shape[3]} channels")
    made = of_file(Conv2D, op, x, output, weights, axis=0)
    made.narrow_without_bias = op.sums_are_narrow()
    return made


OPS = (OpRule("CONV_2D", 8, _read, "Conv2DOptions", limits="windows and strides up to 255"),)
