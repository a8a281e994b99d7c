"""exp and 1 / (1 + x) in 31 fractional bits, for LOGISTIC, TANH and SOFTMAX."""

import numpy as np

from firmware_export.standalone.ops.shared.fixed_point import (
    INT32_MAX,
    divide_by_power,
    high_product,
    shift_left,
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
