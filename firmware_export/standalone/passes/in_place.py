"""Ops write over an input that nothing else reads, where their kernels allow it."""

from collections.abc import Callable

from firmware_export.standalone import calls, ir
from firmware_export.standalone.passes import sharing


def allowed(op: ir.Op) -> tuple[int, ...]:
    """Positions of inputs that an op's kernel may write over, by kernel alone."""
    return () if isinstance(op, ir.Rows) else calls.lower(op).in_place


def run(graph: ir.Graph, may_overwrite: Callable[[ir.Op], tuple[int, ...]] = allowed) -> ir.Graph:
    """Gives outputs the place of inputs.

    Args:
      graph: after all passes that change ops.
      may_overwrite: `allowed`, or the same with a memory.
    """
    for position, op in enumerate(graph.ops):
        for index in may_overwrite(op):
            x = op.inputs[index]
            # Places move with every op that shares one, so reads are looked up anew.
            if _fits(op, x) and sharing.Reads(graph).last(x) == position:
                op.output.base = x
                break
    return graph


def _fits(op: ir.Op, x: ir.Tensor) -> bool:
    """Whether the output can lie where an input lies, if nothing needs that any more."""
    output = op.output
    if x.is_constant or output.base is not None or output.size > x.size:
        return False
    if x.pitch is not None or output.pitch is not None or output is x.storage()[0]:
        return False
    others = [t for t in op.inputs if t is not x and not t.is_constant]
    return not any(sharing.overlap(x, other) for other in others)
