"""Rewrites of the graph that keep every byte of its outputs; each can be switched off by name.

graph = passes.run(graph, passes.select(["-rows"]))
"""

from collections.abc import Callable, Iterable

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.passes import (
    broadcast,
    in_place,
    pad,
    row_sums,
    rows,
    tables,
    trim,
    variables,
    views,
)

# In the order they run: later passes use the results of earlier ones.
PASSES: dict[str, Callable[[ir.Graph], ir.Graph]] = {
    "variables": variables.run,
    "tables": tables.run,
    "broadcast": broadcast.run,
    "pad": pad.run,
    "row_sums": row_sums.run,
    "trim": trim.run,
    "views": views.run,
    "rows": rows.run,
    "in_place": in_place.run,
}
ALL = tuple(PASSES)


def select(choice: Iterable[str]) -> tuple[str, ...]:
    """Names of the passes to run.

    Args:
      choice: names to run, or names prefixed with "-" to run all others; nothing: all.

    Raises:
      ExportError: an unknown name, or both kinds mixed.
    """
    names = [name.strip() for name in choice if name.strip()]
    off = {name[1:] for name in names if name.startswith("-")}
    on = {name for name in names if not name.startswith("-")}
    unknown = sorted((on | off) - set(ALL))
    if unknown:
        raise ExportError(f"there is no pass '{unknown[0]}'; the passes are {', '.join(ALL)}")
    if on and off:
        raise ExportError(
            "passes are either named, or named with '-' to leave them out; "
            f"'{','.join(names)}' does both"
        )
    return tuple(name for name in ALL if (name in on if on else name not in off))


def run(graph: ir.Graph, names: Iterable[str] = ALL) -> ir.Graph:
    """Runs the named passes, in their fixed order."""
    chosen = set(names)
    for name, rewrite in PASSES.items():
        if name in chosen:
            graph = rewrite(graph)
    return graph
