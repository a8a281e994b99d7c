"""Tables and constants of the integer log-mel front-end.

frontend.c and edge_tf.audio.fixed_point compute with only these, in the same order, so they are
bit-exact. One frame:

    x      samples, shifted left by as many bits as the loudest leaves free (gain bits)
    y      x * hann, below 2^30: a bit of headroom for the rotations of the FFT
    X      FFT(y) * 2 / fft_size, every stage of the FFT halves; below 2^30
    power  re^2 + im^2, 64 bits
    mel    sums of power with 16-bit weights, plus the offset; below 2^62
    log2   19 fractional bits
    out    log2 * step + bias, 39 fractional bits, rounded down and saturated to int8

With normalization, `out` is a 16-bit level instead, and int8 is computed from the window of frames:
firmware_export.frontend.normalization.
"""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.frontend import normalization
from firmware_export.frontend.config import LogMel

LOG2_BITS = 19
"""Fractional bits of log2."""

SEGMENT_BITS = 13
"""Fractional bits of log2 within one of its linear segments."""

LOG2_SEGMENTS = 1 << (LOG2_BITS - SEGMENT_BITS)
"""Linear segments between two powers of two."""

STEP_BITS = 20
"""Fractional bits of `step`."""

_MAX_GAIN_BITS = 15
_OFFSET_MAX = 2**61  # with the power of the loudest sound, below 2^61, it stays below 2^62
_OFFSET_MIN = 2**8  # for the quietest frames; less precision would show in the features
_MIN_SCALE, _MAX_SCALE = 1e-3, 1e2


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """All numbers of one front-end.

    Attributes:
      config: what they were made from.
      hann: (window // 2 + 1,) int32, 31 fractional bits; hann[window - n] is hann[n].
      sine: (fft_size // 4 + 1,) int32, 31 fractional bits: sin(2 pi k / fft_size).
      first_bin: (mel_bands + 2,) int32: first FFT bin at or above each corner of the filters;
        between corners b and b + 1, filter b rises and filter b - 1 falls.
      rising: (first_bin[-1],) uint16, 16 fractional bits: weight of a bin in the filter that rises
        there. Both weights of a bin sum to 1, so the falling one is not stored.
      log2_bulge: (LOG2_SEGMENTS + 1,) uint16: log2(1 + x) - x, LOG2_BITS fractional bits.
      max_gain_bits: maximum left shift of quiet sound.
      offset: log_offset on the scale of a frame that was shifted by max_gain_bits.
      step: int8 steps per unit of log2, STEP_BITS fractional bits.
      bias: added to that, including rounding, LOG2_BITS + STEP_BITS fractional bits.
      normalization: replaces step and bias; None without normalization.
    """

    config: LogMel
    hann: np.ndarray
    sine: np.ndarray
    first_bin: np.ndarray
    rising: np.ndarray
    log2_bulge: np.ndarray
    max_gain_bits: int
    offset: int
    step: int
    bias: int
    normalization: normalization.Normalization | None


def make(frontend: dict[str, Any], scale: float, zero_point: int) -> Tables:
    """Tables for features on the int8 grid real = scale * (int8 - zero_point).

    Args:
      frontend: the "frontend" part of a run's frontend.json.
      scale: of the model's input.
      zero_point: of the model's input.

    Raises:
      ExportError: a device cannot compute such features, or such a grid is not possible.
    """
    config = LogMel.from_dict(frontend)
    _check_grid(scale, zero_point)
    # log2 of (mel energy on the integer scale / real mel energy), without gain bits.
    scale_bits = 2 * (31 - int(math.log2(config.fft_size)))
    max_gain_bits, offset = _offset(config.log_offset, scale_bits)
    first_bin, rising = _mel_weights(config)
    steps = math.log(2.0) / scale
    bias = zero_point + 0.5 - scale_bits * steps
    n = np.arange(config.window // 2 + 1)
    k = np.arange(config.fft_size // 4 + 1)
    x = np.arange(LOG2_SEGMENTS + 1) / LOG2_SEGMENTS
    return Tables(
        config=config,
        hann=_q31(0.5 - 0.5 * np.cos(2.0 * np.pi * n / config.window)),
        sine=_q31(np.sin(2.0 * np.pi * k / config.fft_size)),
        first_bin=first_bin,
        rising=rising,
        log2_bulge=np.rint((np.log2(1.0 + x) - x) * 2**LOG2_BITS).astype(np.uint16),
        max_gain_bits=max_gain_bits,
        offset=offset,
        step=round(steps * 2**STEP_BITS),
        bias=round(bias * 2 ** (LOG2_BITS + STEP_BITS)),
        normalization=normalization.make(config, scale, zero_point, scale_bits, LOG2_BITS),
    )


def _check_grid(scale: float, zero_point: int) -> None:
    if not _MIN_SCALE <= scale <= _MAX_SCALE:  # also rejects NaN
        raise ExportError(
            f"the model's input scale {scale:g} is not one of log-mel features ({_MIN_SCALE:g} to "
            f"{_MAX_SCALE:g}); convert a model that was trained on this front-end"
        )
    if not -128 <= zero_point <= 127:
        raise ExportError(
            f"the model's input zero point {zero_point} is not an int8; convert the model to int8"
        )


def _offset(log_offset: float, scale_bits: int) -> tuple[int, int]:
    """Maximum gain bits for which offset plus mel energy fits, and the offset at that gain."""
    for gain_bits in range(_MAX_GAIN_BITS, -1, -1):
        offset = log_offset * 2.0 ** (scale_bits + 2 * gain_bits)
        if offset <= _OFFSET_MAX:
            break
    if not _OFFSET_MIN <= offset <= _OFFSET_MAX:
        raise ExportError(
            f"log_offset={log_offset:g} is out of range for 16-bit sound; train with one like 1e-6"
        )
    return gain_bits, round(offset)


def _mel_weights(config: LogMel) -> tuple[np.ndarray, np.ndarray]:
    """`first_bin` and `rising` of Tables; filters are linear in Hz between HTK mel corners."""
    low, high = (2595.0 * math.log10(1.0 + hz / 700.0) for hz in (config.low_hz, config.high_hz))
    corners = 700.0 * (10.0 ** (np.linspace(low, high, config.mel_bands + 2) / 2595.0) - 1.0)
    hz = np.linspace(0.0, config.sample_rate / 2, config.fft_size // 2 + 1)
    widths = np.diff(corners)
    # A bin whose weight would round up to 1 is on the corner: 0 in the filter rising from there.
    on_corner = np.concatenate([[0.0], widths]) * 2.0**-17
    first_bin = np.searchsorted(hz, corners - on_corner)
    rising = np.zeros(first_bin[-1])
    for left, (start, stop) in enumerate(itertools.pairwise(first_bin)):
        rising[start:stop] = (hz[start:stop] - corners[left]) / widths[left]
    return first_bin.astype(np.int32), np.rint(np.maximum(rising, 0.0) * 2**16).astype(np.uint16)


def _q31(values: np.ndarray) -> np.ndarray:
    """Real numbers in [0, 1] with 31 fractional bits; 1 becomes the largest number below it."""
    return np.minimum(np.rint(values * 2.0**31), 2**31 - 1).astype(np.int32)
