"""Bytes of code in flash, estimated: kernels and their calls, front-end, detector, C library.

Averages of what gcc makes at -O2 (benchmarks/load.md). Weights, parameters and tables are counted,
so an export's flash is within some 4 KB.
"""

from firmware_export.frontend.config import LogMel
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.ops.shared import kernel_choice
from firmware_export.standalone.target import KernelSet

_PER_KERNEL: dict[KernelSet, int] = {"portable": 600, "dsp": 1_000, "mve": 900}
_PER_CALL = 14
_LIBRARY = 1_700

_FRONTEND = 2_000
_DETECTOR = 600


def of_program(compiled: Compiled, kernels: KernelSet, second: Compiled | None = None) -> int:
    """Of the network's kernels and the calls of them, with what they need of the C library.

    Args:
      compiled: the network.
      kernels: the kernel set.
      second: another network that uses the same kernels.
    """
    ops = [*compiled.graph.ops, *(second.graph.ops if second else ())]
    calls = [call for op in ops for call in kernel_choice.lower(op, (kernels,)).calls]
    stems = {stem for call in calls for stem in call.sources}
    return len(stems) * _PER_KERNEL[kernels] + len(calls) * _PER_CALL + _LIBRARY


def of_sound(config: LogMel) -> int:
    """Of front-end with its tables, and detector; a second stage has as much code as a detector."""
    hann, sine = 2 * config.window, config.fft_size  # int32: half a window, a quarter of a sine
    filters = config.fft_size  # uint16 per bin
    return _FRONTEND + hann + sine + filters + _DETECTOR
