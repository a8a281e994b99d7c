"""The two halves of a spoken word, cut where it is quietest near its middle."""

import numpy as np

from edge_tf.audio import simulation
from edge_tf.data.synthesis.voices.synthesizer import RATE

_EARLIEST, _LATEST = 0.35, 0.65  # of the word
_SMOOTHED_S = 0.03
_FADE_S = 0.008


def halves(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a word in two, at a boundary of syllables if there is one near the middle.

    Args:
      samples: float32 [n] at RATE, without silence at the ends.

    Returns:
      Both halves, faded at their ends; together n samples.
    """
    size = round(_SMOOTHED_S * RATE)
    cut = len(samples) // 2
    if len(samples) > 2 * size:  # else there is no middle to search
        energy = np.convolve(np.square(samples, dtype=np.float64), np.ones(size) / size, "same")
        start = round(_EARLIEST * len(samples))
        cut = start + int(np.argmin(energy[start : round(_LATEST * len(samples))]))
    fade = round(_FADE_S * RATE)
    return simulation.fade_ends(samples[:cut], fade), simulation.fade_ends(samples[cut:], fade)
