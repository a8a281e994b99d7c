"""Cost of a model on boards, per op, for the terminal."""

from collections.abc import Sequence

from edge_tf.evaluation.cost.file_cost import BoardProfile, FileCost
from firmware_export.boards.m4_timing import Cycles
from firmware_export.boards.profiling import OpCost


def render(found: FileCost) -> str:
    """Markdown: a table per board, the op that takes most instructions first."""
    parts = [_board(found, board) for board in found.boards]
    return "\n\n".join(parts)


def _board(found: FileCost, measured: BoardProfile) -> str:
    cost, ops = measured.cost, measured.ops
    multiply_adds = sum(op.multiply_adds for op in ops)
    head = f"{found.file} on {cost.board}: {cost.instructions:,} instructions"
    if multiply_adds:
        ratio = cost.instructions / multiply_adds
        head += f" for {multiply_adds:,} multiply-adds ({ratio:.2f} each)"
    lines = [head, *_cycles(cost.cycles, multiply_adds)]
    memory = (
        f"Flash {cost.flash_bytes:,} B (model and kernels), RAM {cost.arena_bytes:,} B "
        f"(activations and scratch), stack {cost.stack_bytes:,} B."
    )
    total = sum(op.instructions for op in ops)
    header = (
        *("op", "instructions", "%", "each"),
        *(["cycles (est.)"] if cost.cycles else ()),
        *("constants", "RAM", "scratch", "stack"),
    )
    rows = [header, ("---", *(["---:"] * (len(header) - 1)))]
    rows += [_op(op, total) for op in sorted(ops, key=lambda op: -op.instructions)]
    return "\n".join((*lines, memory, _tflite_micro(found, measured), "", *_table(rows)))


def _cycles(cycles: Cycles | None, multiply_adds: int) -> list[str]:
    if cycles is None:
        return []
    each = f", {cycles.estimate / multiply_adds:.2f} per multiply-add" if multiply_adds else ""
    return [
        f"Estimated cycles, without wait states: {cycles.estimate:,}{each} "
        f"({cycles.least:,} to {cycles.most:,} by what the core's published timing leaves open)."
    ]


def _tflite_micro(found: FileCost, measured: BoardProfile) -> str:
    if found.tflm_arena_bytes is None:
        return f"Not compared with TFLite Micro: {found.tflm}."
    return (
        f"TFLite Micro: arena {found.tflm_arena_bytes:,} B on a 64-bit machine; "
        f"{measured.differing_bytes} of {found.output_bytes:,} output bytes differ "
        f"({found.tflm})."
    )


def _op(op: OpCost, total: int) -> tuple[str, ...]:
    each = f"{op.instructions / op.multiply_adds:.2f}" if op.multiply_adds else "-"
    return (
        op.source,
        f"{op.instructions:,}",
        f"{100 * op.instructions / max(total, 1):.1f}",
        each,
        *([f"{op.cycles.estimate:,}"] if op.cycles else ()),
        *(f"{n:,}" for n in (op.flash_bytes, op.ram_bytes, op.scratch_bytes, op.stack_bytes)),
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
