"""Makes a .tflite fit for small devices: op order with a small arena, short names.

The converter chooses the order of ops and names tensors by the path of the ops that made them. An
interpreter runs ops in file order, and its arena must hold the largest set of live tensors in that
order; names take up flash along with the model.
"""

from collections.abc import Callable, Iterable

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from edge_tf.conversion.tflite.tflite_edit import pack, unpack


def slim(data: bytes) -> bytes:
    """The same model with its ops reordered and its inner tensors renamed."""
    model = unpack(data)
    (graph,) = model.subgraphs
    graph.operators = [graph.operators[i] for i in _order(graph, model.buffers)]
    named = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        if index not in named:
            tensor.name = f"t{index}".encode()
    return pack(model)


def _order(graph: schema.SubGraphT, buffers: list[schema.BufferT]) -> list[int]:
    """The given order or a greedy one, whichever has the lower peak memory."""
    plan = _Plan(graph, buffers)
    given = list(range(len(graph.operators)))
    return min([plan.greedy(), given], key=plan.peak)


# Picks one of the ops that can run, given the number of pending readers per tensor.
_Choose = Callable[[list[int], dict[int, int]], int]


class _Plan:
    """Activations that each op reads and writes, and their bytes."""

    def __init__(self, graph: schema.SubGraphT, buffers: list[schema.BufferT]) -> None:
        sizes = [int(np.prod(tensor.shape)) for tensor in graph.tensors]
        constant = [buffers[tensor.buffer].data is not None for tensor in graph.tensors]

        def activations(indices: Iterable[int]) -> list[int]:
            return sorted({int(i) for i in indices if i >= 0 and not constant[i]})

        self._sizes = sizes
        self._reads = [activations(op.inputs) for op in graph.operators]
        self._writes = [activations(op.outputs) for op in graph.operators]
        self._inputs = activations(graph.inputs)
        self._kept = set(activations(graph.outputs))

    def _walk(self, choose: _Choose) -> tuple[int, list[int]]:
        waiting = list(range(len(self._reads)))
        readers = {
            t: sum(t in reads for reads in self._reads) for reads in self._reads for t in reads
        }
        live = set(self._inputs)
        peak, order = 0, []
        while waiting:
            op = choose([i for i in waiting if live.issuperset(self._reads[i])], readers)
            waiting.remove(op)
            order.append(op)
            live.update(self._writes[op])
            peak = max(peak, sum(self._sizes[t] for t in live))
            for tensor in self._reads[op]:
                readers[tensor] -= 1
            done = (t for t in (*self._reads[op], *self._writes[op]) if not readers.get(t))
            live.difference_update(t for t in done if t not in self._kept)
        return peak, order

    def growth(self, op: int, readers: dict[int, int]) -> int:
        """Bytes live after an op minus those before."""
        freed = [t for t in self._reads[op] if readers[t] == 1 and t not in self._kept]
        return sum(self._sizes[t] for t in self._writes[op]) - sum(self._sizes[t] for t in freed)

    def greedy(self) -> list[int]:
        """Always picks the op that frees the most bytes, or adds the fewest."""
        return self._walk(
            lambda ready, readers: min(ready, key=lambda i: (self.growth(i, readers), i))
        )[1]

    def peak(self, order: list[int]) -> int:
        """Bytes of the largest set of live activations."""
        following = iter(order)
        return self._walk(lambda ready, readers: next(following))[0]
