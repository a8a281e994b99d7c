"""ABS."""

import numpy as np

from firmware_export.standalone.ops import slopes, table
from firmware_export.standalone.ops.shared.fixed_point import rescale, single
from firmware_export.standalone.ops.table import Quantization


def absolute(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    size = np.abs(q - given.zero_point)
    if given.scale != result.scale:
        real = single(given.scale) / single(result.scale)
        size = rescale(size, *table.multiplier(real, given, result))
    return size + result.zero_point


OPS = (table.rule("ABS", 5, absolute, lambda op: slopes.read(op, below=-1.0)),)
