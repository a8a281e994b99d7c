"""RELU and its variants."""

import dataclasses
import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops import slopes, table
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import INT16_MAX, rescale, single, steps
from firmware_export.standalone.ops.table import Quantization


def relu(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    return np.maximum(_requantized(q, given, result), _bound(0.0, result))


def relu_n1_to_1(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    values = np.maximum(_requantized(q, given, result), _bound(-1.0, result))
    return np.minimum(values, _bound(1.0, result))


def relu6(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    """Clamps the input's own numbers and ignores the output's quantization."""
    return np.minimum(np.maximum(q, given.zero_point), _bound(6.0, given))


def leaky_relu(
    q: np.ndarray, given: Quantization, result: Quantization, alpha: float
) -> np.ndarray:
    """`alpha` is the slope below 0."""
    real = single(given.scale) * single(alpha) / single(result.scale)
    slope, shift = table.multiplier(real, given, result)
    scaled = rescale(q - given.zero_point, abs(slope), shift)
    below = np.sign(slope) * scaled + result.zero_point
    return np.where(q >= given.zero_point, _requantized(q, given, result), below)


def _requantized(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    return table.requantize(q, given, result, single(given.scale) / single(result.scale))


def _bound(value: float, of: Quantization) -> int:
    return min(max(of.zero_point + steps(value, of.scale), -128), 127)


def _read_leaky(op: FileOp) -> ir.Op:
    alpha = op.option("alpha", 0.0)
    op.require(math.isfinite(alpha), f"has the slope {alpha}")
    if op.input_type(0) == "INT16":
        return slopes.read(op, below=alpha)
    return table.read(op, lambda q, given, result: leaky_relu(q, given, result, alpha))


def _read_wide_relu6(op: FileOp) -> ir.Op:
    """Clamps the input's own numbers, as for int8."""
    x = op.activation(0, ("int16",))
    six = x.zero_point + steps(6.0, x.scale)
    if not 0 <= six <= INT16_MAX:
        op.fail(
            f"has the int16 tensor '{x.name}' whose range does not reach 6",
            "TFLite Micro rejects it, too: use RELU, which is the same in this range",
        )
    made = slopes.read(op, low=0, high=six)
    return dataclasses.replace(made, above=1.0, below=1.0)


OPS = (
    table.rule("RELU", 3, relu, lambda op: slopes.read(op, low=0)),
    table.rule("RELU6", 3, relu6, _read_wide_relu6),
    table.rule("RELU_N1_TO_1", 1, relu_n1_to_1),
    OpRule("LEAKY_RELU", 2, _read_leaky, "LeakyReluOptions"),
)
