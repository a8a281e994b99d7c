"""Shared by passes: inspecting and changing a graph."""

import collections

from firmware_export.standalone.graph import ir


class Uses:
    """Which ops write and read each activation, looked up once for a graph that does not change."""

    def __init__(self, graph: ir.Graph) -> None:
        self._outputs = {id(tensor) for tensor in graph.lasting()}
        self._producers = {id(op.output): op for op in graph.ops}
        self._readers: dict[int, list[ir.Op]] = collections.defaultdict(list)
        for op in graph.ops:
            for tensor in {id(t): t for t in op.inputs}.values():
                self._readers[id(tensor)].append(op)

    def producer(self, tensor: ir.Tensor) -> ir.Op | None:
        return self._producers.get(id(tensor))

    def readers(self, tensor: ir.Tensor) -> list[ir.Op]:
        return self._readers.get(id(tensor), [])

    def is_output(self, tensor: ir.Tensor) -> bool:
        """Whether it is needed after all ops have run: an output of the model, or a state."""
        return id(tensor) in self._outputs

    def only_reader(self, tensor: ir.Tensor) -> ir.Op | None:
        """The only op that needs a tensor; None if there is no such op."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and not self.is_output(tensor) else None


def remove_unused(graph: ir.Graph) -> ir.Graph:
    """Removes ops with unused outputs. Not for graphs with views, where reads are hidden."""
    needed = {id(tensor) for tensor in graph.lasting()}
    kept = []
    for op in reversed(graph.ops):
        if id(op.output) in needed:
            kept.append(op)
            needed.update(id(tensor) for tensor in op.inputs)
    graph.ops = kept[::-1]
    return graph


def joined_source(first: ir.Op, second: ir.Op) -> str:
    """The source of an op that does the work of two."""
    return f"{first.source}, {second.source}"
