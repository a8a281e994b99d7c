"""The constants of normalization against their definitions and the widths they are argued with."""

import math
from typing import Any

import pytest

from firmware_export.errors import ExportError
from firmware_export.frontend import normalization, tables
from firmware_export.frontend.normalization import Normalization
from tests.firmware_export.runtime.compiled import FRONTEND

RESIDUAL = {"normalization": "residual", "norm_lambda": 0.1}
RELAXED = {"normalization": "relaxed", "norm_lambda": 0.25}


def make(scale: float = 0.05, zero_point: int = 7, **changes: Any) -> Normalization:
    made = tables.make({**FRONTEND, **changes}, scale, zero_point).normalization
    assert made is not None
    return made


def test_none_has_none() -> None:
    assert tables.make(FRONTEND, 0.05, 0).normalization is None
    plain = {"normalization": "none", "norm_lambda": 0.0}
    assert tables.make({**FRONTEND, **plain}, 0.05, 0).normalization is None


def test_residual() -> None:
    made = make(**RESIDUAL)
    level = math.log(2.0) / 2**made.level_bits
    one = 2**24 / 0.05
    assert made.epsilon == pytest.approx(1e-3 / level**2 * 2**6, rel=1e-4)
    assert (made.band_gain, made.window_gain) == (round(one), 0)
    assert made.slope == round(0.1 * level * one)
    assert made.bias == pytest.approx(7.5 * 2**24 + 0.1 * math.log(1e-6) * one, abs=1)


def test_relaxed() -> None:
    made = make(**RELAXED)
    one = 2**24 / 0.05
    assert (made.band_gain, made.window_gain) == (round(0.75 * one), round(0.25 * one))
    assert (made.slope, made.bias) == (0, 15 * 2**23)


@pytest.mark.parametrize("fft_size", [16, 512, 4_096, 32_768])
@pytest.mark.parametrize("exponent", range(-23, 9))
def test_levels_hold_all_that_can_be_heard(fft_size: int, exponent: int) -> None:
    """And the widths in the module's text hold: the comments there are these numbers."""
    sizes = {"fft_size": fft_size, "window": fft_size, "hop": 10, "clip_samples": 32_768}
    changes = {"log_offset": 10.0**exponent, **sizes, **RESIDUAL}
    try:
        made = make(1e-3, -128, **changes)
    except ExportError as error:
        assert "out of range" in str(error)
        return
    loudest = math.log2(1 + fft_size**2 / 10.0**exponent)
    assert loudest * 2**made.level_bits <= normalization.MAX_LEVEL
    assert 9 <= made.level_bits <= 15
    assert made.epsilon / 2**normalization.VARIANCE_BITS >= 545
    assert made.band_gain < 2**34
    assert made.slope / 2**normalization.SLOPE_BITS < 2
    assert abs(made.bias) < 2**41
    assert abs(made.level_bias) < 2**26  # as log2 of an energy, so that their sum is an int32


def test_silence_is_level_0() -> None:
    """The offset alone, at whatever gain."""
    made, table = make(**RESIDUAL), tables.make(FRONTEND, 0.05, 0)
    log2 = math.log2(table.offset) - 2 * table.max_gain_bits
    level = (round(log2 * 2**tables.LOG2_BITS) + made.level_bias) >> (
        tables.LOG2_BITS - made.level_bits
    )
    assert level == 0
