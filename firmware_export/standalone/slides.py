"""Finds outputs that may overlap an input which is consumed while they are written.

A kernel that reads its input in order and writes its output in order needs no separate memory for
the output: the output may start a little before the input and follow the reads. The distance
follows from what each step reads and writes.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered

# (id of the input's tensor, id of the output's): minimum bytes from the start of the output to the
# start of the input.
Slides = Mapping[tuple[int, int], int]


@dataclasses.dataclass(frozen=True)
class _Event:
    """One step of an op: first byte read and end of the bytes written, by tensor."""

    position: int
    reads: dict[int, int]
    writes: dict[int, int]


def find(graph: ir.Graph, lowered: Sequence[Lowered]) -> Slides:
    """Checks every pair of a tensor that dies and one that is first written at that time.

    Args:
      graph: after all passes.
      lowered: its lowered ops, in order.
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
    # What holds inputs or states exists before an op writes it.
    earlier = {id(tensor.storage()[0]) for tensor in (*graph.inputs, *graph.states)}
    written_before = first_write | dict.fromkeys(earlier, -1)
    sizes = {id(root): root.byte_size for root in (t.storage()[0] for t in graph.activations())}
    found = {}
    for y, begin in first_write.items():
        if y in earlier:
            continue
        writers = {event.position for event in events if y in event.writes}
        for x, end in last_read.items():
            if x == y or x in outputs or written_before.get(x, end) >= begin or end < begin:
                continue
            if events[end].position not in writers:
                continue  # Another op still reads the input after the output is written.
            distance = _distance(events[begin : end + 1], x, y)
            if distance < sizes[y]:
                found[x, y] = distance
    return found


def _distance(events: list[_Event], x: int, y: int) -> int:
    """Distance from y to x at which no event overwrites what it or a later one reads."""
    first = None
    distance = 0
    ends = []
    end = 0
    for event in events:
        end = max(end, event.writes.get(y, 0))
        ends.append(end)
    for event, written in zip(reversed(events), reversed(ends), strict=True):
        if x in event.reads:
            first = event.reads[x] if first is None else min(first, event.reads[x])
        if first is not None:
            distance = max(distance, written - first)
    return distance


def _events(position: int, op: ir.Op, lowered: Lowered) -> Iterator[_Event]:
    if lowered.progress is None:
        reads = dict(_whole(t, 0) for t in op.inputs if not t.is_constant)
        yield _Event(position, reads, dict([_whole(op.output, op.output.byte_size)]))
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
    # With gaps between its rows a tensor spans more bytes than it has.
    return id(root), root.byte_size if at and tensor.pitch is not None else offset + at
