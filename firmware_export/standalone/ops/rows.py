"""A chain of ops that runs one row at a time."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.shared import row_calls
from firmware_export.standalone.ops.shared.file_op import OpRule
from firmware_export.standalone.ops.shared.row_calls import RowCalls, row_pitch
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()


@dataclasses.dataclass(eq=False)
class Rows(ir.Op):
    """A chain of ops that runs one row at a time: tensors between them never exist as a whole.

    inputs: the activations that its ops read from outside. Each op reads the one before it, the
    first op of `tail` the last of `head`; rows are along axis 1 and the batch is 1. For each row
    of the output, `head` runs for the rows that are new under the window of `tail`'s first op,
    then `tail` runs once. A single op, as `tail`, is a chain too.

    Attributes:
      head: ops that need at most one row of the op before; the first may need several rows
        of its input. May be empty.
      tail: the same; the first may need several rows of what `head` writes, or of a tensor
        outside if there is no head.
      overlap: whether the output should overlap the first input, far enough from rows that are
        still to be read.
    """

    head: list[ir.Op] = dataclasses.field(default_factory=list)
    tail: list[ir.Op] = dataclasses.field(default_factory=list)
    overlap: bool = False

    def lower(self, kernels: KernelSet = "portable") -> RowCalls:
        """Lowers the chain to a loop.

        Raises:
          UnsuitableError: see row_calls.lower.
        """
        return row_calls.lower(self.head, self.tail, self.output, kernels)

    def multiply_adds(self) -> int:
        return sum(op.multiply_adds() for op in (*self.head, *self.tail))

    def distance(self) -> int:
        """Distance from the output's first byte to the first input's that keeps unread rows intact.

        With rows of the output at row * pitch and rows of the input at distance + row * pitch, no
        row overwrites one that is still to be read: for the same row by the op that writes it,
        for later rows by all ops.
        """
        x, output = self.inputs[0], self.output
        ops = [*self.head, *self.tail]
        needed = 0
        for row in range(output.shape[1]):
            first = min(self._first_read(stage, row + (stage is not ops[-1])) for stage in ops)
            if first < x.shape[1]:
                needed = max(needed, (row + 1) * row_pitch(output) - first * row_pitch(x))
        return needed

    def _first_read(self, stage: ir.Op, row: int) -> int:
        """The first row of the first input that a stage reads for a row of the output or later.

        The number of rows, if it reads none.
        """
        x = self.inputs[0]
        if row >= self.output.shape[1] or not any(tensor is x for tensor in stage.inputs):
            return x.shape[1]
        if x.shape[1] == 1:
            return 0
        if any(stage is other for other in self.head):
            window, stride, before = self.tail[0].vertical()
            # Rows that stay under the window are not computed again.
            row = max(0, row * stride - before + (max(0, window - stride) if row else 0))
        first = [*self.head, *self.tail][0]
        _, stride, before = stage.vertical() if stage is first else (1, 1, 0)
        return max(0, row * stride - before)
