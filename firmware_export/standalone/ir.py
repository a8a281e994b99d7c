"""The graph between a .tflite file and C: a list of ops on tensors, in the order they run.

The reader makes it, passes rewrite it, the planner gives each activation its place, emission
writes it. Ops are named and parametrized by what the kernels need, not by the file's encoding:
padding is counted in rows, fused activations are int8 bounds, axes are positive.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np


@dataclasses.dataclass(eq=False)
class Tensor:
    """An activation or a constant; compared by identity.

    Attributes:
      name: unique in its graph; from the file, or made by a pass.
      shape: static dimensions.
      dtype: "int8" or "int32".
      scales: real = scale * (value - zero_point); one, or one a channel (weights, biases).
      zero_points: as many as scales.
      channel_axis: the axis of several scales.
      data: the content of a constant; None for an activation.
      base, offset: an activation that has no memory of its own lies in `base`'s, from byte
        `offset` on; a pass that shares memory says so.
      pitch: bytes from one row (item of axis 1) to the next where it lies there with gaps; the
        batch is 1 then, and all ops that touch it are convolutions. None: no gaps.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    channel_axis: int = 0
    data: np.ndarray | None = None
    base: "Tensor | None" = None
    offset: int = 0
    pitch: int | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def size(self) -> int:
        """Number of items, which is bytes for int8."""
        return math.prod(self.shape)

    def storage(self) -> tuple["Tensor", int]:
        """The tensor whose memory this one lies in, itself if it has its own; and where in it."""
        tensor, offset = self, 0
        while tensor.base is not None:
            tensor, offset = tensor.base, offset + tensor.offset
        return tensor, offset

    @property
    def scale(self) -> float:
        """The only scale; ValueError where there are several or none."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The only zero point; ValueError where there are several or none."""
        (zero_point,) = self.zero_points
        return zero_point


@dataclasses.dataclass(eq=False)
class Op:
    """One step; subclasses say which. `inputs` holds activations and constants alike.

    Attributes:
      inputs: tensors read, in the order the subclass documents.
      output: the tensor written.
      source: where it comes from, for messages and comments: "op 12 CONV_2D".
    """

    inputs: list[Tensor]
    output: Tensor
    source: str


@dataclasses.dataclass(eq=False)
class Convolution(Op):
    """inputs: x [n, h, w, c], weights [out, kh, kw, c / groups], optional int32 bias [out].

    Attributes:
      stride, dilation: (vertical, horizontal).
      padding: (top, left) rows of the zero point; bottom and right follow from the shapes.
      low, high: bounds of the output, int8.
      table: 256 int8 values applied to the bounded output, index value + 128; None: no table.
      before_table: with the scale and zero point of what goes into `table`; the output's own are
        of what comes out of it. None where there is no table.
    """

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    low: int = -128
    high: int = 127
    table: np.ndarray | None = None
    before_table: Tensor | None = None


@dataclasses.dataclass(eq=False)
class Depthwise(Convolution):
    """inputs: x [n, h, w, c], weights [1, kh, kw, c * multiplier], optional int32 bias."""


@dataclasses.dataclass(eq=False)
class FullyConnected(Op):
    """inputs: x [..., depth], weights [out, depth], optional int32 bias [out]."""

    low: int = -128
    high: int = 127
    table: np.ndarray | None = None
    before_table: Tensor | None = None


@dataclasses.dataclass(eq=False)
class Pool(Op):
    """inputs: x [n, h, w, c]. kind is "average" or "max"."""

    kind: str = "average"
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    low: int = -128
    high: int = 127


@dataclasses.dataclass(eq=False)
class Mean(Op):
    """inputs: x. axes are positive and sorted; the output may keep them or not."""

    axes: tuple[int, ...] = ()


@dataclasses.dataclass(eq=False)
class Binary(Op):
    """inputs: two tensors that broadcast, either may be constant. kind: "add", "sub" or "mul"."""

    kind: str = "add"
    low: int = -128
    high: int = 127


@dataclasses.dataclass(eq=False)
class Table(Op):
    """inputs: x. Each value through 256 int8 values, index value + 128 (any unary int8 op)."""

    table: np.ndarray = dataclasses.field(default_factory=lambda: np.arange(-128, 128, dtype="i1"))


@dataclasses.dataclass(eq=False)
class Softmax(Op):
    """inputs: x, over the last axis."""

    beta: float = 1.0


@dataclasses.dataclass(eq=False)
class Pad(Op):
    """inputs: x. before and after: items of `value` along each axis."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    value: int = 0


@dataclasses.dataclass(eq=False)
class Reshape(Op):
    """inputs: x. The same bytes in another shape."""


@dataclasses.dataclass(eq=False)
class Concat(Op):
    """inputs: one or more tensors of equal quantization, joined along `axis`."""

    axis: int = 0


@dataclasses.dataclass(eq=False)
class Slice(Op):
    """inputs: x. Items begin, begin + step, ... along each axis, as many as the output has."""

    begin: tuple[int, ...] = ()
    step: tuple[int, ...] = ()


@dataclasses.dataclass(eq=False)
class Push(Op):
    """inputs: x, one frame. The output, [1, frames, ...], is one of Graph.states.

    Its frames move forward by one, and x becomes the last.
    """


@dataclasses.dataclass(eq=False)
class SlidingMean(Op):
    """inputs: x [1, 1, 1, c], weights [1, 1, frames, c], equal in all frames, int32 bias [c].

    `mean` over the last frames, of which x is the newest.

    Attributes:
      ring: int8 [1, frames, 1, c], one of Graph.states: the frames.
      counts: one of Graph.states: which frame is the oldest, and the sum of each channel without
        its zero points; 32 bits each.
      mean: the op it stands for; its constants say how sums become outputs.
    """

    ring: Tensor | None = None
    counts: Tensor | None = None
    mean: Depthwise | None = None


@dataclasses.dataclass(eq=False)
class Transpose(Op):
    """inputs: x. Axis i of the output is axis order[i] of the input."""

    order: tuple[int, ...] = ()


@dataclasses.dataclass(eq=False)
class Resize(Op):
    """inputs: x [n, h, w, c]. Nearest neighbour; `rows` and `columns` say which one to take."""

    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()


@dataclasses.dataclass(eq=False)
class Rows(Op):
    """A chain of ops that runs a row at a time: what lies between them is never there as a whole.

    inputs: the activations that its ops read from outside. Each op reads the one before it, the
    first op of `tail` the last of `head`; rows are along axis 1 and the batch is 1. For each row
    of the output, `head` runs for the rows that are new under the window of `tail`'s first op,
    then `tail` runs once. A single op, as `tail`, is a chain too.

    Attributes:
      head: ops that need no more than a row of the op before; the first may need several rows
        of its input. May be empty.
      tail: ops likewise; the first may need several rows of what `head` writes, or of a tensor
        outside if there is no head.
      overlap: whether the output should lie over the first input, as far behind the rows that are
        still to be read as needed.
    """

    head: list[Op] = dataclasses.field(default_factory=list)
    tail: list[Op] = dataclasses.field(default_factory=list)
    overlap: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class RowSum:
    """One row of the output of RowSums.

    Attributes:
      taps: which rows are summed: (position in the op's inputs, row of that input).
      weights: int8 [taps, channels].
    """

    taps: tuple[tuple[int, int], ...]
    weights: np.ndarray


@dataclasses.dataclass(eq=False)
class RowSums(Op):
    """A depthwise convolution over rows (axis 1) alone, which may lie anywhere.

    inputs: activations [1, rows, w, c] of equal quantization; output [1, rows, w, c]. Rows that
    have no weight, and rows of zero points, are not read at all.

    Attributes:
      rows: of the output, in order.
      convolution: the op it stands for; its constants say how sums become outputs.
    """

    rows: list[RowSum] = dataclasses.field(default_factory=list)
    convolution: Depthwise | None = None


@dataclasses.dataclass(eq=False)
class Graph:
    """A model.

    Attributes:
      ops: in the order they run.
      inputs, outputs: the model's, all int8 activations.
      states: activations that keep their place and content from one run to the next.
    """

    ops: list[Op]
    inputs: list[Tensor]
    outputs: list[Tensor]
    states: list[Tensor] = dataclasses.field(default_factory=list)

    def lasting(self) -> list[Tensor]:
        """The outputs and states: nothing may be written over them when the ops have run."""
        return [*self.outputs, *self.states]

    def activations(self) -> Iterator[Tensor]:
        """Every activation once, in the order it first appears."""
        seen: set[int] = set()
        written = [op.output for op in self.ops]
        for tensor in [*self.inputs, *(t for op in self.ops for t in op.inputs), *written]:
            if not tensor.is_constant and id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor

    def producer(self, tensor: Tensor) -> Op | None:
        """The op that writes a tensor; None for inputs and constants."""
        return next((op for op in self.ops if op.output is tensor), None)

    def readers(self, tensor: Tensor) -> list[Op]:
        """The ops that read a tensor, in order."""
        return [op for op in self.ops if any(t is tensor for t in op.inputs)]
