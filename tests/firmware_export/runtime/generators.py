"""Random generators of dummy prototypes, for tests of the recogniser in Python and in C."""

import numpy as np

from firmware_export.runtime.recogniser import DummyGenerator


def generator(
    sizes: tuple[int, int, int], seed: int, shifts: tuple[int, int], bits: tuple[int, int]
) -> DummyGenerator:
    """Any weights; with small shifts hidden values and dummies saturate.

    Args:
      sizes: of an embedding, hidden units, dummies.
      seed: of the weights.
      shifts: after the hidden layer, after the dummies.
      bits: of the biases of both.
    """
    size, units, dummies = sizes
    rng = np.random.default_rng(seed)
    return DummyGenerator(
        rng.integers(-(2**15), 2**15, size=(size, units)).astype(np.int16),
        rng.integers(-(2 ** bits[0]), 2 ** bits[0], size=units),
        shifts[0],
        rng.integers(-(2**15), 2**15, size=(units, dummies, size)).astype(np.int16),
        rng.integers(-(2 ** bits[1]), 2 ** bits[1], size=(dummies, size)),
        shifts[1],
    )
