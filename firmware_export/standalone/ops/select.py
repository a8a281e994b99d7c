"""SELECT_V2."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place, operand
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can select from.
_TYPES = ("int8", "int16", "float32")
# Axes of the kernel.
_AXES = 4


@dataclasses.dataclass(eq=False)
class Select(ir.Op):
    """inputs: a bool tensor, x where it is true, y elsewhere; they broadcast."""

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        whole = self.output.shape
        strides = [_strides(tensor.shape, whole) for tensor in self.inputs]
        axes: list[tuple[int, ...]] = []
        for size, *steps in zip(whole, *strides, strict=True):
            if size == 1:
                continue
            if axes and axes[-1][1:] == tuple(step * size for step in steps):
                size *= axes.pop()[0]
            axes.append((size, *steps))
        self.check(
            len(axes) <= _AXES,
            self.output,
            f"has shape {whole} and inputs that repeat along too many axes",
            "reshape so that repeated axes are adjacent",
        )
        axes = [(1, 0, 0, 0)] * (_AXES - len(axes)) + axes
        columns = [[axis[index] for axis in axes] for index in range(4)]
        fields: dict[str, Field] = {
            "choice_stride": columns[1],
            "x_stride": columns[2],
            "y_stride": columns[3],
            "extent": columns[0],
            "item": self.output.item_bytes,
        }
        arguments = (*map(operand, self.inputs), Place(self.output))
        call = self.call("select", fields, *arguments, header="edge_pairs.h")
        return Lowered((call,))


def _strides(shape: tuple[int, ...], whole: tuple[int, ...]) -> list[int]:
    """Items from one item of each axis of the whole to the next; 0 along axes that repeat."""
    padded = (1,) * (len(whole) - len(shape)) + shape
    steps = copies.steps(padded)
    return [0 if n != m else step for n, m, step in zip(padded, whole, steps, strict=True)]


def _read(op: FileOp) -> ir.Op:
    op.check_counts(3, 3)
    choice, output = op.value(0, ("bool",)), op.output(types=_TYPES)
    tensors = [choice, *(op.value(position, (output.dtype,)) for position in (1, 2))]
    shapes = [tensor.shape for tensor in tensors]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    op.require(
        tuple(map(max, *padded)) == output.shape
        and all(n in (1, m) for shape in padded for n, m in zip(shape, output.shape, strict=True)),
        f"makes {output.shape} of {', '.join(map(str, shapes))}",
    )
    return Select(tensors, output, op.source)


OPS = (OpRule("SELECT_V2", 1, _read),)
