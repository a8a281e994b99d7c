"""The load for readers: rows of a table, and a line."""

from collections.abc import Sequence

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
            "verdict": verdict(load),
        }
        for load in loads
    ]


def line(loads: Sequence[PartLoad]) -> str:
    """For the screen: "at least 21 % of STM32F401xE, ...; ESP32-C3 is too slow"."""
    return ", ".join(f"{load.part.name} {verdict(load)}" for load in loads)


def verdict(load: PartLoad) -> str:
    """What the load is, or why there is none."""
    if load.misfit:
        return load.misfit
    if load.percent is not None:
        return f"{_percent(load.percent)} %"
    assert load.inferences_per_second is not None
    return f"{load.inferences_per_second:,.3g} a second"


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


def _percent(percent: float) -> str:
    return f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"
