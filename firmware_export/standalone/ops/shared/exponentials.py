"""exp and 1 / (1 + x) in 31 fractional bits, for LOGISTIC, TANH, SOFTMAX and LOG_SOFTMAX."""

import math

import numpy as np

from firmware_export.standalone.ops.shared.fixed_point import (
    INT32_MAX,
    divide_by_power,
    high_product,
    quantize_multiplier,
    rescale,
    shift_left,
    single,
)

# exp(-2^i) for i = -2, -1, ... 4, in 31 fractional bits.
_EXPS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_of_negative(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """exp(a), 31 fractional bits, for a <= 0 with `integer_bits` integer bits (4 or 5).

    A polynomial for the remainder of a quarter, times a constant for each bit above.
    """
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    value = _exp_near_zero(shift_left(rest, integer_bits))
    whole = rest - a
    for power, constant in zip(range(-2, integer_bits), _EXPS, strict=False):
        bit = 1 << (fraction_bits + power)
        value = np.where(whole & bit, high_product(value, constant), value)
    return np.where(a == 0, INT32_MAX, value)


def _exp_near_zero(a: np.ndarray) -> np.ndarray:
    """exp(a) for -1/4 <= a < 0, 31 fractional bits in and out: Taylor's series around -1/8."""
    at_middle, third = 1895147668, 715827883
    x = a + (1 << 28)
    square = high_product(x, x)
    cube = high_product(square, x)
    fourth = high_product(square, square)
    terms = high_product(divide_by_power(fourth, 2) + cube, third) + square
    return at_middle + high_product(x + divide_by_power(terms, 1), at_middle)


def over_one_plus(x: np.ndarray, minus: bool) -> np.ndarray:
    """1 / (1 + x), or (1 - x) / (1 + x), for 0 <= x <= 1 by Newton's method; 31 fractional bits.

    Approximations of 2 / (1 + x) are kept with two integer bits.
    """
    half = (x + INT32_MAX + 1) >> 1
    y = 1515870810 + high_product(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - high_product(half, y)
        y = y + shift_left(high_product(y, error), 2)
    return shift_left(y - (1 << 29), 2) if minus else shift_left(y, 1)


class Differences:
    """Differences of int8 from the largest of a row, as exponents.

    Attributes:
      multiplier, shift: turn a difference into a number with 26 fractional bits; a left shift.
      reach: the largest difference that can be one.

    Args:
      input_scale, beta: of the exponents.

    Raises:
      ValueError: a scale with which TFLite Micro rejects the op.
    """

    def __init__(self, input_scale: float, beta: float) -> None:
        real = min(single(beta) * single(input_scale) * (1 << 26), float(INT32_MAX))
        if not real > 1:
            raise ValueError(
                f"an input scale of {input_scale:g} is too small for a softmax in TFLite Micro; "
                "calibrate on more varied data"
            )
        self.multiplier, self.shift = quantize_multiplier(real)
        self.reach = math.floor(31 * (1 << 26) / (1 << self.shift))

    def exps(self) -> np.ndarray:
        """exp(-d * scale * beta) in 31 fractional bits for d = 0, 1, ...; int32.

        It ends where values no longer count in TFLite Micro: where the range of differences ends,
        or where a value neither adds to the sum nor becomes a probability.
        """
        differences = -np.arange(min(self.reach, 255) + 1, dtype=np.int64)
        scaled = rescale(differences, self.multiplier, self.shift)
        exps = exp_of_negative(scaled, integer_bits=5)
        return exps[divide_by_power(exps, 12) > 0].astype(np.int32)
