"""TRANSPOSE_CONV."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared import wide, windows
from firmware_export.standalone.ops.shared.convolution import for_dsp, row_pitch
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.scaling import Weighted
from firmware_export.standalone.target import KernelSet

_SAME, _VALID = range(2)


@dataclasses.dataclass(eq=False)
class TransposeConv(Weighted):
    """inputs: x [n, h, w, c], weights [out, kh, kw, c], optional bias [out].

    Tap (ky, kx) of input pixel (y, x) adds to output pixel (y * stride + ky - padding, ...).

    Attributes:
      stride: (vertical, horizontal).
      padding: (top, left): rows and columns that are cut off.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, weights = self.inputs[0], self.weights
        if wide.is_wide(x):
            return wide.convolution(self, weights, self._geometry(), "wide_transpose_conv")
        multipliers, lefts = self.multipliers(len(weights))
        self.check(
            max(lefts) <= 30,
            self.output,
            f"has a scale of {self.output.scale:g}, too small",
            "calibrate on more varied data",
        )
        bias = np.zeros(len(weights), np.int32)
        if len(self.inputs) > 2:
            bias = self.inputs[2].constant
        flat = np.ascontiguousarray(weights).reshape(-1)
        fields: dict[str, Field] = {
            "weights": Array("weights", flat, weights.shape, self.inputs[1]),
            "bias": Array("bias", bias.astype(np.int32)),
            "multiplier": Array("multiplier", np.array(multipliers, np.int32)),
            "shift": Array("shift", (-np.array(lefts)).astype(np.int8)),
            "table": None if self.table is None else Array("table", self.table.astype(np.int8)),
            **self._geometry(),
            **for_dsp(),
        }
        places = (Place(x), Place(self.output))
        call = self.call("transpose_conv", fields, *places, struct="edge_convolution_t")
        return Lowered((call,))

    def multiply_adds(self) -> int:
        x = self.inputs[0]
        return x.size * (self.weights.size // x.shape[3])

    def _geometry(self) -> dict[str, Field]:
        x, output, window = self.inputs[0], self.output, self.weights.shape[1:3]
        self.check(
            max(*window, *self.stride) <= 0xFF and max(self.padding) <= 0xFFFF,
            self.inputs[1],
            f"has a window of {window} and strides of {self.stride}, the maximum is 255",
        )
        return {
            "in_row": row_pitch(x),
            "out_row": row_pitch(output),
            "batches": x.shape[0],
            "in_height": x.shape[1],
            "in_width": x.shape[2],
            "in_channels": x.shape[3],
            "out_height": output.shape[1],
            "out_width": output.shape[2],
            "out_channels": output.shape[3],
            "dilation_y": 1,
            "dilation_x": 1,
            "pad_top": self.padding[0],
            "pad_left": self.padding[1],
            "groups": 1,
            "kernel_height": window[0],
            "kernel_width": window[1],
            "stride_y": self.stride[0],
            "stride_x": self.stride[1],
            "in_zero_point": x.zero_point,
            "zero_point": self.scaled.zero_point,
            "low": self.low,
            "high": self.high,
        }


def _read(op: FileOp) -> ir.Op:
    """Takes the output's shape from the file, not from input 0, as TFLite Micro does."""
    op.check_counts(3, 4)
    x, output = windows.images(op, WEIGHTED, position=2)
    weights = op.weights(1, 4)
    channels, *window, depth = weights.shape
    op.require(
        x.shape[3] == depth and output.shape[3] == channels and x.shape[0] == output.shape[0],
        f"makes {output.shape} of {x.shape} with weights of shape {weights.shape}",
    )
    windows.check_channels(op, weights, axis=0)
    stride = (op.option("stride_h"), op.option("stride_w"))
    op.require(min(stride) >= 1, f"has the stride {stride}")
    mode = op.option("padding")
    op.require(mode in (_SAME, _VALID), f"has the padding number {mode}")
    padding = []
    for size, step, extent in zip(output.shape[1:3], stride, window, strict=True):
        count = -(-size // step) if mode == _SAME else (size - extent + step) // step
        padding.append(max(0, (count - 1) * step + extent - size) // 2)
    low, high = op.bounds(output)
    return TransposeConv(
        windows.with_bias(op, x, weights, channels, position=3),
        output,
        op.source,
        low=low,
        high=high,
        stride=stride,
        padding=(padding[0], padding[1]),
    )


OPS = (
    OpRule(
        "TRANSPOSE_CONV",
        5,
        _read,
        "TransposeConvOptions",
        limits="windows and strides up to 255",
    ),
)
