"""Models with float or uint8 inputs and outputs: the graph without the conversion of its ends.

Such a graph begins with QUANTIZE and ends with QUANTIZE or DEQUANTIZE. A caller that has quantized
values can leave out both.
"""

import dataclasses
from collections.abc import Iterable

from firmware_export.standalone.graph import ir


@dataclasses.dataclass(frozen=True)
class Inner:
    """The ops between the conversions.

    Attributes:
      first, last: the ops are those from position `first` up to, and without, `last`.
      inputs, outputs: theirs, in the order of the graph's; those without conversion are the same.
    """

    first: int
    last: int
    inputs: list[ir.Tensor]
    outputs: list[ir.Tensor]


def arrange(graph: ir.Graph) -> ir.Graph:
    """Moves the conversions of inputs to the front, those of outputs to the end."""
    head = [op for op in graph.ops if _converts_input(graph, op)]
    tail = [op for op in graph.ops if op not in head and _converts_output(graph, op)]
    graph.ops = [*head, *(op for op in graph.ops if op not in head and op not in tail), *tail]
    return graph


def find(graph: ir.Graph) -> Inner | None:
    """The graph without its conversions; None if it has none, or cannot do without one."""
    first, last = 0, len(graph.ops)
    while first < last and _converts_input(graph, graph.ops[first]):
        first += 1
    while first < last and _converts_output(graph, graph.ops[last - 1]):
        last -= 1
    read = {id(op.inputs[0]): op.output for op in graph.ops[:first]}
    written = {id(op.output): op.inputs[0] for op in graph.ops[last:]}
    inputs = [read.get(id(tensor), tensor) for tensor in graph.inputs]
    outputs = [written.get(id(tensor), tensor) for tensor in graph.outputs]
    are_quantized = all(tensor.dtype in ("int8", "int16") for tensor in (*inputs, *outputs))
    if (first, last) == (0, len(graph.ops)) or not are_quantized:
        return None
    return Inner(first, last, inputs, outputs)


def _converts_input(graph: ir.Graph, op: ir.Op) -> bool:
    if not isinstance(op, ir.Conversion):
        return False
    x = op.inputs[0]
    kept = (*graph.lasting(), *(t for other in graph.ops if other is not op for t in other.inputs))
    return _is_one_of(x, graph.inputs) and not _is_one_of(x, kept)


def _converts_output(graph: ir.Graph, op: ir.Op) -> bool:
    if not isinstance(op, ir.Conversion) or not _is_one_of(op.output, graph.outputs):
        return False
    return not any(_is_one_of(op.output, other.inputs) for other in graph.ops)


def _is_one_of(tensor: ir.Tensor, others: Iterable[ir.Tensor]) -> bool:
    return any(other is tensor for other in others)
