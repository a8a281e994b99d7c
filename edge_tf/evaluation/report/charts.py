"""Line charts for the report, laid out in Python and drawn as SVG by its template.

The template sets the colours, so that a chart follows the reader's light or dark scheme, and it
escapes the text; only the numbers are computed here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 280
_LARGEST = 1e12
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 14, 44


@dataclass(frozen=True)
class Series:
    """One line: a name and a value per x, None if missing."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Mark:
    """One result beside the lines: its place, and the intervals of both coordinates."""

    name: str
    x: float
    y: float
    x_interval: tuple[float, float]
    y_interval: tuple[float, float]


@dataclass(frozen=True)
class Cross:
    """A mark in SVG units; its bars end at the edges of the chart."""

    x: float
    y: float
    x_bar: tuple[float, float]
    y_bar: tuple[float, float]
    name: str
    text: str


@dataclass(frozen=True)
class Point:
    """A value on the chart, in SVG units, with its tooltip."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """One series as pieces of polyline ("x,y x,y ..."), interrupted where values are missing."""

    name: str
    pieces: list[str]
    points: list[Point]
    last: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position in SVG units and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """What the template draws; `alternative` is its text alternative."""

    title: str
    x_title: str
    alternative: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    cross: Cross | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from the last one <= `low` to the first one >= `high`.

    Raises:
      ValueError: an end is not finite, or low is above high.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no axis from {low} to {high}")
    if high - low <= 1e-9 * max(abs(low), abs(high), 1.0):
        margin = 0.1 * abs(low) if abs(low) > 1e-6 else 1.0
        low, high = low - margin, high + margin
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def line_chart(
    title: str,
    x_title: str,
    x: Sequence[float],
    series: Sequence[Series],
    unit: str = "",
    digits: int = 2,
    mark: Mark | None = None,
) -> Chart | None:
    """Lays out one chart; returns None if no series has a value that can be drawn.

    NaN, infinity and extreme values (a diverged loss) are left out.

    Args:
      title: what is drawn.
      x_title: name of the x axis: "epoch".
      x: finite positions; each series has as many values.
      series: lines; those without a value are left out.
      unit: written after values, such as " %".
      digits: decimals of values in texts.
      mark: a result to show with its intervals; drawn at the right edge if it is beyond.
    """
    drawn = [
        Series(s.name, [v if v is not None and abs(v) < _LARGEST else None for v in s.values])
        for s in series
    ]
    drawn = [s for s in drawn if any(v is not None for v in s.values)]
    values = [v for s in drawn for v in s.values if v is not None]
    if not values:
        return None
    if mark is not None:
        values += mark.y_interval
    y_marks = nice_ticks(min(values), max(values))
    x_low, x_high = min(x), max(x)

    def x_at(value: float) -> float:
        share = (value - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 2)

    def y_at(value: float) -> float:
        share = (value - y_marks[0]) / (y_marks[-1] - y_marks[0])
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 2)

    lines = []
    for one in drawn:
        pieces: list[list[str]] = [[]]
        points = []
        for place, value in zip(x, one.values, strict=True):
            if value is None:
                pieces.append([])
                continue
            point = Point(x_at(place), y_at(value), f"{one.name}, {x_title} {place:g}: ")
            points.append(Point(point.x, point.y, f"{point.text}{value:.{digits}f}{unit}"))
            pieces[-1].append(f"{point.x:g},{point.y:g}")
        last = next(v for v in reversed(one.values) if v is not None)
        kept = [" ".join(piece) for piece in pieces if len(piece) > 1]
        lines.append(Line(one.name, kept, points, f"{last:.{digits}f}{unit}"))

    x_marks = [v for v in nice_ticks(x_low, x_high, 6) if x_low <= v <= x_high and v == int(v)]
    if len(x_marks) < 2:  # no whole numbers in it
        x_marks = [v for v in nice_ticks(x_low, x_high, 6) if x_low <= v <= x_high * (1 + 1e-9)]
    if x_low not in x_marks:
        x_marks = [x_low, *[v for v in x_marks if v - x_low > 0.08 * (x_high - x_low)]]
    ends = "; ".join(_in_words(one, digits, unit) for one in drawn)
    cross = None
    if mark is not None:
        ends += f"; {_mark_in_words(mark, digits, unit)}"
        inside = [min(max(value, x_low), x_high) for value in (mark.x, *mark.x_interval)]
        cross = Cross(
            x_at(inside[0]),
            y_at(mark.y),
            (x_at(inside[1]), x_at(inside[2])),
            (y_at(mark.y_interval[0]), y_at(mark.y_interval[1])),
            mark.name,
            _mark_in_words(mark, digits, unit),
        )
    return Chart(
        title=title,
        x_title=x_title,
        alternative=f"{title} over {x_title} {x_low:g} to {x_high:g}: {ends}",
        lines=lines,
        x_ticks=[Tick(x_at(v), f"{v:g}") for v in x_marks],
        y_ticks=[Tick(y_at(v), f"{v:.{_decimals(y_marks)}f}{unit}") for v in y_marks],
        cross=cross,
    )


def _decimals(marks: list[float]) -> int:
    """Decimals that every mark needs: an axis reads 0.5, 1.0, 1.5."""
    return max(len(f"{mark:.10f}".rstrip("0").partition(".")[2]) for mark in marks)


def _in_words(one: Series, digits: int, unit: str) -> str:
    values = [v for v in one.values if v is not None]
    return f"{one.name} from {values[0]:.{digits}f}{unit} to {values[-1]:.{digits}f}{unit}"


def _mark_in_words(mark: Mark, digits: int, unit: str) -> str:
    low, high = mark.y_interval
    return (
        f"{mark.name}: {mark.y:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f}{unit}) at "
        f"{mark.x:.2f} ({mark.x_interval[0]:.2f} to {mark.x_interval[1]:.2f})"
    )
