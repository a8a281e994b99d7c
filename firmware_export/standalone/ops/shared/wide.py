"""16-bit activations with 8-bit weights: calls of the kernels of edge_wide.h."""

from collections.abc import Mapping

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Call, Field, Lowered, Place, operand
from firmware_export.standalone.ops.shared import pairs
from firmware_export.standalone.ops.shared.scaling import Weighted

HEADER = "edge_wide.h"
# Bits of sums that TFLite Micro scales, and its largest left shift.
_SUM_BITS, _MAX_LEFT = 47, 7
# Members of edge_convolution_t that are not in edge_wide_convolution_t, where zero points are 0.
_ZERO_POINTS = ("in_zero_point", "zero_point")


def is_wide(tensor: ir.Tensor) -> bool:
    return tensor.dtype == "int16"


def convolution(
    op: Weighted,
    weights: np.ndarray,
    geometry: Mapping[str, Field],
    kernel: str = "wide_convolution",
) -> Lowered:
    """A call that sums products of windows.

    Args:
      op: its third input, if it has one, is the bias: with int32, sums have 32 bits.
      weights: [output channels, kernel height, kernel width, channels of a group].
      geometry: members of edge_convolution_t that describe what is read and written; bytes.
      kernel: wide_convolution or wide_transpose_conv.
    """
    multipliers, lefts = op.multipliers(len(weights))
    bias = np.zeros(len(weights), np.int64)
    is_narrow = op.sums_are_narrow
    if len(op.inputs) > 2:
        bias = op.inputs[2].constant.astype(np.int64)
    most = np.abs(bias) + 32768 * np.abs(weights.astype(np.int64)).reshape(len(bias), -1).sum(
        axis=1
    )
    least = -31 if is_narrow else -_MAX_LEFT
    op.check(
        -max(lefts) >= least and (is_narrow or int(most.max()) < 1 << _SUM_BITS),
        op.output,
        f"has a scale of {op.output.scale:g}, too small for sums of 64 bits in TFLite Micro",
        "calibrate on more varied data",
    )
    fields: dict[str, Field] = {
        "weights": Array(
            "weights",
            np.ascontiguousarray(weights, np.int8).reshape(-1),
            weights.shape,
            op.inputs[1],
        ),
        "bias": Array("bias", bias),
        "multiplier": Array("multiplier", np.array(multipliers, np.int32)),
        "shift": Array("shift", (-np.array(lefts)).astype(np.int8)),
        **{key: value for key, value in geometry.items() if key not in _ZERO_POINTS},
        "is_narrow": int(is_narrow),
    }
    for row in ("in_row", "out_row"):
        fields[row] = int(str(geometry[row])) // 2
    call = op.call(
        kernel,
        fields,
        *(Place(op.inputs[0]), Place(op.output)),
        struct="edge_wide_convolution_t",
        header=HEADER,
    )
    return Lowered((call,))


def pair(
    op: ir.Op, kernel: str, fields: Mapping[str, Field], order: tuple[int, int] = (0, 1)
) -> Lowered:
    """A call on two inputs that may repeat."""
    arguments = (*(operand(op.inputs[index]) for index in order), Place(op.output))
    return Lowered((op.call(kernel, fields, *arguments, header=HEADER),), pairs.not_repeated(op))


def call(op: ir.Op, kernel: str, fields: Mapping[str, Field]) -> Call:
    """A call on one input."""
    return op.call(kernel, fields, Place(op.inputs[0]), Place(op.output), header=HEADER)
