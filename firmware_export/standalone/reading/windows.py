"""Ops that slide a window over an image, and FULLY_CONNECTED."""

from firmware_export.standalone import ir
from firmware_export.standalone.reading.context import Op

_SAME, _VALID = range(2)
_MAX_STEP = 1 << 15


def convolution(op: Op) -> ir.Op:
    op.check_counts(2, 3)
    x, output = _image(op), _image_output(op)
    weights = op.weights(1, 4)
    out_channels, height, width, depth = weights.shape
    groups = x.shape[3] // depth
    op.require(
        x.shape[3] % depth == 0 and out_channels % groups == 0,
        f"has {x.shape[3]} channels and weights of shape {weights.shape}",
    )
    op.require(output.shape[3] == out_channels, f"writes {output.shape[3]} channels")
    _check_channels(op, weights, axis=0)
    return ir.Convolution(
        _with_bias(op, x, weights, out_channels),
        output,
        op.source,
        **_slide(op, x, output, (height, width)),
    )


def depthwise(op: Op) -> ir.Op:
    op.check_counts(2, 3)
    x, output = _image(op), _image_output(op)
    weights = op.weights(1, 4)
    batch, height, width, out_channels = weights.shape
    multiplier = op.option("depth_multiplier")
    op.require(
        batch == 1 and out_channels == x.shape[3] * multiplier and out_channels == output.shape[3],
        f"has {x.shape[3]} channels, {output.shape[3]} output channels, the depth multiplier "
        f"{multiplier} and weights of shape {weights.shape}",
    )
    _check_channels(op, weights, axis=3)
    return ir.Depthwise(
        _with_bias(op, x, weights, out_channels),
        output,
        op.source,
        **_slide(op, x, output, (height, width)),
    )


def fully_connected(op: Op) -> ir.Op:
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
        f"gives shape {output.shape} for {x.shape} and weights of {weights.shape}",
    )
    _check_channels(op, weights, axis=0)
    low, high = op.bounds(output)
    inputs = _with_bias(op, x, weights, units)
    return ir.FullyConnected(inputs, output, op.source, low=low, high=high)


def pool(op: Op) -> ir.Op:
    op.check_counts(1, 1)
    x, output = _image(op), _image_output(op)
    if x.zero_point != output.zero_point or abs(x.scale - output.scale) > 1e-6:
        op.same_quantization(x, output)
    op.require(x.shape[3] == output.shape[3], f"gives {output.shape} for {x.shape}")
    window = (op.option("filter_height"), op.option("filter_width"))
    slide = _slide(op, x, output, window)
    del slide["dilation"]
    kind = "average" if op.info.name == "AVERAGE_POOL_2D" else "max"
    return ir.Pool([x], output, op.source, kind=kind, window=window, **slide)


def _image(op: Op) -> ir.Tensor:
    x = op.activation(0)
    op.require(len(x.shape) == 4, f"reads a tensor of shape {x.shape}, which is no image")
    return x


def _image_output(op: Op) -> ir.Tensor:
    output = op.output()
    op.require(
        len(output.shape) == 4, f"writes a tensor of shape {output.shape}, which is no image"
    )
    return output


def _check_channels(op: Op, weights: ir.Tensor, axis: int) -> None:
    if len(weights.scales) > 1:
        op.require(
            weights.channel_axis == axis,
            f"has weights with a scale for each item of dimension {weights.channel_axis}",
        )
    if not all(scale > 0 for scale in weights.scales):
        op.damaged("has weights with a scale of 0")


def _with_bias(op: Op, x: ir.Tensor, weights: ir.Tensor, channels: int) -> list[ir.Tensor]:
    bias = op.bias(2, channels)
    return [x, weights] if bias is None else [x, weights, bias]


def _slide(op: Op, x: ir.Tensor, output: ir.Tensor, window: tuple[int, int]) -> dict:
    """Strides, dilation, padding and bounds; the output's shape must be what they give."""
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
        f"gives {output.shape} for {x.shape}, but stride and padding give {shape}",
    )
    low, high = op.bounds(output)
    return {
        "stride": stride,
        "dilation": dilation,
        "padding": (padding[0], padding[1]),
        "low": low,
        "high": high,
    }
