"""RSQRT."""

import math

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.fixed_point import (
    INT32_MAX,
    divide_by_power,
    high_product,
    quantize_multiplier,
    rescale,
    shift_left,
    single,
)
from firmware_export.standalone.ops.table import Quantization

_BITS = 20  # fractional bits between the two multiplications


def rsqrt(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    if given.zero_point != -128:
        raise ValueError(
            f"RSQRT has an input zero point of {given.zero_point}, so its input may be negative, "
            "which TFLite Micro rejects; calibrate on more data"
        )
    scale = math.sqrt(single(given.scale)) * single(result.scale)
    multiplier, shift = quantize_multiplier(1.0 / scale)
    if not _BITS - 31 <= shift <= 31:
        raise ValueError(
            f"RSQRT goes from scale {given.scale:g} to {result.scale:g}, which overflows 32 "
            "bits; calibrate on more varied data"
        )
    steps, one = q - given.zero_point, np.array(1, np.int64)
    roots = np.array([rescale(one, *_inverse_root(max(n, 1))) for n in steps.tolist()])
    values = rescale(roots, multiplier, shift - _BITS) + result.zero_point
    return np.where(steps == 0, 127, values)


def _inverse_root(n: int) -> tuple[int, int]:
    """1 / sqrt(n) of 1 to 255 with _BITS fractional bits, as (multiplier, shift).

    Newton's method for 1 / sqrt(x), n = x * 4^pairs / 2 with 1 / 4 < x / 2 <= 1, in numbers with
    three integer bits; then times sqrt(1 / 2).
    """
    if n == 1:
        return INT32_MAX, _BITS
    pairs = (32 - n.bit_length() - 1) // 2 - 1
    x = np.array((n << (2 * pairs)) >> 1, np.int64)
    half_x, three_halves = divide_by_power(x, 1), (1 << 28) + (1 << 27)
    y = np.array(1 << 28, np.int64)
    for _ in range(5):
        cube = shift_left(high_product(high_product(y, y), y), 6)
        y = shift_left(high_product(y, three_halves) - high_product(half_x, cube), 3)
    root, shift = int(high_product(y, 1518500250)), pairs - 11
    return (root << shift, _BITS) if shift > 0 else (root, shift + _BITS)


OPS = (table.rule("RSQRT", 2, rsqrt),)
