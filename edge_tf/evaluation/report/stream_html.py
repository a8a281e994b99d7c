"""The long stream in report.html: the chosen detector, the operating curve, thresholds."""

from collections.abc import Sequence
from typing import Any

from edge_tf.evaluation.report import charts
from edge_tf.evaluation.report.stream_text import level_name
from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.stream_report import StreamReport

# The curve reaches this many times the aim, in so many steps.
_AIMS = 20
_MARKS = {True: "passed", False: "failed", None: "open"}


def context(stream: StreamReport | None) -> dict[str, Any]:
    """Variables of stream.html.jinja: `stream`, None if no stream was evaluated."""
    if stream is None:
        return {"stream": None}
    chosen = stream.chosen
    total = chosen.total
    mine = [point for point in stream.points if _alike(point, chosen)]
    return {
        "stream": {
            "verdict": stream.aim.verdict,
            "mark": _MARKS[stream.aim.is_met],
            "facts": [
                ("Test sound", f"{stream.scene.hours:.2f} h"),
                ("Keywords", f"{chosen.words:,}"),
                ("Other words", f"{stream.scene.other_words:,}"),
                ("Distinct clips", f"{stream.scene.clips:,}"),
                ("Smoothing", f"{chosen.config.smoothing} frames"),
                ("Threshold", f"{chosen.config.threshold:g}"),
                ("Armed again below", f"{chosen.config.rearm:g}"),
                ("Refractory period", f"{chosen.config.refractory_hops} frames"),
                ("False accepts per hour", f"{total.per_hour:.2f}"),
                ("95 % interval", _rates(total.per_hour_interval)),
                ("Second detections of a word, among them", f"{total.seconds:,}"),
                ("False rejects", f"{100 * chosen.false_rejects:.1f} %"),
                ("95 % interval", _shares(chosen.false_rejects_interval)),
                ("Latency from the end of a word, median", _seconds(chosen.latency_s(50))),
                ("Latency, 90 % within", _seconds(chosen.latency_s(90))),
                *_float_facts(stream),
                *_second_facts(stream),
                ("Without a decision", f"the first {stream.deaf_seconds:.2f} s"),
                (
                    "False accepts per hour on validation clips, where it was chosen",
                    f"{stream.chosen_on.total.per_hour:.2f}",
                ),
            ],
            "by_kind": [
                (
                    kind.name,
                    f"{kind.hours:.2f}",
                    f"{kind.false_accepts:,}",
                    f"{kind.seconds:,}",
                    f"{kind.per_hour:.2f}",
                    _rates(kind.per_hour_interval),
                )
                for kind in (*chosen.kinds, total)
            ],
            "by_snr": [
                (
                    level_name(level.snr_db),
                    f"{level.words:,}",
                    f"{level.missed:,}",
                    f"{100 * level.share:.1f} %",
                    _shares(level.interval),
                )
                for level in chosen.levels
            ],
            "chart": operating_curve(stream.points, chosen, stream.settings.most_per_hour),
            "settings": [
                (
                    f"{(p.second or p.config).threshold:.2f}",
                    f"{p.total.per_hour:.2f}",
                    _rates(p.total.per_hour_interval),
                    f"{100 * p.false_rejects:.1f} %",
                    _shares(p.false_rejects_interval),
                    _seconds(p.latency_s(50)),
                )
                for p in mine
            ],
        }
    }


def operating_curve(
    points: Sequence[Point], chosen: Point, most_per_hour: float
) -> charts.Chart | None:
    """False rejects over false accepts per hour, with the chosen setting and its 95 % bounds.

    At x a line shows the fewest false rejects of all settings with at most x false accepts: of
    those with the chosen smoothing and share of the second threshold, and of all.

    Args:
      points: all settings.
      chosen: one of them.
      most_per_hour: the aim, which sets how far the curve reaches.
    """
    x = [step * (most_per_hour or 1.0) for step in range(_AIMS + 1)]
    series = []
    for name, mine in (
        ("thresholds of the chosen detector", [p for p in points if _alike(p, chosen)]),
        ("best of all settings", points),
    ):
        values: list[float | None] = []
        for most in x:
            quiet = [100 * p.false_rejects for p in mine if p.total.per_hour <= most + 1e-9]
            values.append(min(quiet) if quiet else None)
        series.append(charts.Series(name, values))
    low, high = chosen.total.per_hour_interval
    fewest, largest = chosen.false_rejects_interval
    mark = charts.Mark(
        "chosen",
        chosen.total.per_hour,
        100 * chosen.false_rejects,
        (low, high),
        (100 * fewest, 100 * largest),
    )
    return charts.line_chart(
        "Operating curve: false rejects",
        "maximum false accepts per hour",
        x,
        series,
        unit=" %",
        digits=1,
        mark=mark,
    )


def _alike(point: Point, chosen: Point) -> bool:
    """Whether only the threshold differs, and the second one with it; of two stages, the last's."""
    if point.second and chosen.second:
        return point.second.smoothing == chosen.second.smoothing
    shares = [round((p.config.rearm or 0.0) / p.config.threshold, 2) for p in (point, chosen)]
    return point.config.smoothing == chosen.config.smoothing and shares[0] == shares[1]


def _second_facts(stream: StreamReport) -> list[tuple[str, str]]:
    chosen, alone = stream.chosen, stream.alone
    if chosen.second is None or stream.second is None or alone is None:
        return []
    return [
        ("Second stage", stream.second.path.name),
        ("Its smoothing", f"{chosen.second.smoothing} frames"),
        ("Its threshold", f"{chosen.second.threshold:g}"),
        ("Hits it is asked about per hour, besides words", f"{chosen.hits_per_hour:.1f}"),
        ("The first stage alone: false rejects", f"{100 * alone.false_rejects:.1f} %"),
        ("The first stage alone: false accepts per hour", f"{alone.total.per_hour:.2f}"),
    ]


def _rates(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def _shares(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def _float_facts(stream: StreamReport) -> list[tuple[str, str]]:
    if stream.float_best is None:
        return []
    names = ("False rejects of the float network at as many false accepts", "Of the int8 network")
    shares = (stream.float_best.false_rejects, stream.int8_best.false_rejects)
    return [(name, f"{100 * share:.1f} %") for name, share in zip(names, shares, strict=True)]


def _seconds(latency: float | None) -> str:
    return "-" if latency is None else f"{latency:.2f} s"
