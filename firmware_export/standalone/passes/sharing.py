"""When which bytes are read: what a pass must know before it lets two tensors share memory."""

from firmware_export.standalone.graph import ir


class Reads:
    """All reads of a graph, by place: after which op some bytes are no longer read."""

    def __init__(self, graph: ir.Graph) -> None:
        # By the tensor that owns the memory: (first byte, end, position of the op that reads).
        self._reads: dict[int, list[tuple[int, int, int]]] = {}
        for position, op in enumerate(graph.ops):
            for tensor in op.inputs:
                self._add(tensor, position)
        for tensor in graph.lasting():
            self._add(tensor, len(graph.ops))

    def _add(self, tensor: ir.Tensor, position: int) -> None:
        if not tensor.is_constant:
            root, begin = tensor.storage()
            place = (begin, begin + tensor.extent, position)
            self._reads.setdefault(id(root), []).append(place)

    def moved(self, tensor: ir.Tensor) -> None:
        """Updates the reads of a tensor that had its own memory and was given a base."""
        root, offset = tensor.storage()
        places = self._reads.pop(id(tensor), [])
        there = self._reads.setdefault(id(root), [])
        there.extend((begin + offset, end + offset, position) for begin, end, position in places)

    def last(self, tensor: ir.Tensor) -> int:
        """The position of the last op that reads any byte of a tensor's place, -1 for none."""
        root, begin = tensor.storage()
        end = begin + tensor.extent
        found = (p for b, e, p in self._reads.get(id(root), []) if b < end and begin < e)
        return max(found, default=-1)


def overlap(a: ir.Tensor, b: ir.Tensor) -> bool:
    """Whether two activations have bytes in common."""
    (root, begin), (other, start) = a.storage(), b.storage()
    return root is other and begin < start + b.extent and start < begin + a.extent
