"""Which outputs may overlap an input that is used up while they are written.

A kernel that goes through its input in order, and writes its output in order, needs no memory of
its own for the output: it may begin a little before the input and follow the reading. How far
before, follows from what each step reads and writes.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered

# (id of the input's tensor, id of the output's): bytes that the input must lie behind the start
# of the output at least.
Slides = Mapping[tuple[int, int], int]


@dataclasses.dataclass(frozen=True)
class _Event:
    """What happens at once: first byte read and end of the bytes written, by tensor."""

    position: int
    reads: dict[int, int]
    writes: dict[int, int]


def find(graph: ir.Graph, lowered: Sequence[Lowered]) -> Slides:
    """Looks at every pair of a tensor that dies and one that is first written meanwhile.

    Args:
      graph: after all passes.
      lowered: of its ops, in order.
    """
    events = [
        event
        for position, (op, low) in enumerate(zip(graph.ops, lowered, strict=True))
        for event in _events(position, op, low)
    ]
    outputs = {id(tensor.storage()[0]) for tensor in graph.lasting()}
    first_write: dict[int, int] = {}
    last_read: dict[int, int] = {}
    for at, event in enumerate(events):
        for tensor in event.writes:
            first_write.setdefault(tensor, at)
        for tensor in event.reads:
            last_read[tensor] = at
    written_before = {tensor: -1 for tensor in map(id, graph.inputs)} | first_write
    sizes = {id(root): root.size for root in (t.storage()[0] for t in graph.activations())}
    found = {}
    states = {id(tensor) for tensor in graph.states}  # there before their first write
    for y, begin in first_write.items():
        if y in states:
            continue
        writers = {event.position for event in events if y in event.writes}
        for x, end in last_read.items():
            if x == y or x in outputs or written_before.get(x, end) >= begin or end < begin:
                continue
            if events[end].position not in writers:
                continue  # Something else still reads the input when the output is there.
            behind = _behind(events[begin : end + 1], x, y)
            if behind < sizes[x]:
                found[x, y] = behind
    return found


def _behind(events: list[_Event], x: int, y: int) -> int:
    """How far x must lie behind y for no event to overwrite what it or a later one reads."""
    first = None
    behind = 0
    ends = []
    end = 0
    for event in events:
        end = max(end, event.writes.get(y, 0))
        ends.append(end)
    for event, written in zip(reversed(events), reversed(ends), strict=True):
        if x in event.reads:
            first = event.reads[x] if first is None else min(first, event.reads[x])
        if first is not None:
            behind = max(behind, written - first)
    return behind


def _events(position: int, op: ir.Op, lowered: Lowered) -> Iterator[_Event]:
    if lowered.progress is None:
        reads = dict(_whole(t, 0) for t in op.inputs if not t.is_constant)
        yield _Event(position, reads, dict([_whole(op.output, op.output.size)]))
        return
    output, start = op.output.storage()
    places = [tensor.storage() for tensor in op.inputs]
    for step in lowered.progress.steps():
        reads = {}
        for index, byte in step.reads.items():
            root, offset = places[index]
            reads[id(root)] = min(reads.get(id(root), offset + byte), offset + byte)
        yield _Event(position, reads, {id(output): start + step.written})


def _whole(tensor: ir.Tensor, at: int) -> tuple[int, int]:
    root, offset = tensor.storage()
    # With gaps between its rows a tensor reaches further than it has bytes.
    return id(root), root.size if at and tensor.pitch is not None else offset + at
