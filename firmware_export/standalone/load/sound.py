"""Instructions of what runs around a network: front-end, the window of frames, detector.

Fitted to front-ends of 256 to 1,024 points and 10 to 64 bands in QEMU, -O2, within 1 %
(benchmarks/load.md). Portable C; only the core matters.
"""

import dataclasses
import math

from firmware_export.frontend.config import LogMel
from firmware_export.runtime import render


@dataclasses.dataclass(frozen=True)
class _Figures:
    """Instructions on a core.

    Attributes:
      step: of the FFT, per point and doubling.
      point: per point of the FFT.
      sample: per sample under the window.
      band: per mel band.
      read: per feature, to copy the window to the network's input.
      normalized: per instruction of a Cortex-M4, if it is normalized on the way.
      score: of the detector, per class.
      decision: of the detector besides.
    """

    step: float
    point: float
    sample: float
    band: float
    read: float
    normalized: float
    score: float
    decision: float


_FIGURES = {
    "cortex-m4": _Figures(4.30, 36.14, 7.46, 117.7, 4.24, 1.01, 49.9, 22),
    "cortex-m55": _Figures(4.23, 36.68, 8.96, 121.4, 3.29, 0.99, 45.5, 43),
    "cortex-m0plus": _Figures(53.16, 83.93, 57.02, 170.5, 7.34, 4.68, 129.9, 180),
    "rv32": _Figures(5.34, 33.83, 28.84, 145.6, 5.24, 1.22, 54.2, 38),
}


def frame_instructions(core: str, config: LogMel) -> int:
    """Of the front-end, per frame; `core` as in costs.of_graph."""
    figures, points = _FIGURES[core], config.fft_size
    return round(
        points * (figures.step * math.log2(points) + figures.point)
        + config.window * figures.sample
        + config.mel_bands * figures.band
    )


def read_instructions(core: str, config: LogMel) -> int:
    """Of feature_window_read(), once per inference of a whole window."""
    figures = _FIGURES[core]
    if config.normalization == "none":
        return round(config.frames * config.mel_bands * figures.read)
    return round(render.read_instructions(config) * figures.normalized)


def detector_instructions(core: str, classes: int) -> int:
    """Of one decision."""
    figures = _FIGURES[core]
    return round(classes * figures.score + figures.decision)
