"""Comparisons of runs, for the terminal; the last lines are the outcome in words."""

from edge_tf.evaluation.comparing import device_drop, paired_bootstrap
from edge_tf.evaluation.comparing.comparison import Comparison, SideFigures
from edge_tf.evaluation.comparing.device_drop import DeviceDrop
from edge_tf.evaluation.comparing.drop_comparison import DropComparison


def render(record: Comparison) -> str:
    """Each run, both means, the outcome."""
    runs, against = record.runs, record.against
    lines = [
        f"{one.run} ({_named(side)}): {100 * one.accuracy:.2f} %"
        for side in (runs, against)
        for one in side.each
    ]
    lines.append(
        f"mean on {record.found.clips:,} test clips: {100 * runs.accuracy:.2f} % ({_named(runs)}), "
        f"against {100 * against.accuracy:.2f} % ({_named(against)})"
    )
    return "\n".join([*lines, outcome(record.found)])


def outcome(found: paired_bootstrap.Difference) -> str:
    """One line: 'above by 0.42 points, 95 % interval [0.10, 0.74] over clips, ...'."""
    size = f"{abs(found.difference):.2f}"
    place = "above" if found.difference > 0 else "below"
    text = "level (0.00 points)" if size == "0.00" else f"{place} by {size} points"
    text += f", 95 % interval {_interval(found.over_clips)} over clips"
    if found.over_clips_and_seeds is not None:
        text += f", {_interval(found.over_clips_and_seeds)} over clips and seeds"
    text += ": resolved" if found.resolved else ": not resolved"
    if found.over_clips_and_seeds is None:
        text += " (for these two models only; one seed says nothing about others)"
    return text


def render_drop(record: DropComparison) -> str:
    """Each run, accuracy per device, the outcome."""
    runs, against = record.runs, record.against
    lines = [
        f"{one.run} ({side.hop}): {100 * one.accuracy:.2f} % over all devices"
        for side in (runs, against)
        for one in side.each
    ]
    width = max(len("device"), *(len(name) for name in runs.accuracy_by_device))
    lines.append(f"{'device':<{width}}  seen    runs  against")
    for name, share in runs.accuracy_by_device.items():
        other = against.accuracy_by_device[name]
        seen = "yes" if name in record.found.seen else "no"
        lines.append(f"{name:<{width}}  {seen:<4}  {100 * share:6.2f}  {100 * other:7.2f}")
    return "\n".join([*lines, drop_outcome(record.found)])


def drop_outcome(found: DeviceDrop) -> str:
    """Two lines: both drops, and the ratio with the verdict."""
    ratio = "none, there is no drop to compare with" if found.ratio is None else _two(found.ratio)
    verdict = "at least halved" if found.is_halved else "not shown to be halved"
    return (
        f"drop on {len(found.unseen)} unseen devices: {_two(found.drop)} points "
        f"{_interval(found.drop_interval)}, against {_two(found.drop_against)} points "
        f"{_interval(found.drop_against_interval)}\n"
        f"ratio: {ratio}, 95 % interval {_interval(found.ratio_interval)} over {found.sources:,} "
        f"clips, {device_drop.HALF:g} or less in {100 * found.share_halved:.1f} % of resamples: "
        f"{verdict}"
    )


def _named(side: SideFigures) -> str:
    return f"{side.hop}, {side.bits} bits" if side.bits else side.hop


def _two(value: float) -> str:
    """Two decimals, no negative zero."""
    return f"{value:.2f}".replace("-0.00", "0.00")


def _interval(interval: tuple[float, float]) -> str:
    return f"[{_two(interval[0])}, {_two(interval[1])}]"
