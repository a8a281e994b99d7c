"""Products of matrices; fully_connected.py reads those that a layer with weights can compute."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place, operand
from firmware_export.standalone.ops.shared import copies, wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()

# Axes of the batch.
_AXES = 3


@dataclasses.dataclass(eq=False)
class BatchMatmul(ir.Op):
    """inputs: a [..., rows, depth] and b [..., depth, columns]; the axes before them broadcast.

    Attributes:
      transposed: whether a, or b, has its last two axes swapped.
    """

    transposed: tuple[bool, bool] = (False, False)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        a, b = self.inputs
        output = self.output
        multiplier, shift = quantize_multiplier(
            single(a.scale) * single(b.scale) / single(output.scale)
        )
        depth = a.shape[-2 if self.transposed[0] else -1]
        is_wide = wide.is_wide(output)
        self.check(
            shift <= (7 if is_wide else 30) and (not is_wide or depth < 1 << 17),
            output,
            f"has a scale of {output.scale:g}, too small for sums of {depth} products",
            "calibrate on more varied data",
        )
        batch, a_batch, b_batch = self._batch()
        a_row, a_step = (1, a.shape[-1]) if self.transposed[0] else (a.shape[-1], 1)
        b_column, b_step = (b.shape[-1], 1) if self.transposed[1] else (1, b.shape[-1])
        fields: dict[str, Field] = {
            "multiplier": multiplier,
            "extent": batch,
            "a_batch": a_batch,
            "b_batch": b_batch,
            "rows": output.shape[-2],
            "columns": output.shape[-1],
            "depth": depth,
            "a_row": a_row,
            "a_step": a_step,
            "b_column": b_column,
            "b_step": b_step,
            "shift": -shift,
            "a_zero_point": a.zero_point,
            "b_zero_point": b.zero_point,
            "zero_point": output.zero_point,
        }
        call = self.call(
            f"batch_matmul_{8 * output.item_bytes}",
            fields,
            *(operand(a), operand(b), Place(output)),
            struct="edge_batch_matmul_t",
            header="edge_batch_matmul.h",
        )
        return Lowered((call,))

    def _batch(self) -> tuple[list[int], list[int], list[int]]:
        """Extents of the batch, and items from one matrix to the next in a and b."""
        rank = len(self.output.shape)
        missing = [1] * (_AXES + 2 - rank)
        distances = []
        for tensor in self.inputs:
            padded = (*missing, *(1,) * (rank - len(tensor.shape)), *tensor.shape)
            steps = copies.steps(padded)[:_AXES]
            distances.append(
                [0 if size == 1 else step for size, step in zip(padded, steps, strict=False)]
            )
        return [*missing, *self.output.shape[:-2]], distances[0], distances[1]


def read(op: FileOp) -> BatchMatmul:
    op.check_counts(2, 2)
    a = op.value(0, WEIGHTED)
    b, output = op.value(1, (a.dtype,)), op.output(types=(a.dtype,))
    op.check_symmetric(a, b, output)
    transposed = bool(op.option("adj_x", False)), bool(op.option("adj_y", False))
    rank = len(output.shape)
    ranks = len(a.shape), len(b.shape)
    wrong = f"makes {output.shape} of {a.shape} and {b.shape}"
    op.require(min(ranks) >= 2 and max(ranks) == rank <= _AXES + 2, wrong)
    rows, depth = a.shape[-2:][:: -1 if transposed[0] else 1]
    other, columns = b.shape[-2:][:: -1 if transposed[1] else 1]
    heads = [(1,) * (rank - len(t.shape)) + t.shape[:-2] for t in (a, b)]
    op.require(
        depth == other
        and output.shape[-2:] == (rows, columns)
        and all(m == n or 1 in (m, n) for m, n in zip(*heads, strict=True))
        and tuple(map(max, *heads)) == output.shape[:-2],
        wrong,
    )
    return BatchMatmul([a, b], output, op.source, transposed=transposed)
