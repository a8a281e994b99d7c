"""Takes items by their index along any axes; GATHER with constant indices."""

import dataclasses
import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can take.
_TYPES = ("int8", "float32")


@dataclasses.dataclass(eq=False)
class Take(ir.Op):
    """inputs: x. Item i of the output along an axis is item taken[axis][i] of x."""

    taken: tuple[tuple[int, ...], ...] = ()

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        moved = [axis for axis in range(len(x.shape)) if self._moves(axis)] or [0]
        first, last = moved[0], moved[-1] + 1
        split = self._split(first, last)
        rows, columns = self._index(first, split), self._index(split, last)
        self.check(
            max(len(rows), len(columns), rows.max(), columns.max()) <= 0xFFFF,
            x,
            f"has shape {x.shape} and is taken apart along the axes {moved}",
            "split the op into one per axis",
        )
        item = x.item_bytes
        row, plane = math.prod(x.shape[split:]), math.prod(x.shape[first:])
        fields: dict[str, Field] = {
            "rows": Array("rows", rows.astype(np.uint16)),
            "columns": Array("columns", columns.astype(np.uint16)),
            "batches": x.size // plane,
            "in_plane": plane * item,
            "in_row": row * item,
            "run": math.prod(x.shape[last:]) * item,
            "out_height": len(rows),
            "out_width": len(columns),
        }
        return Lowered((self.call("take", fields, Place(x), Place(self.output)),))

    def only_repeats(self) -> bool:
        """Whether each axis is either repeated from size 1 or left as it is."""
        return all(
            size == 1 or not self._moves(axis) for axis, size in enumerate(self.inputs[0].shape)
        )

    def _moves(self, axis: int) -> bool:
        return self.taken[axis] != tuple(range(self.inputs[0].shape[axis]))

    def _split(self, first: int, last: int) -> int:
        """The kernel has two lists; the second begins with this axis, where both are short."""
        counts = [len(taken) for taken in self.taken]
        return min(
            range(first, last),
            key=lambda axis: math.prod(counts[first:axis]) + math.prod(counts[axis:last]),
        )

    def _index(self, first: int, last: int) -> np.ndarray:
        """What is taken along several axes as if they were one."""
        index = np.zeros(1, np.int64)
        for axis in range(first, last):
            taken = np.array(self.taken[axis])
            index = (index[:, np.newaxis] * self.inputs[0].shape[axis] + taken).reshape(-1)
        return index


def _read(op: FileOp) -> list[ir.Op]:
    op.check_counts(2, 2)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    index = op.number_array(1)
    rank, axis, batch = len(x.shape), op.option("axis"), op.option("batch_dims")
    op.require(-rank <= axis < rank, f"takes items along axis {axis} of {rank}")
    axis %= rank
    batch += index.ndim if batch < 0 else 0
    op.require(
        0 <= batch <= min(axis, index.ndim) and index.shape[:batch] == x.shape[:batch],
        f"takes items of {x.shape} by indices of shape {index.shape} with {batch} batch axes",
    )
    shape = (*x.shape[:axis], *index.shape[batch:], *x.shape[axis + 1 :])
    op.require(output.shape == shape, f"makes {output.shape} instead of {shape}")
    op.require(
        index.size and index.min() >= 0 and index.max() < x.shape[axis],
        f"takes an item that '{x.name}' does not have",
    )
    # The batch axes and the one along which items are taken are one axis.
    batches, outer = math.prod(x.shape[:batch]), math.prod(x.shape[batch:axis])
    start = np.arange(batches * outer).reshape(batches, outer, 1) * x.shape[axis]
    flat = index.reshape(batches, 1, -1)
    if batch == 0:
        start, outer = np.zeros((1, 1, 1), np.int64), math.prod(x.shape[:axis])
        given = (outer, x.shape[axis], math.prod(x.shape[axis + 1 :]))
    else:
        given = (1, batches * outer * x.shape[axis], math.prod(x.shape[axis + 1 :]))
    columns = (start + flat).reshape(-1)
    taken = (range(given[0]), columns.tolist(), range(given[2]))
    view = op.between(x, given, "items")
    made = op.between(output, tuple(map(len, taken)), "items")
    return [
        Reshape([x], view, op.source),
        Take([view], made, op.source, taken=tuple(map(tuple, taken))),
        Reshape([made], output, op.source),
    ]


OPS = (OpRule("GATHER", 4, _read, "GatherOptions", limits="constant indices"),)
