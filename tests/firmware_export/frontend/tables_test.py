"""The tables against their definitions, and the limits within which integers do not overflow."""

import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.frontend import tables
from tests.firmware_export.runtime.compiled import FRONTEND, SCALE, ZERO_POINT


def make(**changes: Any) -> tables.Tables:
    return tables.make({**FRONTEND, **changes}, SCALE, ZERO_POINT)


@pytest.mark.parametrize("window", [480, 275, 512])
def test_hann(window: int) -> None:
    """Half a periodic window: the mirror image of the rest, by one sample off its end."""
    hann = make(window=window).hann
    assert hann.dtype == np.int32 and hann.shape == (window // 2 + 1,)
    expected = np.sin(np.pi * np.arange(window // 2 + 1) / window) ** 2
    np.testing.assert_allclose(hann / 2**31, expected, rtol=0, atol=2**-31)
    assert hann[0] == 0
    if window % 2 == 0:
        assert hann[-1] == 2**31 - 1


def test_sine() -> None:
    sine = make().sine
    assert sine.dtype == np.int32 and sine.shape == (129,)
    assert (sine[0], sine[-1]) == (0, 2**31 - 1)
    assert sine[64] == round(math.sqrt(0.5) * 2**31)


def test_mel_weights_are_triangles() -> None:
    made = make()
    assert made.first_bin.shape == (42,) and made.first_bin[0] == 0
    assert (np.diff(made.first_bin) > 0).all()
    assert made.rising.dtype == np.uint16
    for start, stop in itertools.pairwise(made.first_bin):
        weights = made.rising[start:stop].astype(int)
        slope = np.diff(weights)  # equal steps: straight lines in Hz
        assert (slope > 0).all()
        assert slope.size == 0 or slope.max() - slope.min() <= 1


def test_the_range_of_the_filters_is_kept() -> None:
    made = make(low_hz=300.0, high_hz=3_400.0)
    assert made.first_bin[0] == math.ceil(300 / 31.25)
    assert made.first_bin[-1] == len(made.rising) == math.ceil(3_400 / 31.25)
    assert not made.rising[: made.first_bin[0]].any()


def test_log2_bulge() -> None:
    bulge = make().log2_bulge / 2**tables.LOG2_BITS
    assert bulge.shape == (65,) and bulge[0] == bulge[-1] == 0
    assert bulge[32] == pytest.approx(math.log2(1.5) - 0.5, abs=1e-6)


@pytest.mark.parametrize("fft_size", [16, 512, 4_096, 32_768])
@pytest.mark.parametrize("log_offset", [1e-12, 1e-6, 1e-3, 1.0])
def test_the_offset_leaves_room_for_the_loudest_sound(fft_size: int, log_offset: float) -> None:
    """Below 2^61 each, so that their sum is a positive int64."""
    sizes = {"fft_size": fft_size, "window": min(480, fft_size), "hop": 10}
    made = make(log_offset=log_offset, clip_samples=32_768, **sizes)
    assert 0 <= made.max_gain_bits <= 15
    assert made.offset <= 2**61
    scale = 2.0 ** (62 - 2 * math.log2(fft_size) + 2 * made.max_gain_bits)
    assert made.offset == pytest.approx(log_offset * scale, rel=1e-2)


def test_default_sizes_in_flash() -> None:
    """Kept small on purpose."""
    made = make()
    arrays = (made.hann, made.sine, made.rising, made.log2_bulge)
    assert sum(array.nbytes for array in arrays) + 2 * len(made.first_bin) < 2_300
    assert made.max_gain_bits == 15


@pytest.mark.parametrize(
    ("log_offset", "scale", "zero_point", "message"),
    [
        (1e-30, 0.08, 0, "log_offset=1e-30 is out of range for 16-bit sound"),
        (1e9, 0.08, 0, "log_offset=1e.09 is out of range"),
        (0.0, 0.08, 0, "log_offset=0 is out of range"),
        (-1.0, 0.08, 0, "log_offset=-1 is out of range"),
        (1e-6, 0.0, 0, "input scale 0 is not one of log-mel features"),
        (1e-6, 1e-4, 0, "input scale 0.0001 is not one"),
        (1e-6, math.nan, 0, "input scale nan is not one"),
        (1e-6, 0.08, 128, "zero point 128 is not an int8"),
        (1e-6, 0.08, -129, "zero point -129 is not an int8"),
    ],
)
def test_refuses(log_offset: float, scale: float, zero_point: int, message: str) -> None:
    with pytest.raises(ExportError, match=message) as error:
        tables.make({**FRONTEND, "log_offset": log_offset}, scale, zero_point)
    assert "\n" not in str(error.value)


def test_needs_neither_tensorflow_nor_edge_tf() -> None:
    code = (
        "import sys, firmware_export.runtime.render\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'edge_tf')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
