"""Lowering of an op for several kernel sets at once: the C compiler chooses among them.

The calls are the same for all sets; only scratch, of which there must be enough for each, and the
files that the kernels are in may differ.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Call, Lowered, Place, Places
from firmware_export.standalone.ops.shared import channel_pairs
from firmware_export.standalone.ops.shared.row_calls import RowCalls, Stage
from firmware_export.standalone.target import KernelSet


def lower(op: ir.Op, sets: Sequence[KernelSet]) -> Lowered:
    """The calls of an op for any of these kernel sets.

    Raises:
      ExportError: see ir.Op.lower.
    """
    lowered = _joined([op.lower(kernel_set) for kernel_set in sets])
    return channel_pairs.paired(lowered, len(sets) == 1) if "dsp" in sets else lowered


def _joined(forms: Sequence[Lowered]) -> Lowered:
    first = forms[0]
    if len(forms) == 1:
        return first
    for other in forms[1:]:
        assert type(other) is type(first) and other.in_place == first.in_place
        assert type(other.progress) is type(first.progress)
    calls = tuple(map(_one_call, zip(*(form.calls for form in forms), strict=True)))
    smaller = None
    if any(form.smaller for form in forms):
        smaller = _joined([form.smaller or form for form in forms])
    shared = [form.shared for form in forms if form.shared]
    assert len(shared) in (0, len(forms))
    if not isinstance(first, RowCalls):
        return dataclasses.replace(
            first, calls=calls, smaller=smaller, shared=_joined(shared) if shared else None
        )
    rows = [form for form in forms if isinstance(form, RowCalls)]
    assert len({form.kernel_scratch for form in rows}) == 1
    return dataclasses.replace(
        first,
        calls=calls,
        head=_stages([form.head for form in rows]),
        tail=_stages([form.tail for form in rows]),
    )


def _stages(forms: Sequence[Sequence[Stage]]) -> list[Stage]:
    joined = []
    for stages in zip(*forms, strict=True):
        variants = zip(*(stage.variants for stage in stages), strict=True)
        first = stages[0]
        assert all(stage.choice == first.choice for stage in stages)
        joined.append(Stage(first.op, [_joined(forms) for forms in variants], first.choice))
    return joined


def _one_call(calls: Sequence[Call]) -> Call:
    """The first call, with the scratch and the files of all."""
    first = calls[0]
    for other in calls[1:]:
        assert (other.kernel, other.struct, other.header) == (
            first.kernel,
            first.struct,
            first.header,
        )
        assert _equal(other.fields, first.fields), f"{first.source} differs between kernel sets"
        assert _equal(other.arguments, first.arguments), first.source
    return dataclasses.replace(
        first,
        sources=tuple(dict.fromkeys(stem for call in calls for stem in call.sources)),
        scratch=max(call.scratch for call in calls),
    )


def _equal(a: Any, b: Any) -> bool:
    """Whether fields or arguments are; tensors of one row are made anew for each set."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Array):
        return a.key == b.key
    if isinstance(a, Place):
        return a.offset == b.offset and a.tensor.name == b.tensor.name
    if isinstance(a, Places):
        return _equal(a.places, b.places)
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, Sequence) and not isinstance(a, str):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)
