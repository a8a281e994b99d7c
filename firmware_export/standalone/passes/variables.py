"""Variables that hold the last rows of a stream become queues: no copy in, no copy out.

A streaming model reads a variable, joins new rows to it, and assigns it the last rows of that. In C
the joined rows stay in place from one run to the next; new ones are pushed in at the end.
"""

import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.concatenation import Concat
from firmware_export.standalone.ops.push import Push
from firmware_export.standalone.ops.slice import Slice
from firmware_export.standalone.ops.variables import AssignVariable, ReadVariable
from firmware_export.standalone.passes import edit


def run(graph: ir.Graph) -> ir.Graph:
    for read in [op for op in graph.ops if isinstance(op, ReadVariable)]:
        _make_queue(graph, read)
    return graph


def _make_queue(graph: ir.Graph, read: ReadVariable) -> None:
    uses = edit.Uses(graph)
    state, past = read.inputs[0], read.output
    assigns = [op for op in graph.ops if isinstance(op, AssignVariable) and op.output is state]
    join = uses.only_reader(past)
    if len(uses.readers(state)) != 1 or len(assigns) != 1 or not isinstance(join, Concat):
        return
    (assign,) = assigns
    kept = assign.inputs[0]
    cut = uses.producer(kept)
    if uses.only_reader(kept) is not assign or not isinstance(cut, Slice):
        return
    if not _joins_rows(join, past) or uses.is_output(join.output):
        return
    if cut.inputs[0] is not join.output or not _takes_last(cut, join):
        return
    queue, new = join.output, join.inputs[1]
    queue.initial = _content(state, queue)
    source = edit.joined_source(read, join)
    push = Push([new], queue, source)
    gone = {id(op) for op in (read, cut, assign)}
    graph.ops = [push if op is join else op for op in graph.ops if id(op) not in gone]
    graph.states = [queue if tensor is state else tensor for tensor in graph.states]


def _joins_rows(join: Concat, past: ir.Tensor) -> bool:
    """Whether it puts new bytes after the past ones."""
    return (
        len(join.inputs) == 2
        and join.inputs[0] is past
        and not join.inputs[1].is_constant
        and math.prod(past.shape[: join.axis]) == 1
    )


def _takes_last(cut: Slice, join: Concat) -> bool:
    """Whether it takes the last rows, as many as the variable holds."""
    past, new = join.inputs
    begin = [0] * len(past.shape)
    begin[join.axis] = new.shape[join.axis]
    steps = {step for step, size in zip(cut.step, past.shape, strict=True) if size > 1}
    return cut.output.shape == past.shape and cut.begin == tuple(begin) and steps <= {1}


def _content(state: ir.Tensor, queue: ir.Tensor) -> np.ndarray:
    """The queue before the first run: the rows before the variable's are never read."""
    assert state.initial is not None
    last = state.initial.reshape(-1)
    first = np.full(queue.size - last.size, last[0], last.dtype)
    return np.concatenate([first, last]).reshape(queue.shape)
