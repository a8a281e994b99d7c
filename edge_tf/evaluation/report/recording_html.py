"""Recording devices in report.html: a chart of accuracy, and the table of all figures."""

from dataclasses import dataclass
from typing import Any

from edge_tf.evaluation.hops.hop_row import HopRow
from edge_tf.evaluation.report import recording_text
from edge_tf.evaluation.report.charts import Tick
from edge_tf.evaluation.report.report import Report

_WIDTH, _HEIGHT = 640, 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 14, 28
_CHARACTER = 7.5  # width in a label, in SVG units


@dataclass(frozen=True)
class Bar:
    """A bar, in SVG units, with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Bars:
    """The bars of one hop, one per device."""

    name: str
    bars: list[Bar]


@dataclass(frozen=True)
class BarChart:
    """What the template draws; `alternative` is its text alternative."""

    alternative: str
    groups: list[Bars]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT
    bottom: int = _HEIGHT - _BOTTOM


def context(report: Report) -> dict[str, Any]:
    """Variables of devices.html.jinja: `devices`, None without several recording devices."""
    hops = recording_text.distinct_hops(report.table.rows)
    shown = recording_text.lines(hops)
    if not shown:
        return {"devices": None}
    # The first hop is the float model; the chosen one is int8 as it goes to the device.
    drawn = [report.table.rows[0].name, report.chosen.name if report.chosen else ""]
    rows = {row.name: row for row in hops}
    return {
        "devices": {
            "hops": [row.name for row in hops],
            "figures": recording_text.FIGURES,
            "lines": shown,
            "chart": bar_chart([rows[name] for name in dict.fromkeys(drawn) if name in rows]),
        }
    }


def bar_chart(rows: list[HopRow]) -> BarChart | None:
    """Accuracy by device as groups of bars, one per hop, from 0 to 100 %; None without a hop."""
    tables = [row.by_device for row in rows if row.by_device is not None]
    if not tables:
        return None
    names = [one.device or recording_text.UNNAMED for one in tables[0].each]
    slot = (_WIDTH - _LEFT - _RIGHT) / len(names)
    width = 0.76 * slot / len(tables)

    def y_at(share: float) -> float:
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 2)

    groups = []
    for at, (row, table) in enumerate(zip(rows, tables, strict=True)):
        bars = []
        for place, one in enumerate(table.each):
            x = _LEFT + (place + 0.12) * slot + at * width
            y = y_at(one.accuracy)
            text = f"{row.name}, {names[place]}: {recording_text.accuracy(one.accuracy)} %"
            height = round(y_at(0.0) - y, 2)
            bars.append(Bar(round(x, 2), y, round(0.94 * width, 2), height, text))
        groups.append(Bars(row.name, bars))
    ends = "; ".join(
        f"{row.name}: "
        + ", ".join(
            f"{name} {recording_text.accuracy(one.accuracy)} %"
            for name, one in zip(names, table.each, strict=True)
        )
        for row, table in zip(rows, tables, strict=True)
    )
    return BarChart(
        alternative=f"Accuracy by recording device. {ends}",
        groups=groups,
        x_ticks=[
            Tick(round(_LEFT + (place + 0.5) * slot, 2), _short(name, int(slot / _CHARACTER)))
            for place, name in enumerate(names)
        ],
        y_ticks=[Tick(y_at(share / 100), f"{share} %") for share in range(0, 101, 25)],
    )


def _short(name: str, most: int) -> str:
    """The name, cut after `most` characters."""
    return name if len(name) <= max(most, 3) else f"{name[: max(most, 3) - 1]}…"
