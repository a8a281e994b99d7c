"""Progress of kernels that read and write one row after the other."""

import dataclasses
from collections.abc import Iterator

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Progress, Step


@dataclasses.dataclass(frozen=True)
class _OutputRows:
    """One row of the output at a time, from the rows of the input under its windows."""

    rows: int
    in_rows: int
    in_row: int
    out_row: int
    stride: int
    before: int

    def steps(self) -> Iterator[Step]:
        for row in range(self.rows):
            first = min(max(0, row * self.stride - self.before), self.in_rows)
            yield Step({0: first * self.in_row}, (row + 1) * self.out_row)


def of(op: ir.Windowed) -> Progress | None:
    """For a kernel that writes a row of windows after it has read it; None for several images."""
    x, output = op.inputs[0], op.output
    if x.shape[0] != 1:
        return None
    _, stride, before = op.vertical()
    in_row = x.row_bytes if x.pitch is None else x.pitch
    out_row = output.row_bytes if output.pitch is None else output.pitch
    return _OutputRows(output.shape[1], x.shape[1], in_row, out_row, stride, before)
