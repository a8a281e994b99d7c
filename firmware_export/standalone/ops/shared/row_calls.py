"""Lowering of chains that run one row at a time: each op becomes an op on tensors of one row."""

import copy
import dataclasses
from collections.abc import Sequence

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.graph.planner import aligned
from firmware_export.standalone.target import KernelSet


class UnsuitableError(Exception):
    """Rows of this chain need different kernels; it cannot be one loop."""


@dataclasses.dataclass(frozen=True)
class InBuffer:
    """A row tensor in the chain's scratch.

    Attributes:
      offset: bytes from the start of the scratch.
      slot: bytes to add for each row of the window that is being filled; 0 for other buffers.
    """

    offset: int
    slot: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class InTensor:
    """A row tensor that is some rows of a tensor outside the chain.

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
      op: the original op on whole tensors.
      variants: the op for one row; several if rows at the border need other parameters.
      choice: the variant of each row.
    """

    op: ir.Op
    variants: list[Lowered]
    choice: list[int]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RowCalls(Lowered):
    """A chain, ready to be written as a loop over the rows of its output.

    Attributes:
      calls: all calls of the loop, for any row.
      rows: number of rows of the output.
      head, tail: stages; `head` may be empty.
      window: rows of the output of `head` that `tail` needs at once.
      stride, before: for row r of the output these begin with row r * stride - before.
      middle_rows: rows that `head` writes; rows outside of them contain `fill`.
      middle: offset of the window in the scratch.
      middle_bytes: bytes per row of the window.
      places: the place of each row tensor, by identity.
      kernel_scratch: offset of the kernels' own scratch.
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

    @property
    def scratch(self) -> int:
        """Bytes of the buffers and of the kernels' scratch."""
        return self.kernel_scratch + super().scratch

    def needed_rows(self) -> list[int]:
        """The rows of `head` that a window covers: the others are never computed."""
        first = (row * self.stride - self.before for row in range(self.rows))
        covered = {row + offset for row in first for offset in range(self.window)}
        return sorted(covered & set(range(self.middle_rows)))

    def is_plain(self) -> bool:
        """Whether each row of `tail` needs just the same row of `head`."""
        return (self.window, self.stride, self.before) == (1, 1, 0)


def lower(
    head: Sequence[ir.Op], tail: Sequence[ir.Op], output: ir.Tensor, kernels: KernelSet
) -> RowCalls:
    """Lowers all ops of a chain and lays out its buffers.

    Args:
      head, tail: see ops/rows.py.
      output: of the chain.
      kernels: the kernel set.

    Raises:
      UnsuitableError: the ops cannot be a chain.
    """
    return _Lowering(kernels).result(head, tail, output)


class _Lowering:
    def __init__(self, kernels: KernelSet) -> None:
        self._target = kernels
        self._places: dict[int, InBuffer | InTensor] = {}
        self._size = 0

    def result(
        self, head_ops: Sequence[ir.Op], tail_ops: Sequence[ir.Op], output: ir.Tensor
    ) -> RowCalls:
        source = head_ops[-1].output if head_ops else None
        window, stride, before = tail_ops[0].vertical() if source else (1, 1, 0)
        middle_bytes = source.row_bytes if source else 0
        middle = self._reserve(window * middle_bytes)
        head = self._head(head_ops, InBuffer(middle, middle_bytes))
        tail = self._tail(tail_ops, source, InBuffer(middle), window)
        variants = [variant for stage in (*head, *tail) for variant in stage.variants]
        return RowCalls(
            calls=tuple(call for variant in variants for call in variant.calls),
            rows=output.shape[1],
            head=head,
            tail=tail,
            window=window,
            stride=stride,
            before=before,
            middle_rows=source.shape[1] if source else 0,
            middle=middle,
            middle_bytes=middle_bytes,
            fill=source.zero_point if source else 0,
            places=self._places,
            kernel_scratch=aligned(self._size),
        )

    def _head(self, ops: Sequence[ir.Op], middle: InBuffer) -> list[Stage]:
        stages: list[Stage] = []
        given: tuple[ir.Tensor, InBuffer] | None = None
        for op in ops:
            place = middle if op is ops[-1] else self._buffer(op.output)
            stages.append(self._stage(op, given, place))
            given = op.output, place
        return stages

    def _tail(
        self, ops: Sequence[ir.Op], source: ir.Tensor | None, middle: InBuffer, window: int
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
        return InBuffer(self._reserve(tensor.row_bytes))

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
        if given is None and isinstance(op, ir.Windowed):
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

    def _at_border(self, op: ir.Windowed, output: ir.Tensor) -> Stage:
        """A first stage that reads rows of a tensor outside: fewer rows at its border."""
        x = op.inputs[0]
        extent, stride, before = op.vertical()
        variants: dict[tuple[int, int], Lowered] = {}
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

    def _lowered(self, op: ir.Op, inputs: list[ir.Tensor], output: ir.Tensor, top: int) -> Lowered:
        made = copy.copy(op)
        made.inputs, made.output = inputs, output
        if isinstance(made, ir.Windowed):
            made.padding = (top, made.padding[1])
        return made.lower(self._target)


def row_pitch(tensor: ir.Tensor) -> int:
    """Bytes from one row of a tensor to the next."""
    return tensor.row_bytes if tensor.pitch is None else tensor.pitch


def outside(tensor: ir.Tensor) -> InTensor:
    """A tensor outside, row by row; a single row is the same for all rows of the op."""
    return InTensor(tensor, 0 if tensor.shape[1] == 1 else row_pitch(tensor))


def _row_tensor(tensor: ir.Tensor, rows: int = 1) -> ir.Tensor:
    return ir.Tensor(
        tensor.name,
        (1, rows, *tensor.shape[2:]),
        tensor.dtype,
        tensor.scales,
        tensor.zero_points,
    )
