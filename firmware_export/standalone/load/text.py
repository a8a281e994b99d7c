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


def second_lines(load: Mapping[str, Any]) -> list[str]:
    """A line of a second stage on the first of the parts; `load` as of `estimate.to_dict`."""
    found = next((part for part in load["parts"] if part["second"]), None)
    if found is None:
        return []
    second = found["second"]
    return [
        f"second stage, on {found['part']} at {found['mhz']} MHz: "
        f"{millions(found['instructions_per_second'])} instructions a second at "
        f"{load['hits_per_hour']:.3g} hits an hour, {millions(second['per_hit'])} a hit; "
        f"{millions(second['busiest'])} a second until it has caught up, "
        f"{second['first_answer_s']:.2g} s; last answer {second['last_answer_s']:.2g} s after a hit"
    ]


def second_rows(loads: Sequence[PartLoad]) -> list[dict[str, str]]:
    """Cells of a table of the second stage: part, instructions of a hit, the busiest second."""
    return [
        {
            "part": f"{load.part.name} ({load.part.core.name})",
            "mhz": f"{load.part.mhz} MHz",
            "per_hit": millions(load.second.per_hit),
            "busiest": millions(load.second.busiest),
            "share": f"{load.second.busiest / (1e4 * load.part.mhz):.0f} %",
        }
        for load in loads
        if load.second
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
