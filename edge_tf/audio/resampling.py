"""Resampling: the one module that uses tensorflow-io.

tensorflow-io's native library fails on first use, not on import, when it does not match the
installed TensorFlow; keeping it here keeps that failure, and its replacement, in one place.
"""

import math

import numpy as np

_FILTER_TAPS = 64  # of tensorflow-io's resampler, at the lower of both rates


class Resampler:
    """Sound at another rate, piece by piece: the same samples as of the whole at once.

    n samples become round(n * rate_out / rate_in), aligned in time, flat to 0.85 of the lower
    Nyquist frequency.

    tensorflow-io's resampler begins each call with silence, delays by half its filter and drops as
    much at the end. So each call gets the past that its filter reaches, and begins where the phase
    of the filter is that of the first sample: every rate_in / gcd samples.

    Args:
      rate_in: Hz.
      rate_out: Hz.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        common = math.gcd(rate_in, rate_out)
        self._rates = rate_in, rate_out
        self._up, self._down = rate_out // common, rate_in // common
        taps = _FILTER_TAPS
        if self._down > self._up:
            taps = ((taps * self._down // self._up - 1) & ~7) + 8
        self._half = taps // 2
        # Zeros that make the delay a whole number of output samples, and at least half a filter.
        past = -self._half % self._down + self._down * math.ceil((self._half + 1) / self._down)
        self._past, self._future = past, self._half + 1
        self._delay = (past + self._half) * self._up // self._down
        self._kept = np.zeros(past, np.float32)
        self._heard = self._given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Accepts (n,) samples; returns those of the output that they complete, float32."""
        self._heard += len(samples)
        self._kept = np.concatenate((self._kept, samples.astype(np.float32)))
        return self._run((len(self._kept) - self._past - self._future) // self._down)

    def finish(self) -> np.ndarray:
        """The last samples, as if silence followed."""
        left = round(self._heard * self._up / self._down) - self._given
        periods = -(-left // self._up)
        self._kept = np.pad(self._kept, (0, max(0, periods) * self._down + self._future))
        return self._run(periods)[: max(0, left)]

    def _run(self, periods: int) -> np.ndarray:
        """Outputs of some periods, which are then forgotten."""
        if periods <= 0:
            return np.zeros(0, np.float32)
        # The public wrapper maps over a batch of one, which takes several times as long and warns.
        from tensorflow_io.python.ops import core_ops

        rate_in, rate_out = self._rates
        needed = self._kept[: self._past + periods * self._down + self._future]
        # A little more than the filter needs, since the end is rounded down.
        padded = np.pad(needed, (0, self._half + 2 * self._down))[:, np.newaxis]
        result = core_ops.io_audio_resample(padded, rate_in=rate_in, rate_out=rate_out).numpy()
        self._kept = self._kept[periods * self._down :]
        self._given += periods * self._up
        return result[self._delay : self._delay + periods * self._up, 0]
