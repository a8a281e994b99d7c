"""RAM of an export: of the network, the front-end, and the detector or what learns words."""

import math

from firmware_export.frontend.config import LogMel
from firmware_export.standalone.cascade import CompiledSecond
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.spotting import Spotting


def static_ram(
    compiled: Compiled,
    around: Spotting | Enrolling | None,
    second: CompiledSecond | None = None,
) -> dict[str, int]:
    """Bytes of static memory on a 32-bit device, by what they are for.

    Args:
      compiled: the network.
      around: front-end and detector, or what learns words; None for a network alone.
      second: of the detector; None: it has none.
    """
    past = sum(state.byte_size for state in compiled.graph.states)
    ram = {"activations": compiled.plan.size - past}
    if past:
        ram["past frames" if compiled.streaming else "state"] = past
    if around is not None:
        config = LogMel.from_dict(around.frontend)
        words = math.ceil(config.window / 2) + 1
        ram["front-end"] = 4 * words + 8 * (config.fft_size // 2 + 1)
        if not past:
            window = config.frames * config.mel_bands * config.feature_bytes
            ram["window of features"] = 4 * math.ceil(window / 4) + 8
    if isinstance(around, Enrolling):
        ram |= around.ram()
    elif around is not None:
        classes = len(around.labels)
        smoothing = math.ceil(around.detector.smoothing * classes / 2)
        ram["detector"] = 4 * (smoothing + classes + math.ceil(classes / 4)) + 8
        if second is not None:
            stage = second.second.config
            frames = 4 * math.ceil(stage.past * config.mel_bands / 4)
            ram["second stage's network"] = second.compiled.plan.size
            ram["second stage's frames"] = frames + 4 * math.ceil(stage.smoothing / 2) + 32
    return ram
