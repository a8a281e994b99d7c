"""Lowering of chains that run a row at a time: each op becomes an op on tensors of a row."""

import copy
import dataclasses

from firmware_export.standalone import calls, ir
from firmware_export.standalone.planner import aligned


class UnsuitableError(Exception):
    """Rows of this chain need different kernels; it cannot be one loop."""


@dataclasses.dataclass(frozen=True)
class InBuffer:
    """A row tensor that lies in the chain's scratch.

    Attributes:
      offset: bytes from the start of the scratch.
      slot: bytes to add for each row of the window that is being filled; 0 for other buffers.
    """

    offset: int
    slot: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class InTensor:
    """A row tensor that is some rows of a tensor outside of the chain.

    Attributes:
      tensor: the whole.
      pitch: bytes from one row to the next; 0 if all rows of the op read the same.
      stride, before: row r of the op begins at row max(0, r * stride - before).
    """

    tensor: ir.Tensor
    pitch: int
    stride: int = 1
    before: int = 0


@dataclasses.dataclass(eq=False)
class Stage:
    """One op of a chain.

    Attributes:
      op: as it was for whole tensors.
      variants: the op for one row; several where rows at the border need other numbers.
      choice: which variant each row takes.
    """

    op: ir.Op
    variants: list[calls.Lowered]
    choice: list[int]


@dataclasses.dataclass(eq=False)
class RowCalls:
    """A chain, ready to be written as a loop over the rows of its output.

    Attributes:
      rows: of the output.
      head, tail: stages; `head` may be empty.
      window: rows of what `head` writes that `tail` needs at once.
      stride, before: for row r of the output these begin with row r * stride - before.
      middle_rows: of what `head` writes; rows outside of it hold `fill`.
      middle: offset of the window in the scratch.
      middle_bytes: one row of it.
      places: where each row tensor lies, by identity.
      kernel_scratch: offset of the kernels' own scratch.
      scratch: bytes of all of this.
    """

    rows: int
    head: list[Stage]
    tail: list[Stage]
    window: int
    stride: int
    before: int
    middle_rows: int
    middle: int
    middle_bytes: int
    fill: int
    places: dict[int, InBuffer | InTensor]
    kernel_scratch: int
    scratch: int

    def is_plain(self) -> bool:
        """Whether each row of `tail` needs just the same row of `head`."""
        return (self.window, self.stride, self.before) == (1, 1, 0)


def lower(op: ir.Rows, target: str) -> RowCalls:
    """Lowers all ops of a chain and lays out its buffers.

    Raises:
      UnsuitableError: it must stay single ops.
    """
    return _Lowering(op, target).result()


class _Lowering:
    def __init__(self, op: ir.Rows, target: str) -> None:
        self._op = op
        self._target = target
        self._places: dict[int, InBuffer | InTensor] = {}
        self._size = 0
        self._kernel_scratch = 0

    def result(self) -> RowCalls:
        head_ops, tail_ops = self._op.head, self._op.tail
        source = head_ops[-1].output if head_ops else None
        window, stride, before = vertical(tail_ops[0]) if source else (1, 1, 0)
        middle_bytes = source.size // source.shape[1] if source else 0
        middle = self._reserve(window * middle_bytes)
        return RowCalls(
            rows=self._op.output.shape[1],
            head=self._head(head_ops, InBuffer(middle, middle_bytes)),
            tail=self._tail(tail_ops, source, InBuffer(middle), window),
            window=window,
            stride=stride,
            before=before,
            middle_rows=source.shape[1] if source else 0,
            middle=middle,
            middle_bytes=middle_bytes,
            fill=source.zero_point if source else 0,
            places=self._places,
            kernel_scratch=aligned(self._size),
            scratch=aligned(self._size) + self._kernel_scratch,
        )

    def _head(self, ops: list[ir.Op], middle: InBuffer) -> list[Stage]:
        stages: list[Stage] = []
        given: tuple[ir.Tensor, InBuffer] | None = None
        for op in ops:
            place = middle if op is ops[-1] else self._buffer(op.output)
            stages.append(self._stage(op, given, place))
            given = op.output, place
        return stages

    def _tail(
        self, ops: list[ir.Op], source: ir.Tensor | None, middle: InBuffer, window: int
    ) -> list[Stage]:
        stages: list[Stage] = []
        given = (source, middle) if source else None
        for op in ops[:-1]:
            place = self._buffer(op.output)
            stages.append(self._stage(op, given, place, window))
            given, window = (op.output, place), 1
        result = InTensor(ops[-1].output, row_pitch(ops[-1].output))
        return [*stages, self._stage(ops[-1], given, result, window)]

    def _reserve(self, size: int) -> int:
        offset = aligned(self._size)
        self._size = offset + size
        return offset

    def _buffer(self, tensor: ir.Tensor) -> InBuffer:
        return InBuffer(self._reserve(tensor.size // tensor.shape[1]))

    def _stage(
        self,
        op: ir.Op,
        given: tuple[ir.Tensor, InBuffer] | None,
        place: InBuffer | InTensor,
        window: int = 1,
    ) -> Stage:
        """The stage of an op that reads `given`, in `window` rows, and tensors outside."""
        output = _row_tensor(op.output)
        self._places[id(output)] = place
        if given is None and isinstance(op, (ir.Convolution, ir.Pool)):
            return self._at_border(op, output)
        inputs = []
        for tensor in op.inputs:
            if tensor.is_constant:
                inputs.append(tensor)
                continue
            inside = given is not None and tensor is given[0]
            row = _row_tensor(tensor, window if inside else 1)
            self._places[id(row)] = given[1] if inside and given else outside(tensor)
            inputs.append(row)
        return Stage(op, [self._lowered(op, inputs, output, top=0)], [0] * op.output.shape[1])

    def _at_border(self, op: ir.Convolution | ir.Pool, output: ir.Tensor) -> Stage:
        """A first stage that reads rows of a tensor outside: at its border there are fewer."""
        x = op.inputs[0]
        extent, stride, before = vertical(op)
        variants: dict[tuple[int, int], calls.Lowered] = {}
        choice = []
        for row in range(op.output.shape[1]):
            start = row * stride - before
            rows = min(x.shape[1], start + extent) - max(0, start)
            key = (max(0, -start), rows)
            if key not in variants:
                given = _row_tensor(x, rows)
                given.pitch = x.pitch
                self._places[id(given)] = InTensor(x, row_pitch(x), stride, before)
                variants[key] = self._lowered(op, [given, *op.inputs[1:]], output, key[0])
            choice.append(list(variants).index(key))
        kernels = {tuple(c.function for c in lowered.calls) for lowered in variants.values()}
        if len(kernels) > 1:
            raise UnsuitableError
        return Stage(op, list(variants.values()), choice)

    def _lowered(
        self, op: ir.Op, inputs: list[ir.Tensor], output: ir.Tensor, top: int
    ) -> calls.Lowered:
        made = copy.copy(op)
        made.inputs, made.output = inputs, output
        if isinstance(made, (ir.Convolution, ir.Pool)):
            made.padding = (top, made.padding[1])
        lowered = calls.lower(made, self._target)
        self._kernel_scratch = max(self._kernel_scratch, lowered.scratch)
        return lowered


def vertical(op: ir.Op) -> tuple[int, int, int]:
    """(rows of its input that a row of the output needs, stride, padding above)."""
    if isinstance(op, ir.Convolution):
        extent = (op.inputs[1].shape[1] - 1) * op.dilation[0] + 1
        return extent, op.stride[0], op.padding[0]
    if isinstance(op, ir.Pool):
        return op.window[0], op.stride[0], op.padding[0]
    return 1, 1, 0


def distance(op: ir.Rows) -> int:
    """How far behind the output's first byte the first input must begin to be read in time.

    With rows of the output at row * pitch and rows of the input at distance + row * pitch, no row
    is written over one that is still to be read: for the same row by the op that writes it, for
    later rows by all ops.
    """
    x, output = op.inputs[0], op.output
    ops = [*op.head, *op.tail]
    needed = 0
    for row in range(output.shape[1]):
        first = min(_first_read(op, stage, row + (stage is not ops[-1])) for stage in ops)
        if first < x.shape[1]:
            needed = max(needed, (row + 1) * row_pitch(output) - first * row_pitch(x))
    return needed


def _first_read(op: ir.Rows, stage: ir.Op, row: int) -> int:
    """The first row of the chain's first input that a stage reads for a row of the output or later.

    Its number of rows, if it reads none.
    """
    x = op.inputs[0]
    if row >= op.output.shape[1] or not any(tensor is x for tensor in stage.inputs):
        return x.shape[1]
    if x.shape[1] == 1:
        return 0
    if any(stage is other for other in op.head):
        window, stride, before = vertical(op.tail[0])
        # Rows that stay under the window are not computed again.
        row = max(0, row * stride - before + (max(0, window - stride) if row else 0))
    first = [*op.head, *op.tail][0]
    _, stride, before = vertical(stage) if stage is first else (1, 1, 0)
    return max(0, row * stride - before)


def row_pitch(tensor: ir.Tensor) -> int:
    """Bytes from one row of a tensor to the next."""
    return tensor.size // tensor.shape[1] if tensor.pitch is None else tensor.pitch


def outside(tensor: ir.Tensor) -> InTensor:
    """Row by row of a tensor outside; one of a single row is the same for all."""
    return InTensor(tensor, 0 if tensor.shape[1] == 1 else row_pitch(tensor))


def _row_tensor(tensor: ir.Tensor, rows: int = 1) -> ir.Tensor:
    return ir.Tensor(
        tensor.name,
        (1, rows, *tensor.shape[2:]),
        scales=tensor.scales,
        zero_points=tensor.zero_points,
    )
