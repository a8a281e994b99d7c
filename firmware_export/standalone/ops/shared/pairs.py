"""Reading and calling ops with two inputs that broadcast."""

from collections.abc import Collection, Mapping, Sequence

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place, operand
from firmware_export.standalone.ops.shared.file_op import INT8, FileOp


def read(
    op: FileOp, types: Collection[str] = INT8, made: str = ""
) -> tuple[ir.Tensor, ir.Tensor, ir.Tensor]:
    """Both inputs and the output, which has their broadcast shape.

    Args:
      op: the op.
      types: of the inputs.
      made: type of the output; "": that of the inputs.
    """
    op.check_counts(2, 2)
    a = op.value(0, types)
    b, output = op.value(1, (a.dtype,)), op.output(types=(made or a.dtype,))
    op.check_symmetric(*(tensor for tensor in (a, b, output) if tensor.scales))
    rank = max(len(a.shape), len(b.shape))
    padded = [(1,) * (rank - len(tensor.shape)) + tensor.shape for tensor in (a, b)]
    op.require(
        all(m == n or 1 in (m, n) for m, n in zip(*padded, strict=True))
        and tuple(max(pair) for pair in zip(*padded, strict=True)) == output.shape,
        f"makes {output.shape} of {a.shape} and {b.shape}",
    )
    return a, b, output


def lower(
    op: ir.Pairwise,
    kernel: str,
    fields: Mapping[str, Field],
    order: tuple[int, int] = (0, 1),
) -> Lowered:
    """A call of edge_<kernel>(), or of edge_<kernel>_broadcast() if an input is repeated.

    The latter's struct contains the former's, as the member <kernel>, and an edge_broadcast_t.

    Args:
      order: positions of the inputs that are the kernel's a and b.
    """
    first, second = (op.inputs[index] for index in order)
    arguments = (operand(first), operand(second), Place(op.output))
    if first.size == second.size == op.output.size:
        call = op.call(kernel, fields, *arguments)
    else:
        repeated = {kernel: fields, "shape": shape(op, (first, second))}
        call = op.call(f"{kernel}_broadcast", repeated, *arguments)
    return Lowered((call,), not_repeated(op))


def repeated(
    op: ir.Op,
    kernel: str,
    fields: Mapping[str, Field],
    order: tuple[int, int] = (0, 1),
) -> Lowered:
    """A call of a kernel of edge_pairs.h, which has an edge_broadcast_t in any case."""
    arguments = (*(operand(op.inputs[index]) for index in order), Place(op.output))
    call = op.call(kernel, fields, *arguments, header="edge_pairs.h")
    return Lowered((call,), not_repeated(op))


def at_most_half(multiplier: int, shift: int) -> tuple[int, int]:
    """Multiplier and right shift, from 1 on, of a factor of up to one half; from a left shift.

    2^30 without a shift, or 0, are the same as what is returned, see edge_requantize.h.
    """
    return (multiplier, -shift) if shift else ((1 << 31) - 1 if multiplier else 0, 1)


def not_repeated(op: ir.Op) -> tuple[int, ...]:
    """Positions of inputs that a kernel may overwrite: activations that it reads once."""
    return tuple(
        index
        for index, tensor in enumerate(op.inputs)
        if not tensor.is_constant and tensor.byte_size == op.output.byte_size
    )


def shape(op: ir.Op, inputs: Sequence[ir.Tensor]) -> dict[str, Field]:
    """Members of edge_broadcast_t; adjacent axes that repeat the same inputs are joined."""
    whole = op.output.shape
    padded = [(1,) * (len(whole) - len(t.shape)) + t.shape for t in inputs]
    axes: list[tuple[int, bool, bool]] = []
    for size, a, b in zip(whole, *padded, strict=True):
        axis = (size, a != size, b != size)
        if size == 1:
            continue
        if axes and axes[-1][1:] == axis[1:]:
            axis = (axes.pop()[0] * size, *axis[1:])
        axes.append(axis)
    op.check(
        len(axes) <= 4,
        op.output,
        f"combines shapes {padded[0]} and {padded[1]}, which repeat along too many axes",
        "reshape so that repeated axes are adjacent",
    )
    axes = [(1, False, False)] * (4 - len(axes)) + axes
    return {
        "extent": [size for size, _, _ in axes],
        "a_repeats": sum(repeats << axis for axis, (_, repeats, _) in enumerate(axes)),
        "b_repeats": sum(repeats << axis for axis, (_, _, repeats) in enumerate(axes)),
    }
