"""Calls of convolutions that sum each channel separately."""

import copy

import numpy as np

from firmware_export.standalone.graph.calls import Field, Lowered, Place, Scratch
from firmware_export.standalone.ops.shared import row_progress
from firmware_export.standalone.ops.shared.convolution import (
    Convolution,
    any_convolution,
    members,
    split,
    window_convolution,
)
from firmware_export.standalone.ops.shared.scaling import Scaling, scaling_of
from firmware_export.standalone.target import KernelSet

# Maximum bytes of a pointer: on the host.
_POINTER = 8
# Taps whose weights edge_depthwise keeps in registers, and pixels per row from which that pays.
_TAPS_IN_REGISTERS = 5
_LONG_ROW = 16
# The most that edge_depthwise_dense takes, and the bytes that it keeps per value.
_MOST_DENSE_TAPS = 33
_DENSE_LANES: dict[KernelSet, int] = {"portable": 1, "dsp": 8, "mve": 8}


def depthwise(op: Convolution, weights: np.ndarray, kernels: KernelSet) -> Lowered:
    """weights: [kernel height, kernel width, output channels]."""
    op, weights = _without_zeros(op, weights)
    channels, in_channels = op.output.shape[3], op.inputs[0].shape[3]
    scaling = scaling_of(op, weights.reshape(-1, channels).T)
    by_output = np.moveaxis(weights, -1, 0)[..., np.newaxis]
    return split(
        scaling,
        lambda plain: _fast(op, weights, plain, kernels),
        lambda wild: any_convolution(op, by_output, in_channels, wild),
    )


def _fast(op: Convolution, weights: np.ndarray, scaling: Scaling, kernels: KernelSet) -> Lowered:
    channels, in_channels = op.output.shape[3], op.inputs[0].shape[3]
    if channels != in_channels:
        by_output = np.moveaxis(weights, -1, 0)[..., np.newaxis]
        return window_convolution(op, by_output, in_channels, scaling, kernels)
    if _is_mean(op, weights):
        return _uniform(op, weights[0, 0], scaling)
    if _is_dense(op, weights):
        return _dense(op, weights, scaling, kernels)
    window = weights.shape[:2]
    call = op.call(
        "depthwise",
        {**scaling.fields(weights, op.table, axis=-1), **members(op, window, in_channels)},
        *(Place(op.inputs[0]), Place(op.output), Scratch()),
        struct="edge_convolution_t",
        sources=window_sources("depthwise", kernels),
        scratch=_POINTER * window[0] * window[1] + in_channels,
    )
    return Lowered((call,), progress=row_progress.of(op))


def _is_dense(op: Convolution, weights: np.ndarray) -> bool:
    """Whether edge_depthwise_dense takes it, and is faster than edge_depthwise.

    That keeps the weights of up to five taps in registers for a whole row of pixels, which pays
    where rows are long.
    """
    height, width = weights.shape[:2]
    if op.dilation != (1, 1):
        return False
    is_for_registers = (
        2 <= height * width <= _TAPS_IN_REGISTERS
        and op.stride[1] == 1
        and op.output.shape[2] >= _LONG_ROW
    )
    return height * width <= _MOST_DENSE_TAPS and not is_for_registers


def _dense(op: Convolution, weights: np.ndarray, scaling: Scaling, kernels: KernelSet) -> Lowered:
    x, output = op.inputs[0], op.output
    height, width = weights.shape[:2]
    columns = (output.shape[2] - 1) * op.stride[1] + width
    is_positive = scaling.is_positive(op.scaled.zero_point)
    call = op.call(
        "depthwise_dense",
        {
            **scaling.fields(weights, op.table, axis=-1),
            **members(op, (height, width), x.shape[3], is_positive),
        },
        *(Place(x), Place(output), Scratch()),
        struct="edge_convolution_t",
        sources=("depthwise_dense",),
        scratch=_DENSE_LANES[kernels] * height * (columns + height * width),
    )
    in_place = (
        x.shape[0] == 1
        and x.pitch is None
        and output.pitch is None
        and output.shape[2] <= x.shape[2]
        and op.padding[0] < height
    )
    return Lowered((call,), (0,) if in_place else ())


def window_sources(kernel: str, kernels: KernelSet) -> tuple[str, ...]:
    """Files of row_sum and depthwise, which share their loops except in the portable set."""
    return (kernel,) if kernels == "portable" else (kernel, "window_sum")


def _is_mean(op: Convolution, weights: np.ndarray) -> bool:
    """Whether one window with one weight per channel covers the whole input."""
    x = op.inputs[0]
    return (
        x.shape[0] == 1
        and weights.shape[:2] == x.shape[1:3]
        and op.output.shape[1:] == (1, 1, x.shape[3])
        and op.padding == (0, 0)
        and x.pitch is None
        and bool((weights == weights[0, 0]).all())
        and x.shape[1] * x.shape[2] <= 0xFFFF
    )


def _uniform(op: Convolution, weights: np.ndarray, scaling: Scaling) -> Lowered:
    x = op.inputs[0]
    fields: dict[str, Field] = {
        **scaling.fields(weights, op.table, axis=-1),
        "pixels": x.shape[1] * x.shape[2],
        "channels": x.shape[3],
        "zero_point": op.scaled.zero_point,
        "low": op.low,
        "high": op.high,
    }
    return Lowered((op.call("uniform", fields, Place(x), Place(op.output)),))


def _without_zeros(op: Convolution, weights: np.ndarray) -> tuple[Convolution, np.ndarray]:
    """Restores the dilation of a kernel that has taps of zeros instead."""
    dilation = list(op.dilation)
    for axis in range(2):
        used = (weights != 0).any(axis=(1 - axis, 2))
        for step in range(len(used) - 1, 1, -1):
            if (len(used) - 1) % step == 0 and not used[np.arange(len(used)) % step > 0].any():
                weights = weights[::step] if axis == 0 else weights[:, ::step]
                dilation[axis] *= step
                break
    if tuple(dilation) != op.dilation:
        op = copy.copy(op)
        op.dilation = (dilation[0], dilation[1])
    return op, weights
