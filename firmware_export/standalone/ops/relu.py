"""RELU and its variants."""

import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import rescale, steps
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
    with np.errstate(over="ignore", under="ignore"):
        real = float(np.float32(given.scale) * np.float32(alpha) / np.float32(result.scale))
    slope, shift = table.multiplier(real, given, result)
    scaled = rescale(q - given.zero_point, abs(slope), shift)
    below = np.sign(slope) * scaled + result.zero_point
    return np.where(q >= given.zero_point, _requantized(q, given, result), below)


def _requantized(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    """With scales divided in float32."""
    real = float(np.float32(given.scale) / np.float32(result.scale))
    return table.requantize(q, given, result, real)


def _bound(value: float, of: Quantization) -> int:
    return min(max(of.zero_point + steps(value, of.scale), -128), 127)


def _read_leaky(op: FileOp) -> ir.Op:
    alpha = op.option("alpha", 0.0)
    op.require(math.isfinite(alpha), f"has the slope {alpha}")
    return table.read(op, lambda q, given, result: leaky_relu(q, given, result, alpha))


OPS = (
    table.rule("RELU", 3, relu),
    table.rule("RELU6", 3, relu6),
    table.rule("RELU_N1_TO_1", 1, relu_n1_to_1),
    OpRule("LEAKY_RELU", 2, _read_leaky, "LeakyReluOptions"),
)
