"""The memory plan: all activations share one buffer, and memory is reused.

A tensor is needed from the op that writes it to the last one that reads it; scratch memory only
during its op. Tensors that share memory (views, outputs in place of inputs) are one block, whose
size changes: an output in the place of a larger input leaves the rest to others. The model's inputs
are needed from the start, its outputs until the end, states all the time.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from firmware_export.standalone.graph import ir

ALIGNMENT = 16
_SEARCH_STEPS = 2_000


@dataclasses.dataclass(eq=False)
class Block:
    """Bytes that must stay in one place for some time.

    Attributes:
      tensor: the activation that it is for; None for scratch.
      name: of the tensor, or of the op that the scratch is for.
      size: bytes needed, not rounded up.
      first, last: positions of the first and last op that need it; -1 is before the first op.
      offset: from the start of the buffer.
      sizes: bytes needed at each position from `first` on; empty: always `size`.
    """

    tensor: ir.Tensor | None
    name: str
    size: int
    first: int
    last: int
    offset: int = 0
    sizes: tuple[int, ...] = ()

    def at(self, position: int) -> int:
        """Bytes needed at a position, rounded up; 0 before and after."""
        if not self.first <= position <= self.last:
            return 0
        return aligned(self.sizes[position - self.first] if self.sizes else self.size)

    def beside(self, other: "Block") -> int:
        """The most bytes, rounded up, that it needs while another block is needed too."""
        if not self.sizes:
            return self.aligned
        first, last = max(self.first, other.first), min(self.last, other.last)
        return aligned(max(self.sizes[first - self.first : last - self.first + 1]))

    @property
    def aligned(self) -> int:
        return aligned(self.size)

    @property
    def end(self) -> int:
        """Offset of the first byte after it, rounded up."""
        return self.offset + self.aligned

    def meets(self, other: "Block") -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


@dataclasses.dataclass(eq=False)
class Plan:
    """The layout of the buffer.

    Attributes:
      size: bytes of the buffer.
      lower_bound: peak of the bytes needed at the same time: no layout can be smaller.
      blocks: all blocks, by the time of first need.
      ops: number of points in time: one per op.
    """

    size: int
    lower_bound: int
    blocks: list[Block]
    ops: int

    def __post_init__(self) -> None:
        self._offsets = {id(b.tensor): b.offset for b in self.blocks if b.tensor is not None}
        self._scratch = {b.first: b.offset for b in self.blocks if b.tensor is None}

    def offset(self, tensor: ir.Tensor) -> int:
        """First byte of an activation, from the start of the buffer."""
        root, inner = tensor.storage()
        return self._offsets[id(root)] + inner

    def used(self, position: int) -> int:
        """Bytes that hold something while an op runs, gaps of rounding included."""
        live = sorted((block.offset, block.offset + block.at(position)) for block in self.blocks)
        total = end = 0
        for first, last in live:
            total += max(0, last - max(first, end))
            end = max(end, last)
        return total

    def scratch_offset(self, position: int) -> int:
        """First byte of an op's scratch; 0 if it needs none."""
        return self._scratch.get(position, 0)


def plan(
    graph: ir.Graph,
    scratch: Sequence[int],
    slides: Mapping[tuple[int, int], int] | None = None,
    reuse: bool = True,
) -> Plan:
    """Places all activations and scratch.

    Args:
      graph: after all passes.
      scratch: bytes of scratch memory per op.
      slides: which outputs may overlap an input, see slides.py.
      reuse: False gives every tensor separate memory that nothing overwrites.
    """
    found = blocks(graph, scratch)
    if not reuse:
        for block in found:
            if block.tensor is not None:
                block.first, block.last, block.sizes = -1, len(graph.ops), ()
    may_overlap = allowed(found, slides or {}) if reuse else {}
    bound = max(live_bytes(found, len(graph.ops), may_overlap))
    _arrange(found, bound, may_overlap)
    size = max(block.end for block in found)
    return Plan(size, bound, found, len(graph.ops))


def blocks(graph: ir.Graph, scratch: Sequence[int]) -> list[Block]:
    """Blocks with the times at which they are needed; no offsets yet."""
    found: dict[int, _Shared] = {}

    def shared(tensor: ir.Tensor) -> _Shared:
        root, _ = tensor.storage()
        return found.setdefault(id(root), _Shared(root))

    for tensor in (*graph.inputs, *graph.states):
        shared(tensor).write(tensor, -1)
    for position, op in enumerate(graph.ops):
        for tensor in op.inputs:
            if not tensor.is_constant:
                shared(tensor).read(tensor, position)
        shared(op.output).write(op.output, position)
    for tensor in graph.lasting():
        shared(tensor).read(tensor, len(graph.ops))
    temporary = [
        Block(None, f"scratch of {op.source}", size, position, position)
        for position, (op, size) in enumerate(zip(graph.ops, scratch, strict=True))
        if size
    ]
    return sorted(
        [*(each.block() for each in found.values()), *temporary], key=lambda block: block.first
    )


class _Shared:
    """The tensors that share the memory of one, and when each is written and read."""

    def __init__(self, root: ir.Tensor) -> None:
        self._root = root
        self._tensors: dict[int, ir.Tensor] = {}
        self._writes: dict[int, list[int]] = {}
        self._reads: dict[int, list[int]] = {}

    def write(self, tensor: ir.Tensor, position: int) -> None:
        self._tensors[id(tensor)] = tensor
        self._writes.setdefault(id(tensor), []).append(position)

    def read(self, tensor: ir.Tensor, position: int) -> None:
        self._tensors[id(tensor)] = tensor
        self._reads.setdefault(id(tensor), []).append(position)

    def block(self) -> Block:
        times = [t for of in (self._writes, self._reads) for found in of.values() for t in found]
        first, last = min(times), max(times)
        block = Block(self._root, self._root.name, self._root.byte_size, first, last)
        if len(self._tensors) > 1:
            sizes = [0] * (last - first + 1)
            for key, tensor in self._tensors.items():
                # A view is not written itself, nor is each part of a whole read itself.
                begin = min(self._writes.get(key, [first]))
                end = max(self._reads.get(key, [last]))
                size = tensor.storage()[1] + tensor.extent
                for t in range(min(begin, end) - first, max(begin, end) - first + 1):
                    sizes[t] = max(sizes[t], size)
            if min(sizes) < block.size:
                block.sizes = tuple(sizes)
        return block


# (input's block, output's block): bytes from the start of the second to the start of the first.
Allowed = Mapping[tuple[Block, Block], int]


def allowed(found: Sequence[Block], slides: Mapping[tuple[int, int], int]) -> Allowed:
    """The slides that overlap, by block."""
    by_tensor = {id(block.tensor): block for block in found if block.tensor is not None}
    return {
        (by_tensor[x], by_tensor[y]): aligned(distance)
        for (x, y), distance in slides.items()
        if aligned(distance) < by_tensor[y].aligned
    }


def live_bytes(found: Sequence[Block], ops: int, allowed: Allowed | None = None) -> list[int]:
    """Bytes needed before the first op, during each op, and after the last."""
    live = [0] * (ops + 2)
    for block in found:
        for position in range(block.first, block.last + 1):
            live[position + 1] += block.at(position)
    for (x, y), distance in (allowed or {}).items():
        for position in range(max(x.first, y.first), min(x.last, y.last) + 1):
            one, other = x.at(position), y.at(position)
            live[position + 1] -= one + other - max(distance + one, other)
    return live


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def quick_size(found: list[Block], allowed: Allowed) -> int:
    """Bytes that a plan needs at most: that of a simple search."""
    return min(size for size, _ in _tried(found, _meeting(found), allowed))


def _arrange(found: list[Block], bound: int, allowed: Allowed) -> None:
    """Assigns offsets: the best of several orders of placement, then a search from there."""
    meeting = _meeting(found)
    best, order = min(_tried(found, meeting, allowed), key=lambda each: each[0])
    order = _searched(order, best, bound, meeting, allowed)
    _place(order, meeting, allowed)


# By block: those that it meets, and what both need at that time.
_Meeting = Mapping[int, list[tuple[Block, int, int]]]


def _meeting(found: list[Block]) -> _Meeting:
    return {
        id(block): [
            (other, block.beside(other), other.beside(block))
            for other in found
            if other is not block and block.meets(other)
        ]
        for block in found
    }


def _tried(
    found: list[Block], meeting: _Meeting, allowed: Allowed
) -> Iterator[tuple[int, list[Block]]]:
    """Orders of placement, and the size that each needs."""
    keys: list[Callable[[Block], tuple[int, ...]]] = [
        lambda b: (-b.aligned, b.first),
        lambda b: (b.first, -b.aligned),
        # From the end: outputs that slide before their input come before it.
        lambda b: (-b.first, -b.aligned),
        lambda b: (-b.last, -b.aligned),
        lambda b: (-b.aligned * (b.last - b.first + 1), b.first),
        lambda b: (-(b.last - b.first), -b.aligned),
        lambda b: (-_level(meeting[id(b)], b), -b.aligned, b.first),
    ]
    for key in keys:
        order = sorted(found, key=key)
        yield _place(order, meeting, allowed), order


def _level(others: list[tuple[Block, int, int]], block: Block) -> int:
    """Bytes of a block and of those that it meets."""
    return block.aligned + sum(other.aligned for other, _, _ in others)


def _place(order: list[Block], meeting: _Meeting, allowed: Allowed) -> int:
    """Puts each block at the lowest offset that earlier ones leave; returns the size needed."""
    placed: set[int] = set()
    size = 0
    for block in order:
        taken = sorted(
            _excluded(block, *beside, allowed)
            for beside in meeting[id(block)]
            if id(beside[0]) in placed
        )
        offset = 0
        for begin, end in taken:
            if offset <= begin:
                break
            offset = max(offset, end)
        block.offset = offset
        placed.add(id(block))
        size = max(size, block.end)
    return size


def _excluded(
    block: Block, other: Block, size: int, others: int, allowed: Allowed
) -> tuple[int, int]:
    """Bounds, both exclusive, between which a block cannot start.

    Args:
      block, other: a block, and one that has its place.
      size, others: bytes that both need at the same time.
      allowed: see `plan`.
    """
    first, last = other.offset - size, other.offset + others
    if (block, other) in allowed:
        last = min(last, other.offset + allowed[block, other])
    if (other, block) in allowed:
        first = max(first, other.offset - allowed[other, block])
    return first, last


def _searched(
    order: list[Block],
    size: int,
    bound: int,
    meeting: _Meeting,
    allowed: Allowed,
) -> list[Block]:
    """Moves the blocks that end last to earlier positions in the order, as long as it helps.

    Steps come from a fixed sequence of numbers, so the same graph always has the same layout.
    """
    seed = 12_345
    steps = min(_SEARCH_STEPS, 4_000_000 // (len(order) ** 2 + 1))
    current = list(order)
    for _ in range(steps):
        if size <= bound:
            break
        seed = (1_103_515_245 * seed + 12_345) % (1 << 31)
        trial = list(current)
        _place(trial, meeting, allowed)
        top = max(range(len(trial)), key=lambda i: (trial[i].end, -i))
        moved = trial.pop(top if seed & 1024 else (seed >> 12) % len(trial))
        trial.insert((seed >> 16) % (len(trial) + 1), moved)
        found = _place(trial, meeting, allowed)
        if found <= size:
            current, size = trial, found
    return current
