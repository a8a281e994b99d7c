"""Fixed-point arithmetic, bit-exact with TensorFlow Lite Micro's reference kernels.

Scales are float32 values, from which TFLite Micro computes multipliers in double (older versions
partly in float32, which changed their last bits). All
integer arithmetic is in int64 arrays, with the kernels' overflow at 16 and 32 bits added where it
occurs.
"""

import math
from collections.abc import Sequence

import numpy as np

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A factor as (multiplier, shift): real = multiplier / 2^31 * 2^shift, below 2^-31 as 0.

    The multiplier is 0, or from 2^30 to 2^31 - 1 in magnitude.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = rounded(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def quantize_multipliers(reals: Sequence[float]) -> tuple[list[int], list[int]]:
    pairs = [quantize_multiplier(real) for real in reals]
    return [multiplier for multiplier, _ in pairs], [shift for _, shift in pairs]


def rescale(x: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """x * multiplier / 2^31 * 2^shift in two roundings: MultiplyByQuantizedMultiplier of TFLite.

    Args:
      x: int64 array of int32 values.
      multiplier: 0 to 2^31 - 1.
      shift: left shift, -31 to 31.
    """
    shifted = wrap(np.asarray(x, np.int64) << max(shift, 0), 32)
    return divide_by_power(high_product(shifted, multiplier), max(-shift, 0))


def single(value: float) -> float:
    """The float32 nearest to a value, as a double."""
    return float(np.float32(value))


def rounded(value: float) -> int:
    """The nearest integer, ties away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def steps(value: float, scale: float) -> int:
    """A value in steps of a scale, divided in float32; clipped far outside int8."""
    with np.errstate(over="ignore"):
        count = float(np.float32(value) / np.float32(scale))
    return rounded(min(max(count, -1e6), 1e6))


def wrap(x: np.ndarray, bits: int) -> np.ndarray:
    half = 1 << (bits - 1)
    return ((x + half) & ((1 << bits) - 1)) - half


def truncate(x: np.ndarray, bits: int) -> np.ndarray:
    """x / 2^bits, rounded towards zero."""
    return np.sign(x) * (np.abs(x) >> bits)


def high_product(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul for 32 bits; never of INT32_MIN with itself here."""
    return (a * b + (1 << 30)) >> 31


def high_product_16(a: np.ndarray, b: int) -> np.ndarray:
    product = a * b
    return truncate(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)), 15)


def shift_left_16(x: np.ndarray, amount: int) -> np.ndarray:
    return np.clip(x << amount, -(1 << 15), (1 << 15) - 1)


def upper_half(multiplier: int) -> int:
    """A 32-bit multiplier rounded to 16 bits."""
    if multiplier >= INT32_MAX - (1 << 15):
        return (1 << 15) - 1
    return (multiplier + (1 << 15)) >> 16


def divide_by_power(x: np.ndarray, exponent: int, bits: int = 32) -> np.ndarray:
    """x / 2^exponent, ties away from zero; the mask overflows as an integer of `bits` does."""
    mask = int(wrap(np.array((1 << exponent) - 1), bits))
    over = (x & mask) > (mask >> 1) + (x < 0)
    return (x >> exponent) + over


def shift_left(x: np.ndarray, amount: int) -> np.ndarray:
    """x * 2^amount, saturating at 32 bits."""
    limit = (1 << (31 - amount)) - 1
    return np.where(x > limit, INT32_MAX, np.where(x < -limit, INT32_MIN, x << amount))
