"""TILE, BROADCAST_TO and FILL."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.move import Move, Part
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import MOVED, FileOp, OpRule


@dataclasses.dataclass(eq=False)
class Repeat(Move):
    """inputs: x, which is repeated along some axes."""

    def only_repeats(self) -> bool:
        """Whether each axis is either repeated from size 1 or left as it is."""
        x, output = self.inputs[0], self.output
        padded = (1,) * (len(output.shape) - len(x.shape)) + x.shape
        return all(n in (1, m) for n, m in zip(padded, output.shape, strict=True))


def _repeat(op: FileOp, x: ir.Tensor, output: ir.Tensor, counts: list[int]) -> ir.Op:
    """The op that repeats axis i of the output, of which x may lack the first, counts[i] times."""
    lacking = len(output.shape) - len(x.shape)
    sizes = (1,) * lacking + x.shape
    given, to = copies.steps(sizes), copies.steps(output.shape)
    extents, in_steps, out_steps = [], [], []
    for axis, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        extents += [count, size]
        in_steps += [0, given[axis]]
        out_steps += [size * to[axis], to[axis]]
    part = Part(tuple(extents), tuple(in_steps), tuple(out_steps))
    return Repeat([x], output, op.source, parts=(part,))


def _read_tile(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x = op.activation(0, MOVED)
    output = op.output(types=(x.dtype,))
    counts = op.numbers(1, len(x.shape))
    op.require(
        all(count >= 1 for count in counts)
        and tuple(n * count for n, count in zip(x.shape, counts, strict=True)) == output.shape,
        f"makes {output.shape} of {x.shape}, {counts} times",
    )
    return _repeat(op, x, output, counts)


def _read_broadcast_to(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x = op.activation(0, MOVED)
    output = op.output(types=(x.dtype,))
    shape = op.numbers(1)
    padded = (1,) * (len(shape) - len(x.shape)) + x.shape
    op.require(
        tuple(shape) == output.shape
        and len(padded) == len(shape)
        and all(n in (1, m) for n, m in zip(padded, shape, strict=True)),
        f"makes {output.shape} of {x.shape} and the shape {shape}",
    )
    return _repeat(op, x, output, [m // n for n, m in zip(padded, shape, strict=True)])


def _read_fill(op: FileOp) -> ir.Op:
    op.check_counts(2, 2)
    x = op.activation(1, ("int8", "int32", "float32"))
    output = op.output(types=(x.dtype,))
    shape = op.numbers(0)
    op.require(tuple(shape) == output.shape, f"makes {output.shape} of the shape {shape}")
    op.require(x.shape == (), f"fills with '{x.name}' of shape {x.shape}")
    return _repeat(op, x, output, shape)


OPS = (
    OpRule("TILE", 3, _read_tile),
    OpRule("BROADCAST_TO", 3, _read_broadcast_to),
    OpRule("FILL", 3, _read_fill),
)
