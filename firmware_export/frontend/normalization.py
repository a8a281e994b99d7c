"""Constants of instance normalization in integers: log-mel of a window to the model's int8 input.

With x the log-mel features of a window, (bands, frames), m and v mean and variance over time of a
band, or over the whole window:

    FreqIN(x) = (x - m) / sqrt(v + EPSILON)  of a band;  LN(x) the same of the window
    residual: lambda * x + FreqIN(x)                    (ResNorm, arXiv:2111.06531)
    relaxed:  lambda * LN(x) + (1 - lambda) * FreqIN(x)  (RFN, arXiv:2206.12513)

All of them are straight lines in x within a band. So the window keeps levels u, and reading it
finds a line for each band and puts every level through it:

    u       log2((energy + offset) / offset), 16 bits without sign, level_bits after the point
    mean    sum / count, 14 bits after the point
    v       sum of (u - rounded mean)^2 / count, 6 bits after the point, plus `epsilon`
    slope   gain / sqrt(v), 24 bits after the point: int8 steps for one step of u
    out     slope * u + offset of the line, 24 bits after the point, rounded down and saturated

How wide these get, for at most 2^16 - 1 frames and 2^10 bands, so count < 2^26:

    sum        < 2^42; of a band < 2^32. With the bits of the mean < 2^56
    squares    < 2^58, also those about the mean; with the bits of v < 2^64
    v          mean square distance from the mean, which is at most (2^16 / 2)^2, half a step
               more for its rounding: < 2^31, with its bits < 2^37. The rounding of the mean
               adds at most 1/4, where epsilon is at least 545 (level_bits = 9)
    root       v is shifted left by an even number of bits, zeros, until it fills 64: the root
               has 32 bits
    gain       1 / scale <= 1,000 with its bits < 2^34; shifted by 3 + zeros / 2 bits it stays
               < 2^62, since 2^(3 + zeros / 2) <= 2^35 / sqrt(2^6 * epsilon) < 2^28
    slope      <= 1,000 / sqrt(545) < 43 for the gains of LN and FreqIN together, and what
               lambda * x adds is < 2: with its bits < 2^30; times mean or level < 2^60
"""

import dataclasses
import math

from firmware_export.frontend.config import LogMel

EPSILON = 1e-3
"""Added to the variance of log-mel, nat^2: by the graph of training and on the device alike.

Not the 1e-5 of the papers: sqrt(1e-5) amplifies 316 times what hardly moves, and so a band of
near-silence becomes the noise of 16-bit sound and of the rounding here (half of 2^-10 octaves of
energy is 0.1 then, two int8 steps). With 1e-3 it is a hundredth, a fifth of a step. Sound is not
changed: steady noise in a filter of 16 bins, which moves least, has a variance of 0.06.
"""

MEAN_BITS = 14
VARIANCE_BITS = 6
SLOPE_BITS = 24
MAX_LEVEL = 65_535

_MAX_LEVEL_BITS = 15


@dataclasses.dataclass(frozen=True)
class Normalization:
    """What the reader of a window computes with.

    Attributes:
      level_bits: digits of a level after the point.
      level_bias: from log2 of an energy on the integer scale to a level; rounding included;
        digits of tables.LOG2_BITS.
      epsilon: EPSILON in steps of a level, squared, VARIANCE_BITS after the point.
      band_gain: int8 steps for 1 of FreqIN, SLOPE_BITS after the point.
      window_gain: the same of LN; 0 where there is none.
      slope: int8 steps for one step of a level in lambda * x, SLOPE_BITS after the point.
      bias: zero point, rounding and lambda * log_offset's logarithm, SLOPE_BITS after the point.
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
      config: a front-end that was checked.
      scale, zero_point: of the model's input.
      scale_bits: log2 of (energy on the integer scale / real energy).
      log2_bits: digits of the logarithm after the point.
    """
    if config.normalization == "none":
        return None
    # No band has more energy than all bins, and they, by Parseval, no more than this.
    loudest = float(config.fft_size * config.window)
    octaves = math.log2((loudest + config.log_offset) / config.log_offset)
    # At least 9 for whatever offset the tables accept: octaves < 62 + 22, of offset >= 2^-22.
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
