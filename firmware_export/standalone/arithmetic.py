"""Numbers as TensorFlow Lite Micro's reference kernels compute them, to the last bit.

Scales are float32 values. Which steps TFLite Micro does in float32 and which in double differs
from op to op, and changes the last bits of multipliers; each function here follows its op. All
integer arithmetic is in int64 arrays with the 16 and 32 bit overflow of the kernels put in where
they have it.

Functions raise ValueError, saying what is wrong and what would help, for scales with which TFLite
Micro refuses an op or leaves the result to chance; callers add the op's name.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

_INT32_MIN, _INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A factor as (multiplier, shift): real = multiplier / 2^31 * 2^shift, below 2^-31 as 0.

    The multiplier is 0, or from 2^30 to 2^31 - 1 in magnitude.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = _round(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def convolution_multipliers(
    input_scale: float, weight_scales: Sequence[float], output_scale: float, channels: int
) -> tuple[list[int], list[int]]:
    """Multipliers and shifts of a (depthwise) convolution's output channels."""
    scales = list(weight_scales) if len(weight_scales) > 1 else list(weight_scales) * channels
    reals = [_single(input_scale) * _single(s) / _single(output_scale) for s in scales]
    return _each(reals)


def fully_connected_multipliers(
    input_scale: float, weight_scales: Sequence[float], output_scale: float, channels: int
) -> tuple[list[int], list[int]]:
    """The same of a fully connected layer, whose single scale is multiplied in float32."""
    if len(weight_scales) > 1:
        return convolution_multipliers(input_scale, weight_scales, output_scale, channels)
    product = float(np.float32(input_scale) * np.float32(weight_scales[0]))
    return _each([product / _single(output_scale)] * channels)


@dataclasses.dataclass(frozen=True)
class Sum:
    """How ADD and SUB scale their inputs, after a left shift by 20, and the output.

    Attributes:
      multipliers, shifts: of the two inputs; the larger scale has 2^30 and 0.
      multiplier, shift: of the output. Shifts are to the left, so never positive.
    """

    multipliers: tuple[int, int]
    shifts: tuple[int, int]
    multiplier: int
    shift: int


def sum_parameters(kind: str, scales: tuple[float, float], output_scale: float) -> Sum:
    """Parameters of "add" and "sub". ADD divides in double, SUB in float32."""
    if kind == "add":
        first, second, out = (_single(scale) for scale in (*scales, output_scale))
        twice = 2 * max(first, second)
        reals = (first / twice, second / twice, twice / ((1 << 20) * out))
    else:
        a, b, o = (np.float32(scale) for scale in (*scales, output_scale))
        doubled = np.float32(2) * max(a, b)
        with np.errstate(over="ignore", under="ignore"):
            scaled = doubled / (np.float32(1 << 20) * o)
            reals = (float(a / doubled), float(b / doubled), float(scaled))
    if not all(0 < real < 1 for real in reals):
        raise ValueError(
            f"scales {scales[0]:g} and {scales[1]:g} give a sum of scale {output_scale:g}, which "
            "TFLite Micro refuses; calibrate on data that is not all alike"
        )
    (m0, s0), (m1, s1), (m, s) = (quantize_multiplier(real) for real in reals)
    return Sum((m0, m1), (s0, s1), m, s)


def product_multiplier(scales: tuple[float, float], output_scale: float) -> tuple[int, int]:
    """Multiplier and shift of MUL."""
    return quantize_multiplier(_single(scales[0]) * _single(scales[1]) / _single(output_scale))


def mean_multiplier(input_scale: float, output_scale: float, count: int) -> tuple[int, int]:
    """Multiplier and shift of MEAN over `count` items, applied to their sum."""
    multiplier, shift = quantize_multiplier(_single(input_scale) / _single(output_scale))
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


def softmax_exps(input_scale: float, beta: float) -> np.ndarray:
    """exp(-d * scale * beta) in 31 fractional bits for d = 0, 1, ...; int32.

    It ends where TFLite Micro counts nothing any more: where the representation of differences
    ends, or where a value neither adds to the sum nor gives a probability.
    """
    real = min(_single(beta) * _single(input_scale) * (1 << 26), float((1 << 31) - 1))
    if not real > 1:
        raise ValueError(
            f"an input scale of {input_scale:g} is too small for SOFTMAX in TFLite Micro; "
            "calibrate on data that is not all alike"
        )
    multiplier, shift = quantize_multiplier(real)
    reach = min(math.floor(31 * (1 << 26) / (1 << shift)), 255)
    differences = -np.arange(reach + 1, dtype=np.int64)
    exps = _exp_of_negative(rescale(differences, multiplier, shift), integer_bits=5)
    return exps[_divide_by_power(exps, 12) > 0].astype(np.int32)


def rescale(x: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """x * multiplier / 2^31 * 2^shift in two roundings: MultiplyByQuantizedMultiplier of TFLite.

    Args:
      x: int64 array of int32 values.
      multiplier: 0 to 2^31 - 1.
      shift: -31 to 31, to the left.
    """
    shifted = _wrap(np.asarray(x, np.int64) << max(shift, 0), 32)
    return _divide_by_power(_high_product(shifted, multiplier), max(-shift, 0))


def table(
    kind: str,
    quantization: tuple[float, int],
    output_quantization: tuple[float, int],
    alpha: float = 0.0,
) -> np.ndarray:
    """What a unary op makes of every int8.

    Args:
      kind: the schema's name of the op: LOGISTIC, TANH, HARD_SWISH, RELU, RELU6, RELU_N1_TO_1,
        RELU_0_TO_1, LEAKY_RELU, RSQRT or QUANTIZE.
      quantization: (scale, zero point) of the input.
      output_quantization: the same of the output.
      alpha: slope of LEAKY_RELU below 0.

    Returns:
      256 int8 values, of the inputs -128, -127, ... 127.

    Raises:
      ValueError: TFLite Micro refuses these scales, or nothing defines what it does.
      KeyError: another op.
    """
    functions = {
        "LOGISTIC": _logistic,
        "TANH": _tanh,
        "HARD_SWISH": _hard_swish,
        "RELU": lambda q, a, b: _relu(q, a, b, 0.0, math.inf),
        "RELU_N1_TO_1": lambda q, a, b: _relu(q, a, b, -1.0, 1.0),
        "RELU_0_TO_1": lambda q, a, b: _relu(q, a, b, 0.0, 1.0),
        "RELU6": _relu6,
        "LEAKY_RELU": lambda q, a, b: _leaky_relu(q, a, b, alpha),
        "RSQRT": _rsqrt,
        "QUANTIZE": _requantize,
    }
    every = np.arange(-128, 128, dtype=np.int64)
    values = functions[kind](every, quantization, output_quantization)
    return np.clip(values, -128, 127).astype(np.int8)


def _logistic(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    if result[1] != -128:
        raise ValueError(
            f"LOGISTIC has an output zero point of {result[1]}, TFLite Micro demands -128; "
            "convert the model again"
        )
    scaled, low, high = _sixteenths(q, given)
    positive = _over_one_plus(_exp_of_negative(-np.abs(scaled), integer_bits=4), minus=False)
    value = np.where(scaled > 0, positive, _INT32_MAX - positive)
    value = np.where(scaled == 0, 1 << 30, value)
    return _saturate(_divide_by_power(value, 23) - 128, low, high)


def _tanh(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    scaled, low, high = _sixteenths(q, given)
    # One integer bit more doubles the value without changing its bits.
    size = _over_one_plus(_exp_of_negative(-np.abs(scaled), integer_bits=5), minus=True)
    value = np.where(scaled == 0, 0, np.where(scaled < 0, -size, size))
    return _saturate(_divide_by_power(value, 24), low, high)


def _sixteenths(
    q: np.ndarray, given: tuple[float, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values as fractions of 16 in 31 bits, masks of those beyond -16 and 16)."""
    scale, zero_point = given
    multiplier, shift = quantize_multiplier(_single(scale) * (1 << 27))
    if shift < 0:
        raise ValueError(
            f"an input scale of {scale:g} is too small for this op in TFLite Micro; "
            "calibrate on data that is not all alike"
        )
    reach = math.floor(15.0 * (1 << 27) / 2.0**shift)
    x = q - zero_point
    low, high = x <= -reach, x >= reach
    inside = np.where(low | high, 0, x)
    return rescale(inside, multiplier, min(shift, 31)), low, high & ~low


def _saturate(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(low, -128, np.where(high, 127, values))


def _hard_swish(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    fine = np.float32(1.0 / 128.0) * np.float32(given[0])
    to_output, output_shift = quantize_multiplier(float(fine / np.float32(result[0])))
    to_gate, gate_shift = quantize_multiplier(float(fine / np.float32(3.0 / 32768.0)))
    if output_shift > 0:
        raise ValueError(
            f"HARD_SWISH goes from scale {given[0]:g} to {result[0]:g}, which TFLite Micro "
            "refuses; calibrate on data that is not all alike"
        )
    x = _wrap((q - given[1]) << 7, 16)
    on_output_scale = _high_product_16(x, _upper_half(to_output))
    gate = x
    if gate_shift > 0:
        gate = _shift_left_16(gate, gate_shift - 1)
    gate = _high_product_16(gate, _upper_half(to_gate))
    if gate_shift > 0:
        gate = _shift_left_16(gate, 1)
    elif gate_shift < 0:
        gate = _divide_by_power(gate, -gate_shift, bits=16)
    gate = (gate + (1 << 15)) >> 1
    product = _truncate(gate * on_output_scale, 15)
    return _wrap(_divide_by_power(product, -output_shift, bits=16) + result[1], 16)


def _relu(
    q: np.ndarray,
    given: tuple[float, int],
    result: tuple[float, int],
    least: float,
    most: float,
) -> np.ndarray:
    values = _requantize_single(q, given, result)
    low = max(-128, result[1] + _steps(least, result[0]))
    high = 127 if math.isinf(most) else min(127, result[1] + _steps(most, result[0]))
    return np.minimum(np.maximum(values, low), high)


def _relu6(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    """Clamps the input's own numbers: what the output's quantization says is not looked at."""
    six = min(max(given[1] + _steps(6.0, given[0]), -128), 127)
    return np.minimum(np.maximum(q, given[1]), six)


def _leaky_relu(
    q: np.ndarray, given: tuple[float, int], result: tuple[float, int], alpha: float
) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        real = float(np.float32(given[0]) * np.float32(alpha) / np.float32(result[0]))
    slope, shift = _checked_multiplier(real, given, result)
    below = np.sign(slope) * rescale(q - given[1], abs(slope), shift) + result[1]
    return np.where(q >= given[1], _requantize_single(q, given, result), below)


_RSQRT_BITS = 20  # after the point, between the two multiplications of RSQRT


def _rsqrt(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    if given[1] != -128:
        raise ValueError(
            f"RSQRT has an input zero point of {given[1]}, so its input may be negative, which "
            "TFLite Micro refuses; calibrate on more data"
        )
    scale = float(np.sqrt(np.float32(given[0])) * np.float32(result[0]))
    multiplier, shift = quantize_multiplier(1.0 / scale)
    if not _RSQRT_BITS - 31 <= shift <= 31:
        raise ValueError(
            f"RSQRT goes from scale {given[0]:g} to {result[0]:g}, which 32 bits cannot hold; "
            "calibrate on data that is not all alike"
        )
    steps, one = q - given[1], np.array(1, np.int64)
    roots = np.array([rescale(one, *_inverse_root(max(n, 1))) for n in steps.tolist()])
    values = rescale(roots, multiplier, shift - _RSQRT_BITS) + result[1]
    return np.where(steps == 0, 127, values)


def _inverse_root(n: int) -> tuple[int, int]:
    """1 / sqrt(n) of 1 to 255 with _RSQRT_BITS after the point, as (multiplier, shift).

    Newton's method for 1 / sqrt(x), n = x * 4^pairs / 2 with 1 / 4 < x / 2 <= 1, in numbers with
    three integer bits; then times sqrt(1 / 2).
    """
    if n == 1:
        return _INT32_MAX, _RSQRT_BITS
    pairs = (32 - n.bit_length() - 1) // 2 - 1
    x = np.array((n << (2 * pairs)) >> 1, np.int64)
    half_x, three_halves = _divide_by_power(x, 1), (1 << 28) + (1 << 27)
    y = np.array(1 << 28, np.int64)
    for _ in range(5):
        cube = _shift_left(_high_product(_high_product(y, y), y), 6)
        y = _shift_left(_high_product(y, three_halves) - _high_product(half_x, cube), 3)
    root, shift = int(_high_product(y, 1518500250)), pairs - 11
    return (root << shift, _RSQRT_BITS) if shift > 0 else (root, shift + _RSQRT_BITS)


def _requantize(q: np.ndarray, given: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    real = _single(given[0]) / _single(result[0])
    return rescale(q - given[1], *_checked_multiplier(real, given, result)) + result[1]


def _requantize_single(
    q: np.ndarray, given: tuple[float, int], result: tuple[float, int]
) -> np.ndarray:
    """The same with scales divided in float32."""
    real = float(np.float32(given[0]) / np.float32(result[0]))
    return rescale(q - given[1], *_checked_multiplier(real, given, result)) + result[1]


def _checked_multiplier(
    real: float, given: tuple[float, int], result: tuple[float, int]
) -> tuple[int, int]:
    # Beyond this, int8 differences shifted left overflow 32 bits.
    if not abs(real) < 1 << 22:
        raise ValueError(
            f"a scale of {given[0]:g} becomes one of {result[0]:g}, too small for 32 bits; "
            "calibrate on data that is not all alike"
        )
    return quantize_multiplier(real)


def _single(value: float) -> float:
    """The float32 nearest to a value, as a double."""
    return float(np.float32(value))


def _round(value: float) -> int:
    """To the nearest integer, ties away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _steps(value: float, scale: float) -> int:
    """How many steps of a scale a value is, divided in float32; cut where it is beyond int8."""
    steps = float(np.float32(value) / np.float32(scale))
    return _round(min(max(steps, -1e6), 1e6))


def _each(reals: Sequence[float]) -> tuple[list[int], list[int]]:
    pairs = [quantize_multiplier(real) for real in reals]
    return [multiplier for multiplier, _ in pairs], [shift for _, shift in pairs]


def _wrap(x: np.ndarray, bits: int) -> np.ndarray:
    half = 1 << (bits - 1)
    return ((x + half) & ((1 << bits) - 1)) - half


def _truncate(x: np.ndarray, bits: int) -> np.ndarray:
    """x / 2^bits, rounded towards zero."""
    return np.sign(x) * (np.abs(x) >> bits)


def _high_product(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """SaturatingRoundingDoublingHighMul for 32 bits; never of INT32_MIN with itself here."""
    return (a * b + (1 << 30)) >> 31


def _high_product_16(a: np.ndarray, b: int) -> np.ndarray:
    product = a * b
    return _truncate(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)), 15)


def _shift_left_16(x: np.ndarray, amount: int) -> np.ndarray:
    return np.clip(x << amount, -(1 << 15), (1 << 15) - 1)


def _upper_half(multiplier: int) -> int:
    """A 32-bit multiplier rounded to 16 bits."""
    if multiplier >= _INT32_MAX - (1 << 15):
        return (1 << 15) - 1
    return (multiplier + (1 << 15)) >> 16


def _divide_by_power(x: np.ndarray, exponent: int, bits: int = 32) -> np.ndarray:
    """x / 2^exponent, ties away from zero; the mask overflows as an integer of `bits` does."""
    mask = int(_wrap(np.array((1 << exponent) - 1), bits))
    over = (x & mask) > (mask >> 1) + (x < 0)
    return (x >> exponent) + over


def _shift_left(x: np.ndarray, amount: int) -> np.ndarray:
    """x * 2^amount, saturating at 32 bits."""
    limit = (1 << (31 - amount)) - 1
    return np.where(x > limit, _INT32_MAX, np.where(x < -limit, _INT32_MIN, x << amount))


# exp(-2^i) for i = -2, -1, ... 4, in 31 fractional bits.
_EXPS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def _exp_of_negative(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """exp(a), 31 fractional bits, for a <= 0 with `integer_bits` integer bits (4 or 5).

    A polynomial for what a quarter leaves over, times a constant for each bit above.
    """
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    value = _exp_near_zero(_shift_left(rest, integer_bits))
    whole = rest - a
    for power, constant in zip(range(-2, integer_bits), _EXPS, strict=False):
        bit = 1 << (fraction_bits + power)
        value = np.where(whole & bit, _high_product(value, constant), value)
    return np.where(a == 0, _INT32_MAX, value)


def _exp_near_zero(a: np.ndarray) -> np.ndarray:
    """exp(a) for -1/4 <= a < 0, 31 fractional bits in and out: Taylor's series around -1/8."""
    at_middle, third = 1895147668, 715827883
    x = a + (1 << 28)
    square = _high_product(x, x)
    cube = _high_product(square, x)
    fourth = _high_product(square, square)
    terms = _high_product(_divide_by_power(fourth, 2) + cube, third) + square
    return at_middle + _high_product(x + _divide_by_power(terms, 1), at_middle)


def _over_one_plus(x: np.ndarray, minus: bool) -> np.ndarray:
    """1 / (1 + x), or (1 - x) / (1 + x), for 0 <= x <= 1 by Newton's method; 31 fractional bits.

    Approximations of 2 / (1 + x) are kept with two integer bits.
    """
    half = (x + _INT32_MAX + 1) >> 1
    y = 1515870810 + _high_product(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - _high_product(half, y)
        y = y + _shift_left(_high_product(y, error), 2)
    return _shift_left(y - (1 << 29), 2) if minus else _shift_left(y, 1)
