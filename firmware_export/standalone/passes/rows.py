"""Chains of ops that run row by row, so that tensors between them need memory for a row or two.

A convolution to many channels followed by one to few is the usual case: the many channels never
exist for more than a row. Calls per row cost some time, so a chain has to pay: it is made if it
lowers peak memory by a larger share than it adds instructions, as costs.py estimates them.
"""

import dataclasses
from collections.abc import Iterator

from firmware_export.standalone import costs, slides
from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.ops.row_sums import RowSums
from firmware_export.standalone.ops.rows import Rows
from firmware_export.standalone.ops.shared import kernel_choice, row_calls
from firmware_export.standalone.passes import edit, in_place

_MAX_ROUNDS = 64
_MAX_CHAIN = 8
_TOO_MUCH = 1 << 40


@dataclasses.dataclass(frozen=True)
class _Chain:
    """Positions of ops that run row by row, and whether output and first input share memory."""

    ops: tuple[int, ...]
    overlap: bool

    def __len__(self) -> int:
        return len(self.ops)


def run(graph: ir.Graph) -> ir.Graph:
    """Makes chains around the op that needs the most memory, as long as that helps."""
    return _Search(graph).best()


class _Search:
    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._uses = edit.Uses(graph)
        self._forms = [_with_rows(op) for op in graph.ops]
        self._lower: dict[int, Lowered | None] = {}
        self._allowed: dict[int, tuple[int, ...]] = {}
        self._made: dict[_Chain, Rows] = {}
        self._next = _links(graph, self._forms)
        self._before = {after: position for position, after in self._next.items()}

    def best(self) -> ir.Graph:
        chains: list[_Chain] = []
        need = self._need(chains)
        best, least = chains, self._price(chains)
        for _ in range(_MAX_ROUNDS):
            found = []
            for trial in self._trials(chains, need):
                needed = self._need(trial)
                if _rank(needed) < _rank(need):
                    price = self._price(trial)
                    found.append((price, _rank(needed), _cost(trial), trial, needed))
            if not found:
                break
            price, _, _, chains, need = min(found, key=lambda each: each[:3])
            if price < least:
                best, least = chains, price
        return self._graph_of(best)

    def _price(self, chains: list[_Chain]) -> float:
        """What the search minimizes."""
        graph = self._graph_of(chains)
        lowered = [self._lowered(op) for op in graph.ops]
        total = sum(costs.instructions(low) for low in lowered if low is not None)
        return costs.price(planner.quick_size(*self._blocks(graph)), total)

    def _trials(self, chains: list[_Chain], need: list[int]) -> Iterator[list[_Chain]]:
        """The given chains, plus one more that may help where most memory is needed."""
        graph = self._graph_of(chains)
        peak = need.index(max(need)) - 1
        live = {
            id(block.tensor)
            for block in self._blocks(graph)[0]
            if block.first <= peak <= block.last and block.tensor is not None
        }
        trials: dict[_Chain, None] = {}
        for position, after in self._next.items():
            if id(self._graph.ops[position].output) in live:
                for ops in self._around(position, after):
                    trials[_Chain(ops, False)] = trials[_Chain(ops, True)] = None
        if 0 <= peak < len(graph.ops):
            ops = self._positions(graph.ops[peak], chains)
            if ops:
                trials[_Chain(ops, True)] = None
        for chain in trials:
            others = [other for other in chains if not set(other.ops) <= set(chain.ops)]
            if not any(set(other.ops) & set(chain.ops) for other in others):
                yield [*others, chain]

    def _positions(self, op: ir.Op, chains: list[_Chain]) -> tuple[int, ...]:
        """Positions of the ops that an op of the graph with chains replaces; () if none."""
        for chain in chains:
            if self._made.get(chain) is op:
                return chain.ops
        if self._uses.only_reader(op.inputs[0]) is not op:
            return ()  # Nothing to overwrite.
        where = [i for i, other in enumerate(self._graph.ops) if other is op]
        return tuple(where) if where and _has_rows(self._forms[where[0]]) else ()

    def _around(self, position: int, after: int) -> Iterator[tuple[int, ...]]:
        """All chains that contain one link."""
        starts = [[position, after]]
        while starts[-1][0] in self._before and len(starts[-1]) < _MAX_CHAIN:
            starts.append([self._before[starts[-1][0]], *starts[-1]])
        for chain in starts:
            while True:
                if _split([self._forms[i] for i in chain]) is not None:
                    yield tuple(chain)
                if chain[-1] not in self._next or len(chain) >= _MAX_CHAIN:
                    break
                chain = [*chain, self._next[chain[-1]]]

    def _graph_of(self, chains: list[_Chain]) -> ir.Graph:
        last = {chain.ops[-1]: chain for chain in chains}
        inside = {position for chain in chains for position in chain.ops}
        ops = [
            self._rows(last[position]) if position in last else op
            for position, op in enumerate(self._graph.ops)
            if position in last or position not in inside
        ]
        return ir.Graph(ops, self._graph.inputs, self._graph.outputs, self._graph.states)

    def _rows(self, chain: _Chain) -> Rows:
        if chain not in self._made:
            split = _split([self._forms[i] for i in chain.ops])
            assert split is not None
            ops = [*split[0], *split[1]]
            inner = {id(op.output) for op in ops[:-1]}
            outside = {id(t): t for op in ops for t in op.inputs if id(t) not in inner}
            source = ", ".join(op.source for op in ops)
            self._made[chain] = Rows(
                list(outside.values()), ops[-1].output, source, *split, overlap=chain.overlap
            )
        return self._made[chain]

    def _need(self, chains: list[_Chain]) -> list[int]:
        """Live bytes at each time, with ops that write in place."""
        graph = self._graph_of(chains)
        blocks, slides = self._blocks(graph)
        return planner.live_bytes(blocks, len(graph.ops), slides)

    def _blocks(self, graph: ir.Graph) -> tuple[list[planner.Block], planner.Allowed]:
        """Blocks, and which of them may overlap by how much."""
        tensors = list(graph.activations())
        before = [(tensor.base, tensor.offset) for tensor in tensors]
        in_place.run(graph, self._may_overwrite)
        found = planner.blocks(graph, [self._scratch_of(op) for op in graph.ops])
        slides = self._slides(graph, found)
        for tensor, (base, offset) in zip(tensors, before, strict=True):
            tensor.base, tensor.offset = base, offset
        return found, slides

    def _slides(self, graph: ir.Graph, blocks: list[planner.Block]) -> planner.Allowed:
        lowered = [self._lowered(op) or Lowered(()) for op in graph.ops]
        return planner.allowed(blocks, slides.find(graph, lowered))

    def _may_overwrite(self, op: ir.Op) -> tuple[int, ...]:
        if id(op) not in self._allowed:
            self._allowed[id(op)] = in_place.allowed(op)
        return self._allowed[id(op)]

    def _scratch_of(self, op: ir.Op) -> int:
        lowered = self._lowered(op)
        return _TOO_MUCH if lowered is None else lowered.scratch

    def _lowered(self, op: ir.Op) -> Lowered | None:
        """None for a chain that cannot be one loop."""
        if id(op) not in self._lower:
            try:
                self._lower[id(op)] = kernel_choice.lower(op, ("dsp",))
            except row_calls.UnsuitableError:
                self._lower[id(op)] = None
        return self._lower[id(op)]


def _rank(need: list[int]) -> list[int]:
    """Sort key of needs: the largest first, then the next largest."""
    return sorted(need, reverse=True)


def _cost(chains: list[_Chain]) -> int:
    return sum(map(len, chains))


def _with_rows(op: ir.Op) -> ir.Op:
    """An op in the form that a chain can use."""
    if isinstance(op, RowSums):
        x = op.convolution.inputs[0]
        if len(op.inputs) == 1 and op.inputs[0] is x and op.output is op.convolution.output:
            return op.convolution
    return op


def _links(graph: ir.Graph, forms: list[ir.Op]) -> dict[int, int]:
    """For each op with an output that only one op of a chain needs: that op's position."""
    uses = edit.Uses(graph)
    positions = {id(op): position for position, op in enumerate(graph.ops)}
    viewed: set[int] = set()
    for tensor in (*graph.activations(), *graph.lasting()):
        base = tensor.base
        while base is not None:
            viewed.add(id(base))
            base = base.base
    found = {}
    for position, op in enumerate(forms):
        middle = op.output
        reader = uses.only_reader(middle)
        if reader is None or middle.base is not None or id(middle) in viewed:
            continue
        after = forms[positions[id(reader)]]
        if _has_rows(op) and _has_rows(after) and after.follows_rows_of(middle):
            found[position] = positions[id(reader)]
    return found


def _has_rows(op: ir.Op) -> bool:
    """Whether an op can run for a single row of its output."""
    shape = op.output.shape
    return len(shape) == 4 and shape[0] == 1 and shape[1] > 1 and op.runs_by_rows()


def _split(ops: list[ir.Op]) -> tuple[list[ir.Op], list[ir.Op]] | None:
    """Head and tail of a chain; None if more than one op needs several rows of the op before."""
    windows = [i for i in range(1, len(ops)) if ops[i].vertical() != (1, 1, 0)]
    if len(windows) > 1:
        return None
    cut = windows[0] if windows else min(1, len(ops) - 1)
    return ops[:cut], ops[cut:]
