"""Weights for the DSP kernels: of two output channels in one number, or in an order of their own.

Other kernels read weights by channel, or see dense_order.py. An export of several kernel sets has
both forms of the array, one of which is compiled.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firmware_export.standalone.graph.calls import Array, Call, Lowered
from firmware_export.standalone.ops.shared import dense_order
from firmware_export.standalone.ops.shared.row_calls import RowCalls, Stage

# `group` of edge_pointwise_t and edge_convolution_t.
GROUP = 3
# |accumulator| of the second channel is below.
_LIMIT = 1 << 23
# Instructions besides those for its outputs and values.
_PER_GROUP = 140
# Inputs that a loop of the kernels takes at a time.
_TURN = 4


def paired(lowered: Lowered, alone: bool) -> Lowered:
    """The same with the order of edge_dense, and pairs of channels wherever they are faster.

    Args:
      lowered: what DSP kernels, and perhaps others, are called for.
      alone: whether there are no other kernels.
    """

    def stages(given: Sequence[Stage]) -> list[Stage]:
        return [
            Stage(stage.op, [paired(form, alone) for form in stage.variants], stage.choice)
            for stage in given
        ]

    others = (lowered.smaller, lowered.shared)
    smaller, shared = (other and paired(other, alone) for other in others)
    calls = tuple(_call(call, alone) for call in lowered.calls)
    made = dataclasses.replace(lowered, calls=calls, smaller=smaller, shared=shared)
    if isinstance(made, RowCalls):
        return dataclasses.replace(made, head=stages(made.head), tail=stages(made.tail))
    return made


def _call(call: Call, alone: bool) -> Call:
    if call.kernel not in ("pointwise", "convolution", "dense"):
        return call
    fields = call.fields
    given = fields["weights"]
    assert isinstance(given, Array)
    if call.kernel == "dense":
        outputs, inputs = fields["out_channels"], fields["in_channels"]
        assert isinstance(outputs, int) and isinstance(inputs, int)
        ordered = _for_dsp(given, dense_order.for_dsp(given.values, outputs, inputs), alone)
        return dataclasses.replace(call, fields={**fields, "weights": ordered})
    channels, depth = _size(call.kernel, fields)
    if channels % 2 or depth % _TURN or not _is_faster(call.kernel, fields, depth):
        return call
    weights = given.values.reshape(channels, depth).astype(np.int32)
    bias = fields["bias"]
    assert isinstance(bias, Array)
    furthest = np.abs(bias.values.astype(np.int64)) + 128 * np.abs(weights).sum(axis=1)
    numbers = weights[::2] + 256 * weights[1::2]
    if furthest.max() >= _LIMIT or numbers.min() < -(1 << 15):
        return call
    order = numbers.reshape(-1, _TURN)[:, [0, 2, 1, 3]]
    values = order.reshape(-1).astype("<i2").view(np.int8)
    group = fields["group"]
    assert isinstance(group, int)
    return dataclasses.replace(
        call,
        fields={**fields, "weights": _for_dsp(given, values, alone), "group": GROUP},
        scratch=call.scratch - 2 * (group - GROUP) * depth * alone,
    )


def _for_dsp(given: Array, values: np.ndarray, alone: bool) -> Array:
    if alone:
        return dataclasses.replace(given, values=values)
    return dataclasses.replace(given, values_for_dsp=values)


def _size(kernel: str, fields: Mapping[str, Any]) -> tuple[int, int]:
    """Output channels and products per output; none for what the kernels do not take."""
    if kernel == "pointwise":
        return fields["out_channels"], fields["in_channels"]
    if fields["groups"] > 1:
        return 0, 1
    window = fields["kernel_height"] * fields["kernel_width"]
    # Rows of a window must be whole words.
    whole = fields["kernel_width"] * fields["in_channels"] % _TURN == 0
    return fields["out_channels"], window * fields["in_channels"] if whole else 1


def _is_faster(kernel: str, fields: Mapping[str, Any], depth: int) -> bool:
    """By the instructions for groups of pixels; see dsp/pointwise.c.

    With pairs, instructions take fewer cycles: 6 % more of them are still 10 % fewer cycles.
    """
    if kernel == "pointwise":
        pixels = fields["width"]
    else:
        pixels = fields["out_height"] * fields["out_width"]
    channels, turns = fields["out_channels"], depth // _TURN
    full, left = divmod(pixels, 6)
    large, small = full + (left > 4), int(0 < left <= 4)
    plain = large * (18.75 * turns + 45) + small * (13.75 * turns + 33)
    groups = -(-pixels // GROUP)
    more = _PER_GROUP * (groups - large - small)
    return bool(channels * groups * (8.9 * turns + 29) + more < 1.06 * channels * plain)
