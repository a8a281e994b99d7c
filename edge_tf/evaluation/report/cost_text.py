"""Cost on boards, for the terminal."""

from collections.abc import Sequence

from firmware_export.boards.m4_timing import Cycles
from firmware_export.boards.measuring import Cost


def render(costs: Sequence[Cost]) -> str:
    """A Markdown table, so that it can be pasted."""
    streams = any(cost.streaming for cost in costs)
    rows = [
        ("", *(cost.board for cost in costs)),
        ("---", *("---:" for _ in costs)),
        (
            "one frame of a stream, instructions" if streams else "one inference, instructions",
            *(_number(c.instructions) for c in costs),
        ),
        *_cycles([c.cycles for c in costs]),
        ("model and kernels, flash bytes", *(_number(c.flash_bytes) for c in costs)),
        (
            f"activations{', past frames' if streams else ''} and scratch, RAM bytes",
            *(_number(c.arena_bytes) for c in costs),
        ),
        ("front-end, one frame, instructions", *(_number(c.frontend_instructions) for c in costs)),
        *_cycles([c.frontend_cycles for c in costs]),
        ("front-end, flash bytes", *(_number(c.frontend_flash_bytes) for c in costs)),
        ("front-end, RAM bytes", *(_number(c.frontend_ram_bytes) for c in costs)),
        (
            "frames to the model's input, instructions",
            *(_number(c.window_instructions) for c in costs),
        ),
        *_cycles([c.window_cycles for c in costs]),
        ("detector, one call, instructions", *(_number(c.detector_instructions) for c in costs)),
        *_cycles([c.detector_cycles for c in costs]),
        *_second(costs),
        ("stack, bytes", *(_number(c.stack_bytes) for c in costs)),
        ("whole test program, flash bytes", *(_number(c.program_flash_bytes) for c in costs)),
        ("whole test program, RAM bytes", *(_number(c.program_ram_bytes) for c in costs)),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _second(costs: Sequence[Cost]) -> list[tuple[str, ...]]:
    """Rows of the second stage, if there is one."""
    found = [cost.second for cost in costs if cost.second is not None]
    if len(found) < len(costs) or not found:
        return []
    hits = f"{found[0].hits_per_hour:.3g} hits an hour"
    return [
        ("second stage, one frame, instructions", *(_number(s.instructions) for s in found)),
        *_cycles([s.cycles for s in found]),
        ("second stage, a hit, instructions", *(_number(s.per_hit) for s in found)),
        ("second stage, flash bytes if alone", *(_number(s.flash_bytes) for s in found)),
        ("second stage, RAM bytes of its network", *(_number(s.arena_bytes) for s in found)),
        (
            f"front-end and both stages at {hits}, instructions a second",
            *(_number(s.per_second) for s in found),
        ),
    ]


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _cycles(costs: Sequence[Cycles | None]) -> list[tuple[str, ...]]:
    """A row, if a board has an estimate."""
    values = [None if cycles is None else cycles.estimate for cycles in costs]
    return [("the same, cycles (est.)", *map(_number, values))] if any(values) else []
