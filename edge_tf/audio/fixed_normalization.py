"""Instance normalization as a microcontroller computes it: integers only, bit-exact with the C.

firmware_export.frontend.normalization defines the number formats and explains why they do not
overflow; the C is generated from firmware_export/templates/runtime.
"""

import math

import numpy as np

from firmware_export.frontend.normalization import (
    MEAN_BITS,
    SLOPE_BITS,
    VARIANCE_BITS,
    Normalization,
)


def normalized(levels: np.ndarray, made: Normalization) -> np.ndarray:
    """int8 features of one window.

    Args:
      levels: (frames, mel_bands) uint16, log2 of energies.
      made: the constants.

    Returns:
      (frames, mel_bands) int8 on the grid of the model's input.
    """
    wide = levels.astype(np.uint64)
    count, sums, squares = len(levels), wide.sum(axis=0), (wide * wide).sum(axis=0)
    slope, offset = _line(sums, squares, count, made.band_gain, made.epsilon)
    if made.window_gain:
        total = np.array([sums.sum()]), np.array([squares.sum()])
        more = _line(*total, wide.size, made.window_gain, made.epsilon)
        slope, offset = slope + more[0], offset + more[1]
    out = (levels * (slope + made.slope) + offset + made.bias) >> SLOPE_BITS
    return np.clip(out, -128, 127).astype(np.int8)


def _line(
    sums: np.ndarray, squares: np.ndarray, count: int, gain: int, epsilon: int
) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset, int64, of gain * (level - mean) / sqrt(variance + epsilon).

    Args:
      sums, squares: sums of `count` levels and of their squares, uint64.
    """
    n = np.uint64(count)
    mean = (sums << np.uint64(MEAN_BITS)) // n
    centre = (mean + np.uint64(1 << (MEAN_BITS - 1))) >> np.uint64(MEAN_BITS)
    about_centre = squares - centre * (np.uint64(2) * sums - centre * n)
    variance = (about_centre << np.uint64(VARIANCE_BITS)) // n + np.uint64(epsilon)
    slopes = [_divided_by_root(gain, v) for v in variance.tolist()]
    slope = np.array(slopes, np.int64)
    return slope, -((slope * mean.astype(np.int64)) >> MEAN_BITS)


def _divided_by_root(gain: int, variance: int) -> int:
    """gain / sqrt(variance); gain has SLOPE_BITS fraction bits, variance VARIANCE_BITS."""
    zeros = (64 - variance.bit_length()) & ~1
    root = math.isqrt(variance << zeros)
    return (gain << (VARIANCE_BITS // 2 + zeros // 2)) // root
