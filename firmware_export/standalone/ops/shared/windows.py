"""Reading ops that slide a window over an image."""

import dataclasses
from collections.abc import Collection

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.shared.file_op import FileOp

_SAME, _VALID = range(2)
_MAX_STEP = 1 << 15


@dataclasses.dataclass(frozen=True)
class Slide:
    """How a window slides over an image: each (vertical, horizontal).

    Attributes:
      padding: (top, left).
      bounds: (low, high) of the output.
    """

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    bounds: tuple[int, int]


def images(op: FileOp, types: Collection[str], position: int = 0) -> tuple[ir.Tensor, ir.Tensor]:
    """The input at a position and the output, of the same type."""
    x = op.activation(position, types)
    output = op.output(types=(x.dtype,))
    for what, tensor in (("reads", x), ("writes", output)):
        op.require(
            len(tensor.shape) == 4,
            f"{what} a tensor of shape {tensor.shape}, which is not an image",
        )
    op.check_symmetric(x, output)
    return x, output


def check_channels(op: FileOp, weights: ir.Tensor, axis: int) -> None:
    if len(weights.scales) > 1:
        op.require(
            weights.channel_axis == axis,
            f"has weights with scales along dimension {weights.channel_axis}",
        )
    if not all(scale > 0 for scale in weights.scales):
        op.damaged("has weights with a scale of 0")


def with_bias(
    op: FileOp, x: ir.Tensor, weights: ir.Tensor, channels: int, position: int = 2
) -> list[ir.Tensor]:
    bias = op.bias(position, channels, op.bias_types(x))
    return [x, weights] if bias is None else [x, weights, bias]


def slide(op: FileOp, x: ir.Tensor, output: ir.Tensor, window: tuple[int, int]) -> Slide:
    """How a window slides; the output's shape must match."""
    stride = (op.option("stride_h"), op.option("stride_w"))
    dilation = (op.option("dilation_h_factor", 1), op.option("dilation_w_factor", 1))
    for what, pair in (("stride", stride), ("dilation", dilation), ("window", window)):
        op.require(all(1 <= n <= _MAX_STEP for n in pair), f"has the {what} {pair}")
    mode = op.option("padding")
    op.require(mode in (_SAME, _VALID), f"has the padding number {mode}")
    padding, shape = [], []
    for axis in range(2):
        size, step = x.shape[1 + axis], stride[axis]
        extent = (window[axis] - 1) * dilation[axis] + 1
        count = -(-size // step) if mode == _SAME else (size - extent + step) // step
        shape.append(count)
        padding.append(max(0, (count - 1) * step + extent - size) // 2)
    op.require(
        (x.shape[0], *shape) == output.shape[:3] and min(shape) > 0,
        f"makes {output.shape} of {x.shape}, but stride and padding make {shape}",
    )
    return Slide(stride, dilation, (padding[0], padding[1]), op.bounds(output))
