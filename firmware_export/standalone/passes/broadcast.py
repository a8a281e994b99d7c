"""An op with two inputs repeats rows or columns by broadcasting, instead of an op before it."""

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.repeat import Repeat
from firmware_export.standalone.ops.take import Take
from firmware_export.standalone.passes import edit


def run(graph: ir.Graph) -> ir.Graph:
    """Lets ops with two inputs read what another op repeats, and removes that if it is unused."""
    repeated = {
        id(op.output): op.inputs[0]
        for op in graph.ops
        if isinstance(op, Repeat | Take) and op.only_repeats()
    }
    for op in graph.ops:
        if not isinstance(op, ir.Pairwise):
            continue
        for position, tensor in enumerate(op.inputs):
            other = op.inputs[1 - position]
            if id(tensor) in repeated and _broadcasts(repeated[id(tensor)], other, op.output):
                op.inputs[position] = repeated[id(tensor)]
    return edit.remove_unused(graph)


def _broadcasts(small: ir.Tensor, other: ir.Tensor, output: ir.Tensor) -> bool:
    """Whether the output keeps its shape when one input is `small`."""
    rank = len(output.shape)
    shapes = [(1,) * (rank - len(t.shape)) + t.shape for t in (small, other)]
    return tuple(max(pair) for pair in zip(*shapes, strict=True)) == output.shape
