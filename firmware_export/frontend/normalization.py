"""Constants of integer instance normalization: log-mel of a window to the model's int8 input.

With x the log-mel features of a window, (bands, frames), and m and v the mean and variance per
band over time, or over the whole window:

    FreqIN(x) = (x - m) / sqrt(v + EPSILON)  per band;  LN(x) the same over the window
    residual: lambda * x + FreqIN(x)                    (ResNorm, arXiv:2111.06531)
    relaxed:  lambda * LN(x) + (1 - lambda) * FreqIN(x)  (RFN, arXiv:2206.12513)

All of them are linear in x within a band. So the window keeps levels u, and reading it computes a
line per band and maps every level through it:

    u       log2((energy + offset) / offset), 16 bits unsigned, level_bits fractional bits
    mean    sum / count, 14 fractional bits
    v       sum of (u - rounded mean)^2 / count, 6 fractional bits, plus `epsilon`
    slope   gain / sqrt(v), 24 fractional bits: int8 steps per step of u
    out     slope * u + offset of the line, 24 fractional bits, rounded down and saturated

Ranges for at most 2^16 - 1 frames and 2^10 bands, so count < 2^26:

    sum        < 2^42; per band < 2^32. With the bits of the mean < 2^56
    squares    < 2^58, also those about the mean; with the bits of v < 2^64
    v          mean square distance from the mean, which is at most (2^16 / 2)^2, plus half a step
               for its rounding: < 2^31, with its bits < 2^37. The rounding of the mean
               adds at most 1/4, while epsilon is at least 545 (level_bits = 9)
    root       v is shifted left by an even number of bits, zeros, until it fills 64: the root
               has 32 bits
    gain       1 / scale <= 1,000 with its bits < 2^34; shifted by 3 + zeros / 2 bits it stays
               < 2^62, since 2^(3 + zeros / 2) <= 2^35 / sqrt(2^6 * epsilon) < 2^28
    slope      <= 1,000 / sqrt(545) < 43 for the gains of LN and FreqIN together, and lambda * x
               adds < 2: with its bits < 2^30; times mean or level < 2^60
"""

import dataclasses
import math

from firmware_export.frontend.config import LogMel

EPSILON = 1e-3
"""Added to the variance of log-mel, nat^2: both in the training graph and on the device.

Not the 1e-5 of the papers: 1 / sqrt(1e-5) amplifies a nearly constant band 316 times, so a band of
near-silence becomes the noise of 16-bit sound and of the rounding here (half of 2^-10 octaves of
energy is 0.1 then, two int8 steps). With 1e-3 it is a hundredth, a fifth of a step. Sound is not
affected: steady noise in a filter of 16 bins, which varies least, has a variance of 0.06.
"""

MEAN_BITS = 14
VARIANCE_BITS = 6
SLOPE_BITS = 24
MAX_LEVEL = 65_535

_MAX_LEVEL_BITS = 15


@dataclasses.dataclass(frozen=True)
class Normalization:
    """Constants for reading a window.

    Attributes:
      level_bits: fractional bits of a level.
      level_bias: from log2 of an energy on the integer scale to a level, including rounding;
        tables.LOG2_BITS fractional bits.
      epsilon: EPSILON in steps of a level, squared, VARIANCE_BITS fractional bits.
      band_gain: int8 steps per unit of FreqIN, SLOPE_BITS fractional bits.
      window_gain: the same for LN; 0 if unused.
      slope: int8 steps per step of a level in lambda * x, SLOPE_BITS fractional bits.
      bias: zero point, rounding and lambda * log(log_offset), SLOPE_BITS fractional bits.
    """

    level_bits: int
    level_bias: int
    epsilon: int
    band_gain: int
    window_gain: int
    slope: int
    bias: int


def make(
    config: LogMel, scale: float, zero_point: int, scale_bits: int, log2_bits: int
) -> Normalization | None:
    """Constants for the grid real = scale * (int8 - zero_point); None without normalization.

    Args:
      config: a checked front-end.
      scale, zero_point: of the model's input.
      scale_bits: log2 of (energy on the integer scale / real energy).
      log2_bits: fractional bits of the logarithm.
    """
    if config.normalization == "none":
        return None
    # No band has more energy than all bins together, which by Parseval is at most this.
    loudest = float(config.fft_size * config.window)
    octaves = math.log2((loudest + config.log_offset) / config.log_offset)
    # At least 9 for any offset that the tables accept: octaves < 62 + 22, as offset >= 2^-22.
    level_bits = min(_MAX_LEVEL_BITS, int(math.log2(MAX_LEVEL / octaves)))
    level = math.log(2.0) / 2**level_bits  # nat
    silence = math.log(config.log_offset)
    half = 1 << (log2_bits - level_bits - 1)
    lam = config.norm_lambda
    is_residual = config.normalization == "residual"
    one = 2**SLOPE_BITS / scale  # int8 steps
    bias = (zero_point + 0.5) * 2**SLOPE_BITS + (one * lam * silence if is_residual else 0.0)
    return Normalization(
        level_bits=level_bits,
        level_bias=half - round((silence / math.log(2.0) + scale_bits) * 2**log2_bits),
        epsilon=round(EPSILON / level**2 * 2**VARIANCE_BITS),
        band_gain=round(one if is_residual else one * (1.0 - lam)),
        window_gain=0 if is_residual else round(one * lam),
        slope=round(one * lam * level) if is_residual else 0,
        bias=round(bias),
    )
