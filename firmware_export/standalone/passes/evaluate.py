"""What a graph's op computes, on int8 arrays, as TFLite Micro's reference kernels do."""

import numpy as np

from firmware_export.standalone import arithmetic, ir


def binary(op: ir.Binary, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The output of an ADD, SUB or MUL.

    Args:
      op: whose tensors say scales and zero points.
      a: int8, of the first input.
      b: int8, of the second.

    Raises:
      ValueError: TFLite Micro refuses these scales.
    """
    first, second = op.inputs
    x = a.astype(np.int64) - first.zero_point
    y = b.astype(np.int64) - second.zero_point
    scales = (first.scale, second.scale)
    if op.kind == "mul":
        multiplier, shift = arithmetic.product_multiplier(scales, op.output.scale)
        result = arithmetic.rescale(x * y, multiplier, shift)
    else:
        parameters = arithmetic.sum_parameters(op.kind, scales, op.output.scale)
        x = arithmetic.rescale(x << 20, parameters.multipliers[0], parameters.shifts[0])
        y = arithmetic.rescale(y << 20, parameters.multipliers[1], parameters.shifts[1])
        total = x + y if op.kind == "add" else x - y
        result = arithmetic.rescale(total, parameters.multiplier, parameters.shift)
    return np.clip(result + op.output.zero_point, op.low, op.high).astype(np.int8)
