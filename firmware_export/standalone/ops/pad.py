"""PAD and PADV2."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.target import KernelSet

# That TFLite Micro can pad.
_TYPES = ("int8", "int16", "int32", "float32")


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
        pattern = np.array(self.value, output.dtype).tobytes()
        self.check(
            len(set(pattern)) == 1,
            output,
            f"is padded with {self.value}, whose bytes differ",
            "pad with 0",
        )
        value = int(np.frombuffer(pattern, np.int8)[0])
        fields: dict[str, Field] = {"size": output.byte_size, "value": value}
        fill = self.call("fill", fields, Place(output))
        inside, given = Place(output, offset), copies.strides(x)
        return Lowered((fill, copies.copy(self, Place(x), inside, x.shape, given, strides)))


def _read(op: FileOp) -> ir.Op:
    with_value = op.info.name == "PADV2"
    op.check_counts(3 if with_value else 2, 3 if with_value else 2)
    x = op.activation(0, _TYPES)
    output = op.output(types=(x.dtype,))
    amounts = op.numbers(1, 2 * len(x.shape))
    before, after = tuple(amounts[::2]), tuple(amounts[1::2])
    op.require(min(amounts, default=0) >= 0, f"pads by {amounts}")
    padded = tuple(n + a + b for n, a, b in zip(x.shape, before, after, strict=True))
    op.require(padded == output.shape, f"makes {output.shape} of {x.shape} by padding {amounts}")
    fill = output.zero_point if x.dtype == "int8" else 0
    if with_value:
        tensor = op.value(2, (x.dtype,))
        op.require(tensor.is_constant and tensor.size == 1, "has no constant padding value")
        if x.dtype == "int8":
            op.same_quantization(tensor, output)
        fill = tensor.constant.reshape(-1)[0].item()
    return Pad([x], output, op.source, before=before, after=after, value=fill)


OPS = (OpRule("PAD", 4, _read), OpRule("PADV2", 4, _read))
