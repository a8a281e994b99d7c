"""PAD, PADV2 and MIRROR_PAD."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Lowered, Place
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.take import Take
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can pad.
_TYPES = ("int8", "int16", "int32", "float32")
_MIRRORED = ("int8", "float32")
_REFLECT, _SYMMETRIC = range(2)


@dataclasses.dataclass(eq=False)
class Pad(ir.Op):
    """inputs: x. before and after: items of `value` along each axis."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    value: float = 0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output = self.inputs[0], self.output
        strides = copies.strides(output)
        offset = sum(before * stride for before, stride in zip(self.before, strides, strict=True))
        inside, given = Place(output, offset), copies.strides(x)
        fill = copies.fill(self, self.value)
        return Lowered((fill, *copies.copy(self, Place(x), inside, x.shape, given, strides)))


def _read(op: FileOp) -> ir.Op:
    with_value = op.info.name == "PADV2"
    op.check_counts(3 if with_value else 2, 3 if with_value else 2)
    x, output, before, after = _ends(op, _TYPES)
    fill = output.zero_point if x.dtype == "int8" else 0
    if with_value:
        tensor = op.value(2, (x.dtype,))
        op.require(tensor.is_constant and tensor.size == 1, "has no constant padding value")
        if x.dtype == "int8":
            op.same_quantization(tensor, output)
        fill = tensor.constant.reshape(-1)[0].item()
    return Pad([x], output, op.source, before=before, after=after, value=fill)


def _read_mirror(op: FileOp) -> ir.Op:
    """Outside, the items before the border repeat in reverse order, without or with the border."""
    op.check_counts(2, 2)
    x, output, before, after = _ends(op, _MIRRORED)
    mode = op.option("mode")
    op.require(mode in (_REFLECT, _SYMMETRIC), f"has the mode {mode}")
    border = int(mode == _REFLECT)
    taken = []
    for size, first, last in zip(x.shape, before, after, strict=True):
        most = size - border
        op.require(max(first, last) <= most, f"mirrors {first} and {last} of {size} items")
        leading = range(first - 1 + border, border - 1, -1)
        trailing = range(size - 1 - border, size - 1 - border - last, -1)
        taken.append((*leading, *range(size), *trailing))
    return Take([x], output, op.source, taken=tuple(taken))


def _ends(
    op: FileOp, types: tuple[str, ...]
) -> tuple[ir.Tensor, ir.Tensor, tuple[int, ...], tuple[int, ...]]:
    """(input, output, items before, items after)."""
    x = op.activation(0, types)
    output = op.output(types=(x.dtype,))
    amounts = op.numbers(1, 2 * len(x.shape))
    before, after = tuple(amounts[::2]), tuple(amounts[1::2])
    op.require(min(amounts, default=0) >= 0, f"pads by {amounts}")
    padded = tuple(n + a + b for n, a, b in zip(x.shape, before, after, strict=True))
    op.require(padded == output.shape, f"makes {output.shape} of {x.shape} by padding {amounts}")
    return x, output, before, after


OPS = (
    OpRule("PAD", 4, _read),
    OpRule("PADV2", 4, _read),
    OpRule("MIRROR_PAD", 3, _read_mirror, "MirrorPadOptions"),
)
