"""Ops overwrite an input that nothing else reads, if their kernels allow it.

Chains of rows overwrite rows that they have read: output and input share memory, a bit larger
than either, in which the input begins later than the output.
"""

from collections.abc import Callable

from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.ops.rows import Rows
from firmware_export.standalone.passes import sharing


def allowed(op: ir.Op) -> tuple[int, ...]:
    """Positions of inputs that an op's kernel may overwrite, as far as the kernel is concerned."""
    return () if isinstance(op, Rows) else op.lower().in_place


def run(graph: ir.Graph, may_overwrite: Callable[[ir.Op], tuple[int, ...]] = allowed) -> ir.Graph:
    """Puts outputs in the place of inputs.

    Args:
      graph: after all passes that change ops.
      may_overwrite: `allowed`, or a cached version of it.
    """
    reads = sharing.Reads(graph)
    for position, op in enumerate(graph.ops):
        for index in may_overwrite(op):
            x = op.inputs[index]
            if _fits(op, x) and reads.last(x) == position:
                op.output.base = x
                reads.moved(op.output)
                break
    for position, op in enumerate(graph.ops):
        if isinstance(op, Rows) and op.overlap:
            _overlap(op, position, reads)
    return graph


def _overlap(op: Rows, position: int, reads: sharing.Reads) -> None:
    """Lets a chain's output follow the rows of its first input, if nothing reads that later."""
    x, output = op.inputs[0], op.output
    root, inner = x.storage()
    if x.is_constant or inner or root.byte_size != x.byte_size or x.pitch is not None:
        return
    if output.base is not None or output.pitch is not None or root is output:
        return
    others = [tensor for tensor in op.inputs[1:] if not tensor.is_constant]
    if any(sharing.overlap(x, other) for other in others):
        return
    if reads.last(x) != position:
        return
    distance = planner.aligned(op.distance())
    size = max(output.byte_size, distance + x.byte_size)
    if size >= x.byte_size + output.byte_size:
        return
    both = ir.Tensor(f"{x.name} and {output.name}", (size,))
    root.base, root.offset = both, distance
    output.base = both
    reads.moved(root)
    reads.moved(output)


def _fits(op: ir.Op, x: ir.Tensor) -> bool:
    """Whether the output can take the place of an input that is no longer needed."""
    output = op.output
    if x.is_constant or output.base is not None or output.byte_size > x.byte_size:
        return False
    if x.pitch is not None or output.pitch is not None or output is x.storage()[0]:
        return False
    others = [t for t in op.inputs if t is not x and not t.is_constant]
    return not any(sharing.overlap(x, other) for other in others)
