"""Ops that only move bytes cost nothing: their tensors share memory.

A reshape shares its input's memory, as does a transposition that only moves axes of size 1. A
slice is its input from some byte on. Parts of a concatenation are written straight into the
whole. Convolutions can read and write rows with gaps between them, so they also handle slices and
parts along axis 2; other ops need them without gaps.
"""

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.concatenation import Concat
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.slice import Slice
from firmware_export.standalone.passes import edit


def run(graph: ir.Graph) -> ir.Graph:
    """Removes the ops that become views; the others copy as before."""
    uses = edit.Uses(graph)  # From the original graph: ops that have become views count as readers.
    for becomes_view in (_is_same_bytes, _is_part_of_input, _is_joined_in_place):
        graph.ops = [op for op in graph.ops if not becomes_view(op, uses)]
    return graph


def _is_same_bytes(op: ir.Op, uses: edit.Uses) -> bool:
    if op.inputs[0].is_constant or not op.is_same_bytes():
        return False
    op.output.base = op.inputs[0]
    return True


def _is_part_of_input(op: ir.Op, uses: edit.Uses) -> bool:
    """Makes a slice's output a view, if it can be one."""
    if not isinstance(op, Slice) or any(
        step != 1 and size > 1 for step, size in zip(op.step, op.output.shape, strict=True)
    ):
        return False
    x, output = op.inputs[0], op.output
    if not _is_contiguous(output.shape, x.shape):
        if len(x.shape) != 4 or x.shape[0] > 1 or uses.is_output(output):
            return False
        if not _is_contiguous(output.shape[2:], x.shape[2:]):
            return False
        if not all(reader.takes_gaps for reader in uses.readers(output)):
            return False
        output.pitch = x.row_bytes
    output.base = x
    output.offset = sum(b * s for b, s in zip(op.begin, copies.strides(x), strict=True))
    return True


def _is_joined_in_place(op: ir.Op, uses: edit.Uses) -> bool:
    """Makes the inputs of a Concat parts of its output, if all of them can be."""
    if not isinstance(op, Concat):
        return False
    strides = copies.strides(op.output)
    parts: list[tuple[ir.Tensor, int, int | None]] = []
    offset = 0
    for tensor in op.inputs:
        root, inner = tensor.storage()
        if root.is_constant or root.pitch is not None:
            return False
        if inner or root.byte_size != tensor.byte_size:
            return False
        if root is op.output.storage()[0] or any(root is other for other, _, _ in parts):
            return False
        pitch = None
        if not _is_contiguous(tensor.shape, op.output.shape):
            if op.axis != 2 or not _can_have_gaps(tensor, op, uses):
                return False
            pitch = strides[1]
        parts.append((root, offset, pitch))
        offset += tensor.shape[op.axis] * strides[op.axis]
    for root, place, pitch in parts:
        root.base, root.offset, root.pitch = op.output, place, pitch
    return True


def _can_have_gaps(tensor: ir.Tensor, joining: Concat, uses: edit.Uses) -> bool:
    """Whether a tensor to be joined may be written and read with gaps between its rows."""
    producer = uses.producer(tensor)
    return (
        producer is not None
        and producer.takes_gaps
        and tensor.base is None
        and len(tensor.shape) == 4
        and tensor.shape[0] == 1
        and not uses.is_output(tensor)
        and all(op is joining or op.takes_gaps for op in uses.readers(tensor))
    )


def _is_contiguous(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether a part of the whole has no gaps: at most its first axis is cut.

    Only axes along which the part has more than one item count.
    """
    axis = next((axis for axis, size in enumerate(part) if size > 1), len(part))
    return part[axis + 1 :] == whole[axis + 1 :]
