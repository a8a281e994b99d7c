"""Convolutions of any kind, and the calls that accept all of them."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar, TypeVar

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place, Scratch
from firmware_export.standalone.ops.shared import pointwise, row_progress, windows
from firmware_export.standalone.ops.shared.file_op import FileOp
from firmware_export.standalone.ops.shared.scaling import Scaling, Weighted
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Convolution(Weighted, ir.Windowed):
    """inputs: x [n, h, w, c], weights, optional int32 bias. `padding` counts zero points.

    Attributes:
      dilation: (vertical, horizontal).
    """

    dilation: tuple[int, int] = (1, 1)
    takes_gaps: ClassVar[bool] = True

    def vertical(self) -> tuple[int, int, int]:
        extent = (self.inputs[1].shape[1] - 1) * self.dilation[0] + 1
        return extent, self.stride[0], self.padding[0]

    def runs_by_rows(self) -> bool:
        """False if some row of the output depends only on padding."""
        extent, stride, before = self.vertical()
        last = (self.output.shape[1] - 1) * stride - before
        return before < extent and last < self.inputs[0].shape[1]


_Kind = TypeVar("_Kind", bound=Convolution)


def of_file(
    kind: type[_Kind], op: FileOp, x: ir.Tensor, output: ir.Tensor, weights: ir.Tensor, axis: int
) -> _Kind:
    """An op of the file with its bias, window, padding and bounds.

    Args:
      weights: output channels along `axis`; height and width along axes 1 and 2.
    """
    windows.check_channels(op, weights, axis)
    inputs = windows.with_bias(op, x, weights, weights.shape[axis])
    slide = windows.slide(op, x, output, weights.shape[1:3])
    return kind(inputs, output, op.source, dilation=slide.dilation, **slide.fields())


def window_convolution(
    op: Convolution, weights: np.ndarray, groups: int, scaling: Scaling, kernels: KernelSet
) -> Lowered:
    """A call that gathers the values under windows; weights as for `any_convolution`."""
    depth = weights[0].size
    gathered = {"portable": 0, "dsp": 2 * depth + _gathered(op, weights), "mve": 16}[kernels]
    call = op.call(
        "convolution",
        {
            **scaling.fields(weights, op.table),
            **members(op, weights.shape[1:3], groups, scaling.is_positive(op.scaled.zero_point)),
        },
        *(Place(op.inputs[0]), Place(op.output), Scratch()),
        sources=("convolution", "pointwise"),
        scratch=gathered + pointwise.scratch(depth, kernels),
    )
    return Lowered((call,), progress=row_progress.of(op))


def _gathered(op: Convolution, weights: np.ndarray) -> int:
    """Bytes under one window, or with one channel under a group, in the kernel for DSP."""
    height, width = weights.shape[1:3]
    if op.inputs[0].shape[3] > 1 or op.dilation[1] > 1 or width < 2 or width % 4 == 0:
        return int(weights[0].size)
    return int(height * ((pointwise.WIDE_GROUP - 1) * op.stride[1] + width))


def any_convolution(op: Convolution, weights: np.ndarray, groups: int, scaling: Scaling) -> Lowered:
    """A call for accumulators and shifts of any size, of the channels that need it.

    Args:
      weights: [output channels, kernel height, kernel width, channels of a group].
    """
    some = scaling.of_wild()
    fields: dict[str, Field] = {
        "window": {
            **some.fields(weights[scaling.wild], op.table),
            **members(op, weights.shape[1:3], groups),
        },
        "channels": Array("channels", np.flatnonzero(scaling.wild).astype(np.uint16)),
        "count": int(scaling.wild.sum()),
    }
    places = (Place(op.inputs[0]), Place(op.output))
    return Lowered((op.call("convolution_any", fields, *places),))


def split(
    scaling: Scaling, fast: Callable[[Scaling], Lowered], slow: Callable[[Scaling], Lowered]
) -> Lowered:
    """Calls of the fast kernels for all channels, then of `any_convolution` for the wild ones.

    Args:
      scaling: if most channels are wild, all are treated as such.
      fast: lowers the op to the fast kernels.
      slow: lowers its wild channels.
    """
    if scaling.is_plain:
        return fast(scaling)
    tamed = scaling.tamed()
    if tamed is None:
        return slow(scaling.all_wild())
    return Lowered((*fast(tamed).calls, *slow(scaling).calls))


def row_pitch(image: ir.Tensor) -> int:
    """Bytes from one row of an image to the next."""
    line = image.shape[2] * image.shape[3] * image.item_bytes
    return line if image.pitch is None else image.pitch


def members(
    op: Convolution, window: tuple[int, ...], groups: int, is_positive: bool = False
) -> dict[str, Field]:
    """Members of edge_convolution_t besides weights and scaling."""
    return {**geometry(op, window, groups), **for_dsp(is_positive)}


def for_dsp(is_positive: bool = False) -> dict[str, Field]:
    """The last members of edge_convolution_t."""
    return {"group": pointwise.WIDE_GROUP, "is_positive": int(is_positive)}


def geometry(op: Convolution, window: tuple[int, ...], groups: int) -> dict[str, Field]:
    """Members that describe what is read and written, the same for 8 and 16 bits."""
    x, output = op.inputs[0], op.output
    op.check(
        max(*window, *op.stride) <= 0xFF and max(*op.dilation, *op.padding) <= 0xFFFF,
        op.inputs[1],
        f"has a window of {window} and strides of {op.stride}, the maximum is 255",
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
        "dilation_y": op.dilation[0],
        "dilation_x": op.dilation[1],
        "pad_top": op.padding[0],
        "pad_left": op.padding[1],
        "groups": groups,
        "kernel_height": window[0],
        "kernel_width": window[1],
        "stride_y": op.stride[0],
        "stride_x": op.stride[1],
        "in_zero_point": x.zero_point,
        "zero_point": op.scaled.zero_point,
        "low": op.low,
        "high": op.high,
    }
