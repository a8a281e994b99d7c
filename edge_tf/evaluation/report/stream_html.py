"""The long stream in report.html: the chosen detector, the DET curve, all settings."""

from collections.abc import Sequence
from typing import Any

from edge_tf.evaluation.report import charts
from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.stream_report import StreamReport

_MOST_PER_HOUR = 20


def context(stream: StreamReport | None) -> dict[str, Any]:
    """Variables of stream.html.jinja: `stream`, None if no stream was evaluated."""
    if stream is None:
        return {"stream": None}
    chosen = stream.chosen
    low, high = chosen.per_hour_interval
    return {
        "stream": {
            "facts": [
                (
                    "Asked for",
                    f"at most {stream.settings.most_per_hour:g} false accepts per hour: "
                    f"{'met' if stream.is_met else 'NOT MET'} on validation clips "
                    f"({stream.chosen_on.per_hour:.2f})",
                ),
                ("Length", f"{stream.scene.hours:.2f} h"),
                ("Keywords", f"{chosen.words:,}"),
                ("Other words", f"{stream.scene.other_words:,}"),
                ("Distinct clips", f"{stream.scene.clips:,}"),
                ("Smoothing", f"{chosen.config.smoothing} frames"),
                ("Threshold", f"{chosen.config.threshold:g}"),
                ("False accepts per hour", f"{chosen.per_hour:.2f}"),
                ("95 % interval", f"{low:.2f} to {high:.2f}"),
                ("False rejects", f"{100 * chosen.false_rejects:.1f} %"),
                ("Repeats (second detections of a word)", f"{chosen.repeats:,}"),
                ("Without a decision", f"the first {stream.deaf_seconds:.2f} s"),
            ],
            "by_snr": [
                ("no noise" if snr is None else f"{snr:g} dB", f"{words:,}", _share(missed, words))
                for snr, words, missed in stream.by_snr
            ],
            "chart": det_chart(stream.points, (1, chosen.config.smoothing)),
            "settings": [
                (
                    f"{p.config.smoothing}",
                    f"{p.config.threshold:.2f}",
                    f"{p.per_hour:.2f}",
                    f"{p.per_hour_interval[0]:.2f} to {p.per_hour_interval[1]:.2f}",
                    f"{100 * p.false_rejects:.1f}",
                    f"{p.repeats:,}",
                )
                for p in stream.points
            ],
        }
    }


def _share(missed: int, words: int) -> str:
    return f"{100 * missed / words:.1f} %" if words else "-"


def det_chart(points: Sequence[Point], smoothings: Sequence[int]) -> charts.Chart | None:
    """False rejects over false accepts per hour, one line per smoothing.

    At x a line shows the fewest false rejects of all thresholds with at most x false accepts.
    """
    x = list(range(_MOST_PER_HOUR + 1))
    series = []
    for smoothing in dict.fromkeys(smoothings):
        mine = [point for point in points if point.config.smoothing == smoothing]
        values: list[float | None] = []
        for most in x:
            quiet = [100 * point.false_rejects for point in mine if point.per_hour <= most]
            values.append(min(quiet) if quiet else None)
        series.append(charts.Series(f"smoothing {smoothing}", values))
    return charts.line_chart(
        "False rejects", "maximum false accepts per hour", x, series, unit=" %", digits=1
    )
