"""Formats figures by recording device, for the terminal and for the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_tf.evaluation.hops.hop_row import HopRow
from edge_tf.evaluation.hops.recording_devices import ByDevice, DeviceFigures

NOTHING = "-"
UNNAMED = "unknown"

# Columns of each hop.
FIGURES = ("accuracy %", "drop", "log loss")


@dataclass(frozen=True)
class DeviceLine:
    """One line of the table: a device, or a mean over devices.

    Attributes:
      name: of the device or the mean.
      seen: "yes" or "no": whether training clips were recorded with it.
      clips: number of its test clips.
      by_hop: FIGURES of each hop.
      is_mean: whether the line is a mean.
    """

    name: str
    seen: str
    clips: str
    by_hop: tuple[tuple[str, str, str], ...]
    is_mean: bool = False


def distinct_hops(rows: Sequence[HopRow]) -> list[HopRow]:
    """Hops that get a column: they ran all clips, and their figures differ.

    A hop that is bit-exact with another one has the same figures. An emulated board that runs a few
    clips says little about a device; report.json has those, too.
    """
    most = max(row.clips for row in rows)
    return [
        row
        for row in rows
        if row.by_device is not None
        and row.clips == most
        and not (
            row.bit_exact_required and row.compared_to != row.name and row.differing_bytes == 0
        )
    ]


def lines(hops: Sequence[HopRow]) -> list[DeviceLine]:
    """One line per device, seen ones first, then the means. The hops ran the same clips."""
    tables = [row.by_device for row in hops if row.by_device is not None]
    if not tables:
        return []
    result = [
        DeviceLine(
            name=one.device or UNNAMED,
            seen="yes" if one.is_seen else "no",
            clips=f"{one.clips:,}",
            by_hop=tuple(_figures(table.each[at]) for table in tables),
        )
        for at, one in enumerate(tables[0].each)
    ]
    for is_seen, name in ((True, "mean, seen"), (False, "mean, unseen")):
        clips = sum(one.clips for one in tables[0].each if one.is_seen == is_seen)
        if clips:
            by_hop = tuple(_mean_figures(table, is_seen) for table in tables)
            seen = "yes" if is_seen else "no"
            result.append(DeviceLine(name, seen, f"{clips:,}", by_hop, is_mean=True))
    return result


def _figures(one: DeviceFigures) -> tuple[str, str, str]:
    error = f" ± {100 * one.standard_error:.2f}"
    return accuracy(one.accuracy) + error, drop(one.drop_points), loss(one.log_loss)


def _mean_figures(table: ByDevice, is_seen: bool) -> tuple[str, str, str]:
    mean = table.seen if is_seen else table.unseen
    if mean is None:
        return NOTHING, NOTHING, NOTHING
    points = None if is_seen else table.drop_points
    return accuracy(mean.accuracy), drop(points), loss(mean.log_loss)


def accuracy(share: float) -> str:
    """'75.00', percent."""
    return f"{100 * share:.2f}"


def drop(points: float | None) -> str:
    """'12.50' points lost, '-1.25' points gained; '-' if there is no drop to report."""
    return NOTHING if points is None else f"{points:.2f}".replace("-0.00", "0.00")


def loss(value: float, error: float | None = None) -> str:
    """'0.812', or '0.812 ± 0.094' with its standard error; nats."""
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def render(rows: Sequence[HopRow]) -> list[str]:
    """Lines for the terminal: aligned columns, three per hop."""
    hops = distinct_hops(rows)
    shown = lines(hops)
    if not shown:
        return ["by recording device: no hop ran"]
    head = ("device", "seen", "clips", *(FIGURES * len(hops)))
    cells = [(one.name, one.seen, one.clips, *sum(one.by_hop, ())) for one in shown]
    widths = [max(len(row[at]) for row in (head, *cells)) for at in range(len(head))]
    # A hop's name is above its three columns and may widen them.
    for at, hop in enumerate(hops):
        first = 3 + 3 * at
        spare = len(hop.name) - (sum(widths[first : first + 3]) + 4)
        widths[first + 2] += max(0, spare)

    def line(row: Sequence[str]) -> str:
        aligned = (f"{text:>{width}}" for text, width in zip(row[2:], widths[2:], strict=True))
        left = (f"{text:<{width}}" for text, width in zip(row[:2], widths[:2], strict=True))
        return "  ".join((*left, *aligned)).rstrip()

    names = [" " * (sum(widths[:3]) + 4)]
    for at, hop in enumerate(hops):
        first = 3 + 3 * at
        names.append(f"{hop.name:<{sum(widths[first : first + 3]) + 4}}")
    return [
        "by recording device (seen: used in training; drop: accuracy points below seen devices)",
        "  ".join(names).rstrip(),
        line(head),
        "  ".join("-" * width for width in widths),
        *(line(row) for row in cells),
    ]
