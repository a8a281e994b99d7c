"""Any function of one int8 value becomes a table of 256 values, fused into the op before.

x -> LOGISTIC -> MUL with x is a table, so is a RELU or a QUANTIZE, and a chain of tables is one.
A convolution absorbs the table after it; a table that only clamps becomes its bounds.
"""

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.table import Table
from firmware_export.standalone.passes import edit

_ALL = np.arange(-128, 128, dtype=np.int8)


def run(graph: ir.Graph) -> ir.Graph:
    graph = _evaluated(graph)
    graph = _joined(graph)
    graph = _before_reshapes(graph)
    return _fused(_joined(graph))


def _evaluated(graph: ir.Graph) -> ir.Graph:
    """Ops on the same tensor twice, or on a tensor and a single value, become tables."""
    producers: dict[int, ir.Op] = {}
    ops: list[ir.Op] = []
    for op in graph.ops:
        ops.append((isinstance(op, ir.Pairwise) and _as_table(op, producers)) or op)
        producers[id(op.output)] = ops[-1]
    graph.ops = ops
    return edit.remove_unused(graph)


def _as_table(op: ir.Pairwise, producers: dict[int, ir.Op]) -> Table | None:
    if {t.dtype for t in (*op.inputs, op.output)} != {"int8"}:
        return None
    if any(t.data is not None and t.data.min() != t.data.max() for t in op.inputs):
        return None
    paths = [_ancestors(tensor, producers) for tensor in op.inputs if not tensor.is_constant]
    common = [key for key in paths[0] if all(key in path for path in paths)]
    if not common:
        return None
    source = paths[0][common[0]][0]
    if source.shape != op.output.shape:
        return None
    values = [
        np.full(256, tensor.data.reshape(-1)[0], np.int8)
        if tensor.data is not None
        else _ancestors(tensor, producers)[common[0]][1]
        for tensor in op.inputs
    ]
    try:
        table = op.evaluate(*values)
    except ValueError:
        return None  # Lowering the op reports what is wrong with the scales.
    return Table([source], op.output, op.source, table=table)


def _ancestors(
    tensor: ir.Tensor, producers: dict[int, ir.Op]
) -> dict[int, tuple[ir.Tensor, np.ndarray]]:
    """Tensors that `tensor` can be looked up from, itself first, with the tables; by id."""
    found = {id(tensor): (tensor, _ALL)}
    table = _ALL
    while isinstance(op := producers.get(id(tensor)), Table):
        table = _after(op.table, table)
        tensor = op.inputs[0]
        found[id(tensor)] = (tensor, table)
    return found


def _after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The table that combines a look-up in one table, then in another."""
    return second[first.astype(np.int64) + 128]


def _joined(graph: ir.Graph) -> ir.Graph:
    """Joins a table with the table before it, if nothing else reads that."""
    uses = edit.Uses(graph)
    gone: set[int] = set()
    for op in graph.ops:
        if not isinstance(op, Table):
            continue
        before = uses.producer(op.inputs[0])
        if isinstance(before, Table) and uses.only_reader(before.output) is op:
            op.table = _after(before.table, op.table)
            op.inputs = before.inputs
            op.source = edit.joined_source(before, op)
            gone.add(id(before))
            # This loop has already handled the one before, so chains of any length join.
            uses = edit.Uses(
                ir.Graph(
                    [o for o in graph.ops if id(o) not in gone], [], graph.outputs, graph.states
                )
            )
    graph.ops = [op for op in graph.ops if id(op) not in gone]
    return graph


def _before_reshapes(graph: ir.Graph) -> ir.Graph:
    """Swaps a table with the reshape before it, to bring it next to the op that computes."""
    uses = edit.Uses(graph)
    ops = list(graph.ops)
    for position, op in enumerate(ops):
        if not isinstance(op, Table):
            continue
        reshape = uses.producer(op.inputs[0])
        if not isinstance(reshape, Reshape) or uses.only_reader(reshape.output) is not op:
            continue
        x = reshape.inputs[0]
        mapped = ir.Tensor(
            f"{op.output.name}/before_reshape",
            x.shape,
            op.output.dtype,
            op.output.scales,
            op.output.zero_points,
        )
        where = next(i for i, other in enumerate(ops) if other is reshape)
        ops[position] = Reshape([mapped], op.output, reshape.source)
        ops[where] = Table([x], mapped, op.source, table=op.table)
        graph.ops = ops
        uses = edit.Uses(graph)
    return graph


def _fused(graph: ir.Graph) -> ir.Graph:
    """Fuses tables into the op that computes their input, if nothing else needs that."""
    uses = edit.Uses(graph)
    gone: set[int] = set()
    for op in graph.ops:
        if not isinstance(op, Table):
            continue
        before = uses.producer(op.inputs[0])
        if before is None or uses.only_reader(before.output) is not op:
            continue
        if _fuse_bounds(before, op) or _fuse_table(before, op):
            before.source = edit.joined_source(before, op)
            before.output = op.output
            gone.add(id(op))
    graph.ops = [op for op in graph.ops if id(op) not in gone]
    return graph


def _fuse_bounds(before: ir.Op, op: Table) -> bool:
    """Narrows the bounds of an op, if the table only clamps its values."""
    if not isinstance(before, ir.Bounded):
        return False
    given, result = op.inputs[0], op.output
    if (given.scales, given.zero_points) != (result.scales, result.zero_points):
        return False
    if given.dtype != result.dtype:
        return False
    if isinstance(before, ir.WithTable) and before.table is not None:
        return False
    reached = np.arange(before.low, before.high + 1)
    values = op.table[reached + 128].astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if not np.array_equal(values, np.clip(reached, low, high)):
        return False
    before.low, before.high = low, high
    return True


def _fuse_table(before: ir.Op, op: Table) -> bool:
    if not isinstance(before, ir.WithTable):
        return False
    if before.table is None:
        before.before_table = before.output
        before.table = op.table
    else:
        before.table = _after(before.table, op.table)
    return True
