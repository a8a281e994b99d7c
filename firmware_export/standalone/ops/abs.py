"""ABS."""

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.fixed_point import rescale
from firmware_export.standalone.ops.table import Quantization


def absolute(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    size = np.abs(q - given.zero_point)
    if given.scale != result.scale:
        real = float(np.float32(given.scale) / np.float32(result.scale))
        size = rescale(size, *table.multiplier(real, given, result))
    return size + result.zero_point


OPS = (table.rule("ABS", 5, absolute),)
