"""LOGISTIC and TANH."""

import math

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.exponentials import exp_of_negative, over_one_plus
from firmware_export.standalone.ops.shared.fixed_point import (
    INT32_MAX,
    divide_by_power,
    quantize_multiplier,
    rescale,
    single,
)
from firmware_export.standalone.ops.table import Quantization


def logistic(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    if result.zero_point != -128:
        raise ValueError(
            f"LOGISTIC has an output zero point of {result.zero_point}, TFLite Micro requires "
            "-128; convert the model again"
        )
    scaled, low, high = _sixteenths(q, given)
    positive = over_one_plus(exp_of_negative(-np.abs(scaled), integer_bits=4), minus=False)
    value = np.where(scaled > 0, positive, INT32_MAX - positive)
    value = np.where(scaled == 0, 1 << 30, value)
    return _saturate(divide_by_power(value, 23) - 128, low, high)


def tanh(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    scaled, low, high = _sixteenths(q, given)
    # One more integer bit doubles the value without changing its bits.
    size = over_one_plus(exp_of_negative(-np.abs(scaled), integer_bits=5), minus=True)
    value = np.where(scaled == 0, 0, np.where(scaled < 0, -size, size))
    return _saturate(divide_by_power(value, 24), low, high)


def _sixteenths(q: np.ndarray, given: Quantization) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values as fractions of 16 in 31 bits, masks of those beyond -16 and 16)."""
    scale, zero_point = given
    multiplier, shift = quantize_multiplier(single(scale) * (1 << 27))
    if shift < 0:
        raise ValueError(
            f"an input scale of {scale:g} is too small for this op in TFLite Micro; "
            "calibrate on more varied data"
        )
    reach = math.floor(15.0 * (1 << 27) / 2.0**shift)
    x = q - zero_point
    low, high = x <= -reach, x >= reach
    inside = np.where(low | high, 0, x)
    return rescale(inside, multiplier, min(shift, 31)), low, high & ~low


def _saturate(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(low, -128, np.where(high, 127, values))


OPS = (table.rule("LOGISTIC", 3, logistic), table.rule("TANH", 3, tanh))
