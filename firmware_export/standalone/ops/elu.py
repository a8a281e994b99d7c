"""ELU."""

import numpy as np

from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.table import Quantization


def elu(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    """In float32, as TFLite Micro makes its table."""
    x = np.float32(given.scale) * (q - given.zero_point).astype(np.float32)
    below = np.exp(np.minimum(x, 0).astype(np.float64)).astype(np.float32) - np.float32(1)
    scaled = np.where(x < 0, below, x) * (np.float32(1) / np.float32(result.scale))
    if not np.abs(scaled).max() < 1 << 30:
        raise ValueError(
            f"ELU goes from scale {given.scale:g} to {result.scale:g}, too small for 32 bits; "
            "calibrate on more varied data"
        )
    rounded = np.copysign(np.floor(np.abs(scaled.astype(np.float64)) + 0.5), scaled)
    return (rounded.astype(np.float32) + np.float32(result.zero_point)).astype(np.int64)


OPS = (table.rule("ELU", 1, elu),)
