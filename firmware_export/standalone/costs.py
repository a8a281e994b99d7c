"""Estimates of the instructions that calls of kernels take, for passes that trade them for memory.

The figures are of the kernels for DSP on an emulated Cortex-M4, within about a tenth; other kernel
sets differ by a factor that is similar for all ops.
"""

import math
from collections.abc import Mapping

from firmware_export.standalone.graph.calls import Call, Field, Lowered
from firmware_export.standalone.ops.shared.row_calls import RowCalls

_CALL = 60


def instructions(lowered: Lowered) -> int:
    """Of all calls of an op, or of a chain of rows."""
    if not isinstance(lowered, RowCalls):
        return sum(of_call(call) for call in lowered.calls)
    total = 0
    for stage in (*lowered.head, *lowered.tail):
        of_variant = [sum(map(of_call, variant.calls)) for variant in stage.variants]
        total += sum(of_variant[choice] for choice in stage.choice)
    return total


def price(memory: int, total: int) -> float:
    """What to minimize where both can be had: a percent of one is worth a percent of the other.

    Args:
      memory: bytes of RAM.
      total: instructions.
    """
    return math.log(max(memory, 1)) + math.log(max(total, 1))


def of_call(call: Call) -> int:
    """Of one call; the kernels that no estimate depends on count as a call alone."""
    estimate = _KERNELS.get(call.kernel)
    return _CALL + (estimate(_numbers(call.fields)) if estimate else 0)


def _numbers(fields: Mapping[str, Field]) -> dict[str, int]:
    return {name: value for name, value in fields.items() if isinstance(value, int)}


def _pointwise(f: dict[str, int]) -> int:
    return f["rows"] * _pixels(f["width"], f["in_channels"], f["out_channels"], f["group"])


def _convolution(f: dict[str, int]) -> int:
    groups = f["groups"]
    depth = f["kernel_height"] * f["kernel_width"] * f["in_channels"] // groups
    pixels = f["out_height"] * f["out_width"]
    each = _pixels(pixels, depth, f["out_channels"] // groups) + pixels * depth
    return f["batches"] * groups * each


def _single(f: dict[str, int]) -> int:
    return round(f["out_channels"] * (1.25 * f["in_channels"] + 15))


def _pixels(pixels: int, depth: int, channels: int, group: int = 6) -> int:
    """Groups of six pixels, or of up to four."""
    of_six, of_four = 4.7 * depth + 55, 3.3 * depth + 45
    groups, rest = divmod(pixels, group)
    last = 0.0 if rest == 0 else of_four if rest <= 4 else of_six
    per_channel = groups * (of_six if group == 6 else of_four) + last
    return round(channels * per_channel + 1.5 * pixels * depth)


def _dense(f: dict[str, int]) -> int:
    """Four channels at a time."""
    height, width = f["kernel_height"], f["kernel_width"]
    taps = height * width
    rows = min(f["out_height"] * f["stride_y"] + height, f["in_height"] + height)
    pixels = f["out_height"] * f["out_width"]
    rotations = height if f["out_height"] > 1 else 1
    each = 150 + rotations * taps * 10
    each += rows * (25 + 8 * f["in_width"]) + f["out_height"] * 60 + pixels * (5 * taps + 40)
    return f["batches"] * math.ceil(f["out_channels"] / 4) * each


def _depthwise(f: dict[str, int]) -> int:
    outputs = f["batches"] * f["out_height"] * f["out_width"] * f["out_channels"]
    taps = f["kernel_height"] * f["kernel_width"]
    return round(outputs * (2.5 * taps + 12)) + 45 * f["out_height"] * f["out_channels"]


def _row_sum(f: dict[str, int]) -> int:
    return f["channels"] * (40 + round(f["width"] * (2.2 * f["taps"] + 8)))


_KERNELS = {
    "pointwise": _pointwise,
    "dense": _single,
    "convolution": _convolution,
    "depthwise_dense": _dense,
    "depthwise": _depthwise,
    "row_sum": _row_sum,
}
