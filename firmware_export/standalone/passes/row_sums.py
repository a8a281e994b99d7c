"""A depthwise convolution over rows only reads its rows in place.

Rows that slices cut and concatenations join before it need not be copied together, and rows without
weights, or with only zero points, are not read.
"""

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.concatenation import Concat
from firmware_export.standalone.ops.depthwise_conv_2d import Depthwise
from firmware_export.standalone.ops.row_sums import RowSum, RowSums
from firmware_export.standalone.ops.slice import Slice
from firmware_export.standalone.passes import edit

# A row of an activation, or None for a row of zero points.
_Row = tuple[ir.Tensor, int] | None


def run(graph: ir.Graph) -> ir.Graph:
    """Rewrites the convolutions; removes slices and concatenations that are then unused."""
    uses = edit.Uses(graph)
    graph.ops = [
        _row_sums(op, uses) if isinstance(op, Depthwise) and _is_over_rows(op) else op
        for op in graph.ops
    ]
    return edit.remove_unused(graph)


def _is_over_rows(op: Depthwise) -> bool:
    x, weights = op.inputs[:2]
    return (
        op.output.dtype == "int8"
        and x.shape[0] == 1
        and weights.shape[2] == 1
        and op.stride[1] == 1
        and op.padding[1] == 0
        and x.shape[2:] == op.output.shape[2:]
        and op.scaling().is_plain
    )


def _row_sums(op: Depthwise, uses: edit.Uses) -> RowSums:
    x, kernel = op.inputs[0], op.weights[0, :, 0]
    sources = _rows_of(x, x.zero_point, uses)
    inputs: list[ir.Tensor] = []
    rows = []
    for y in range(op.output.shape[1]):
        taps: list[tuple[int, int]] = []
        kept = []
        for tap, weights in enumerate(kernel):
            row = y * op.stride[0] + tap * op.dilation[0] - op.padding[0]
            source = sources[row] if 0 <= row < len(sources) else None
            if source is None or not weights.any():
                continue
            tensor, at = source
            if not any(tensor is other for other in inputs):
                inputs.append(tensor)
            taps.append(([t is tensor for t in inputs].index(True), at))
            kept.append(weights)
        if not taps:  # Only the bias is left; a kernel needs at least one row.
            inputs = inputs or [x]
            taps, kept = [(0, 0)], [np.zeros_like(kernel[0])]
        rows.append(RowSum(tuple(taps), np.stack(kept)))
    return RowSums(inputs, op.output, op.source, op, rows)


def _rows_of(tensor: ir.Tensor, zero_point: int, uses: edit.Uses) -> list[_Row]:
    """Where each row of a tensor comes from."""
    if tensor.data is not None:
        return [None] * tensor.shape[1] if np.all(tensor.data == zero_point) else []
    own: list[_Row] = [(tensor, row) for row in range(tensor.shape[1])]
    producer = uses.producer(tensor)
    if uses.is_output(tensor):
        return own
    if isinstance(producer, Concat) and producer.axis == 1 and len(tensor.shape) == 4:
        if all(isinstance(uses.producer(part), Depthwise) for part in producer.inputs):
            return own  # Its parts are written in place: keeping it is more compact.
        parts = [_rows_of(part, zero_point, uses) for part in producer.inputs]
        return [row for part in parts for row in part] if all(parts) else own
    if isinstance(producer, Slice) and _cuts_rows(producer):
        begin, step = producer.begin[1], producer.step[1]
        inner = _rows_of(producer.inputs[0], zero_point, uses)
        return [inner[begin + row * step] for row in range(tensor.shape[1])]
    return own


def _cuts_rows(op: Slice) -> bool:
    x, y = op.inputs[0].shape, op.output.shape
    return len(x) == 4 and x[:1] == y[:1] and x[2:] == y[2:] and all(b >= 0 for b in op.step)
