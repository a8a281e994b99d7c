"""What the instructions of a kernel grow with: for each kernel a few counts, from its parameters.

An estimate is their sum, each times what it takes on a core (cost_figures.py). The first count is
1, for the call itself.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from firmware_export.standalone.graph.calls import Call
from firmware_export.standalone.ops.shared import channel_pairs

Counts = tuple[float, ...]


def of_call(call: Call) -> Counts | None:
    """The counts of a call; None for a kernel that has no own ones: see `of_unknown`."""
    counts = KERNELS.get(call.kernel)
    return None if counts is None else (1, *counts(call.fields))


def of_unknown(calls: int, outputs: int, multiply_adds: int) -> Counts:
    """The counts of an op whose kernels have no own ones.

    Args:
      calls: of kernels.
      outputs: values that it writes.
      multiply_adds: products of a value and a weight.
    """
    return (calls, outputs, multiply_adds)


def _pointwise(f: Mapping[str, Any]) -> Counts:
    return _pixels(f, f["rows"], f["width"], f["in_channels"], f["out_channels"])


def _convolution(f: Mapping[str, Any]) -> Counts:
    groups = f["groups"]
    depth = f["kernel_height"] * f["kernel_width"] * f["in_channels"] // groups
    pixels = f["out_height"] * f["out_width"]
    return _pixels(f, f["batches"] * groups, pixels, depth, f["out_channels"] // groups)


def _pixels(f: Mapping[str, Any], times: int, pixels: int, depth: int, channels: int) -> Counts:
    """Groups of pixels for each channel: in full, those of up to four, those of two channels.

    Then, of all of these, values that are no whole words, and outputs that do not end in a ReLU.
    """
    group = f.get("group", 6)
    full, left = divmod(pixels, group)
    small = 1 if 0 < left <= 4 else 0
    full += left > 4
    pairs = 0
    if group == channel_pairs.GROUP:
        full, small, pairs = 0, 0, full + small
    elif group <= 4:
        full, small = 0, full + small
    full, small, pairs = (count * times * channels for count in (full, small, pairs))
    of_pixels = (times * pixels * depth, times * pixels)
    every = full + small + pairs
    slower = (every * (depth % 4), 0 if f.get("is_positive") else every)
    return (full, full * depth, small, small * depth, *of_pixels, pairs, pairs * depth, *slower)


def _any(f: Mapping[str, Any]) -> Counts:
    window = f["window"]
    depth = window["kernel_height"] * window["kernel_width"]
    depth *= window["in_channels"] // window["groups"]
    outputs = window["batches"] * window["out_height"] * window["out_width"] * f["count"]
    return (outputs, outputs * depth)


def _dense(f: Mapping[str, Any]) -> Counts:
    return (f["out_channels"], f["out_channels"] * f["in_channels"])


def _depthwise(f: Mapping[str, Any]) -> Counts:
    rows = f["batches"] * f["out_height"] * f["out_channels"]
    outputs = rows * f["out_width"]
    return (rows, outputs, outputs * f["kernel_height"] * f["kernel_width"])


def _depthwise_dense(f: Mapping[str, Any]) -> Counts:
    """Four channels at a time."""
    taps = f["kernel_height"] * f["kernel_width"]
    fours = f["batches"] * math.ceil(f["out_channels"] / 4)
    rows = fours * f["out_height"]
    pixels = rows * f["out_width"]
    return (fours, rows, pixels, pixels * taps, rows * f["in_width"])


def _row_sum(f: Mapping[str, Any]) -> Counts:
    """Channels that are no multiple of four have a slower loop on some cores, single pixels a
    faster one.
    """
    channels, outputs = f["channels"], f["channels"] * f["width"]
    counts = (channels, outputs, outputs * f["taps"])
    single = f["width"] == 1
    none = (0,) * len(counts)
    even = channels % 4 == 0
    return (
        *(counts if even else none),
        *(none if even else counts),
        channels * single,
        channels * (not single),
    )


def _uniform(f: Mapping[str, Any]) -> Counts:
    return (f["channels"], f["channels"] * f["pixels"])


def _max_pool(f: Mapping[str, Any]) -> Counts:
    outputs = f["batches"] * f["out_height"] * f["out_width"] * f["channels"]
    return (outputs, outputs * f["kernel_height"] * f["kernel_width"])


KERNELS: dict[str, Callable[[Mapping[str, Any]], Counts]] = {
    "pointwise": _pointwise,
    "convolution": _convolution,
    "convolution_any": _any,
    "dense": _dense,
    "depthwise": _depthwise,
    "depthwise_dense": _depthwise_dense,
    "row_sum": _row_sum,
    "uniform": _uniform,
    "max_pool": _max_pool,
    "push": lambda f: (f["kept"],),
    "sliding_mean": lambda f: (f["channels"],),
}
