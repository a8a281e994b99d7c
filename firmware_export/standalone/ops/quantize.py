"""QUANTIZE, from int8 to int8: another scale and zero point."""

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared.fixed_point import single
from firmware_export.standalone.ops.table import Quantization


def function(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    return table.requantize(q, given, result, single(given.scale) / single(result.scale))


OPS = (table.rule("QUANTIZE", 4, function),)
