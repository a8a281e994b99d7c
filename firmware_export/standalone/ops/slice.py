"""SLICE and STRIDED_SLICE."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import INT32_MAX, INT32_MIN
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can move.
_TYPES = ("bool", "int8", "int16", "int32", "float32")


@dataclasses.dataclass(eq=False)
class Slice(ir.Op):
    """inputs: x. Takes items begin, begin + step, ... per axis, as many as the output has."""

    begin: tuple[int, ...] = ()
    step: tuple[int, ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        strides = copies.strides(x)
        offset = sum(begin * stride for begin, stride in zip(self.begin, strides, strict=True))
        stepped = [step * stride for step, stride in zip(self.step, strides, strict=True)]
        to = copies.strides(output)
        return Lowered(
            copies.copy(self, Place(x, offset), Place(output), output.shape, stepped, to)
        )


def _read_slice(op: FileOp) -> ir.Op:
    op.check_counts(3, 3)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    rank = len(x.shape)
    begin, sizes = op.numbers(1, rank), op.numbers(2, rank)
    shape = [n - b if s == -1 else s for n, b, s in zip(x.shape, begin, sizes, strict=True)]
    op.require(
        all(b >= 0 and s > 0 and b + s <= n for b, s, n in zip(begin, shape, x.shape, strict=True))
        and tuple(shape) == output.shape,
        f"takes {shape} at {begin} of {x.shape}, to {output.shape}",
    )
    return Slice([x], output, op.source, begin=tuple(begin), step=(1,) * rank)


def _read_strided_slice(op: FileOp) -> list[ir.Op]:
    """Reads begin, end and step of each axis; masks may mean "from its start" and so on."""
    op.check_counts(4, 4)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    rank = len(x.shape)
    begin, end, step = (op.numbers(position, rank) for position in (1, 2, 3))
    if op.option("ellipsis_mask") or op.option("new_axis_mask") or op.option("offset", False):
        op.fail(
            "has an ellipsis, a new axis or relative ends",
            "convert it to begin, end and step of every axis",
        )
    starts, shape = [], []
    for axis in range(rank):
        op.require(step[axis] != 0, "has a step of 0")
        bit = 1 << axis
        start = _start(begin[axis], step[axis], x.shape[axis], op.option("begin_mask") & bit)
        stop = _stop(end[axis], step[axis], x.shape[axis], op.option("end_mask") & bit)
        starts.append(start)
        if op.option("shrink_axis_mask") & bit:
            op.require(0 <= start < x.shape[axis], f"takes item {start} of {x.shape}")
            continue
        count = -(-(stop - start) // step[axis])
        op.require(count > 0, f"takes nothing along axis {axis} of {x.shape}")
        shape.append(count)
    op.require(tuple(shape) == output.shape, f"takes {shape} of {x.shape}, to {output.shape}")
    return _sliced(op, x, output, starts, step)


def _sliced(
    op: FileOp, x: ir.Tensor, output: ir.Tensor, starts: list[int], step: list[int]
) -> list[ir.Op]:
    """A slice along the input's axes, and a reshape if the output lacks some of them."""
    shrunk = op.option("shrink_axis_mask")
    rank = len(x.shape)
    kept = [axis for axis in range(rank) if not shrunk >> axis & 1]
    if len(kept) == rank:
        return [Slice([x], output, op.source, begin=tuple(starts), step=tuple(step))]
    shape = [1] * rank
    for axis, size in zip(kept, output.shape, strict=True):
        shape[axis] = size
    whole = op.between(output, tuple(shape), "slice")
    return [
        Slice([x], whole, op.source, begin=tuple(starts), step=tuple(step)),
        Reshape([whole], output, op.source),
    ]


def _start(begin: int, step: int, size: int, masked: int) -> int:
    if masked:
        begin = INT32_MIN if step > 0 else INT32_MAX
    if begin < 0:
        begin += size
    return min(max(begin, 0), size) if step > 0 else min(max(begin, -1), size - 1)


def _stop(end: int, step: int, size: int, masked: int) -> int:
    if masked:
        end = INT32_MAX if step > 0 else INT32_MIN
    if end < 0:
        end += size
    return min(max(end, 0), size) if step > 0 else min(max(end, -1), size - 1)


OPS = (
    OpRule("SLICE", 6, _read_slice),
    OpRule(
        "STRIDED_SLICE",
        8,
        _read_strided_slice,
        "StridedSliceOptions",
        limits="no ellipsis, new axis or relative ends",
    ),
)
