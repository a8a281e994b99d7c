"""Estimates of the instructions that an inference takes, without a compiler or an emulator.

Passes that trade instructions for memory use them, and load/, for what an export tells. Estimates
for our own networks are within `TOLERANCE` of what QEMU counts at -O2 (benchmarks/load.md); those
for other ops are less near.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from firmware_export.standalone import cost_features
from firmware_export.standalone.cost_figures import FIGURES
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Call, Lowered
from firmware_export.standalone.ops.shared import kernel_choice
from firmware_export.standalone.ops.shared.row_calls import RowCalls, Stage
from firmware_export.standalone.target import KernelSet

TOLERANCE = 0.15
"""Largest error for an inference of our own networks; tests check it."""

# The core on which passes compare: others differ by a factor that is similar for all kernels.
_PLANNED_FOR = "cortex-m4 dsp"
_UNKNOWN = "unknown"


def key(core: str, kernels: KernelSet) -> str:
    """The name in `FIGURES` of a core with a kernel set."""
    return f"{core} {kernels}"


def of_graph(graph: ir.Graph, kernels: KernelSet, core: str) -> int:
    """Of one inference of a compiled model.

    Args:
      graph: after all passes, that of compiler.Compiled.
      kernels: the kernel set that runs it.
      core: such as "cortex-m4".

    Raises:
      KeyError: there are no figures of this core with these kernels.
    """
    figures = key(core, kernels)
    return round(
        sum(_of(counts(op, kernel_choice.lower(op, (kernels,))), figures) for op in graph.ops)
    )


def instructions(lowered: Lowered, core: str = _PLANNED_FOR) -> int:
    """Of all calls of an op, or of a chain of rows; kernels without figures count as a call."""
    return round(_of(_known(lowered), core))


def price(memory: int, total: int) -> float:
    """What to minimize where both can be had: a percent of one is worth a percent of the other.

    Args:
      memory: bytes of RAM.
      total: instructions.
    """
    return math.log(max(memory, 1)) + math.log(max(total, 1))


def counts(op: ir.Op, lowered: Lowered) -> dict[str, cost_features.Counts]:
    """By kernel, what the instructions of an op grow with; see cost_features.py."""
    found = _known(lowered)
    unknown = sum(
        times for call, times in _calls(lowered) if call.kernel not in cost_features.KERNELS
    )
    if unknown:
        # The kernels that are known do not count for the others.
        adds = 0 if found else op.multiply_adds()
        found[_UNKNOWN] = cost_features.of_unknown(unknown, op.output.size, adds)
    return found


def _of(found: Mapping[str, cost_features.Counts], core: str) -> float:
    figures = FIGURES[core]
    return sum(
        sum(figure * count for figure, count in zip(figures[kernel], values, strict=True))
        for kernel, values in found.items()
    )


def _known(lowered: Lowered) -> dict[str, cost_features.Counts]:
    totals: dict[str, cost_features.Counts] = {}
    for call, times in _calls(lowered):
        values = cost_features.of_call(call)
        if values is None:
            continue
        before = totals.get(call.kernel, (0.0,) * len(values))
        totals[call.kernel] = tuple(a + times * b for a, b in zip(before, values, strict=True))
    return totals


def _calls(lowered: Lowered) -> Iterator[tuple[Call, int]]:
    """Each call and how often it runs."""
    if not isinstance(lowered, RowCalls):
        yield from ((call, 1) for call in lowered.calls)
        return
    needed = lowered.needed_rows()
    for stage in lowered.head:
        yield from _of_stage(stage, [stage.choice[row] for row in needed])
    for stage in lowered.tail:
        yield from _of_stage(stage, stage.choice)


def _of_stage(stage: Stage, chosen: Sequence[int]) -> Iterator[tuple[Call, int]]:
    for number, variant in enumerate(stage.variants):
        yield from ((call, chosen.count(number)) for call in variant.calls)
