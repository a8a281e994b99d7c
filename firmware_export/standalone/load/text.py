"""The load for readers: rows of a table, and a line."""

from collections.abc import Mapping, Sequence
from typing import Any

from firmware_export.standalone.load.estimate import PartLoad


def rows(loads: Sequence[PartLoad]) -> list[dict[str, str]]:
    """Cells of a table with a row per part: part, clock, kernels, instructions, verdict, memory."""
    return [
        {
            "part": f"{load.part.name} ({load.part.core.name})",
            "mhz": f"{load.part.mhz} MHz",
            "kernels": load.kernels or "none",
            "instructions": _instructions(load),
            "flash": _of(load.flash_bytes, load.part.flash_kb) if load.kernels else "",
            "ram": _of(load.ram_bytes, load.part.ram_kb),
            "verdict": load.verdict,
        }
        for load in loads
    ]


def notes(loads: Sequence[PartLoad]) -> list[str]:
    """How counts of one core stand for another."""
    noted = {load.part.core for load in loads if load.kernels and load.part.core.note}
    return sorted(f"{core.name}: {core.note}" for core in noted)


def line(parts: Sequence[Mapping[str, Any]]) -> str:
    """For the screen, of the entries "parts" of `estimate.to_dict`: verdicts, the same joined."""
    names: dict[str, list[str]] = {}
    for part in parts:
        names.setdefault(part["verdict"], []).append(part["part"])
    return "; ".join(f"{', '.join(of)}: {verdict}" for verdict, of in names.items())


def millions(instructions: int) -> str:
    """A number of instructions with three digits."""
    if instructions < 1_000_000:
        return f"{instructions / 1_000:.3g} k"
    return f"{instructions / 1_000_000:.3g} M"


def _instructions(load: PartLoad) -> str:
    """Per second, or of a network alone per inference."""
    if load.kernels is None:
        return ""
    return millions(load.per_inference if load.per_second is None else load.per_second)


def _of(needed: int, kilobytes: int) -> str:
    return f"{needed / 1024:.0f} of {kilobytes:,} KB"
