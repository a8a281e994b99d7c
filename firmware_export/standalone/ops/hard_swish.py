"""HARD_SWISH."""

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.fixed_point import (
    divide_by_power,
    high_product_16,
    quantize_multiplier,
    shift_left_16,
    single,
    truncate,
    upper_half,
    wrap,
)
from firmware_export.standalone.ops.table import Quantization


def hard_swish(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    fine = single(given.scale) / 128.0
    to_output, output_shift = quantize_multiplier(fine / single(result.scale))
    to_gate, gate_shift = quantize_multiplier(fine / (3.0 / 32768.0))
    if output_shift > 0:
        raise ValueError(
            f"HARD_SWISH goes from scale {given.scale:g} to {result.scale:g}, which TFLite Micro "
            "rejects; calibrate on more varied data"
        )
    x = wrap((q - given.zero_point) << 7, 16)
    on_output_scale = high_product_16(x, upper_half(to_output))
    gate = x
    if gate_shift > 0:
        gate = shift_left_16(gate, gate_shift - 1)
    gate = high_product_16(gate, upper_half(to_gate))
    if gate_shift > 0:
        gate = shift_left_16(gate, 1)
    elif gate_shift < 0:
        gate = divide_by_power(gate, -gate_shift, bits=16)
    gate = (gate + (1 << 15)) >> 1
    product = truncate(gate * on_output_scale, 15)
    return wrap(divide_by_power(product, -output_shift, bits=16) + result.zero_point, 16)


OPS = (table.rule("HARD_SWISH", 1, hard_swish),)
