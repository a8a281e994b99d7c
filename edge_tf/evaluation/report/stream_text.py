"""Results of a long stream, for the terminal."""

from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.stream_report import StreamReport
from firmware_export.runtime.second_stage import SecondConfig


def render(stream: StreamReport) -> str:
    """The verdict on what was asked for first, then the detector and its results."""
    chosen, total = stream.chosen, stream.chosen.total
    low, high = total.per_hour_interval
    fewest, most = chosen.false_rejects_interval
    lines = [
        stream.aim.verdict,
        f"test sound of {stream.scene.hours:.2f} h: {chosen.words} keywords, "
        f"{stream.scene.other_words} other words, {stream.scene.clips} distinct clips",
        f"detector chosen on validation clips: smoothing {chosen.config.smoothing} frames, "
        f"threshold {chosen.config.threshold:g}, armed again below {chosen.config.rearm:g}",
        f"false accepts: {total.false_accepts}, {total.per_hour:.2f} per hour "
        f"(95 % interval {low:.2f} to {high:.2f}); {total.seconds} of them second detections of a "
        "word",
    ]
    for kind in chosen.kinds:
        low, high = kind.per_hour_interval
        lines.append(
            f"  {kind.name}: {kind.false_accepts} in {kind.hours:.2f} h "
            f"({low:.2f} to {high:.2f} per hour)"
        )
    lines.append(
        f"false rejects: {chosen.missed} of {chosen.words}, {chosen.false_rejects:.1%} "
        f"(95 % interval {fewest:.1%} to {most:.1%})"
    )
    for level in chosen.levels:
        fewest, most = level.interval
        lines.append(
            f"  {level_name(level.snr_db):>8}: {level.missed} of {level.words} missed, "
            f"{level.share:.1%} ({fewest:.1%} to {most:.1%})"
        )
    median, slow = chosen.latency_s(50), chosen.latency_s(90)
    if median is not None and slow is not None:
        lines.append(
            f"latency from the end of a word: median {median:.2f} s, 90 % within {slow:.2f} s"
        )
    if stream.float_best:
        lines.append(
            f"float network: {stream.float_best.false_rejects:.1%} missed, int8 "
            f"{stream.int8_best.false_rejects:.1%}, each with its best setting for as many false "
            "accepts"
        )
    if chosen.second and stream.second and stream.alone:
        lines.append(_pair(chosen, chosen.second, stream.second.path.name, stream.alone))
    lines.append(
        f"no decision in the first {stream.deaf_seconds:.2f} s, until a whole window is there"
    )
    return "\n".join(lines)


def _pair(chosen: Point, second: SecondConfig, name: str, alone: Point) -> str:
    """What the second stage is asked and gives."""
    return (
        f"second stage {name}: smoothing {second.smoothing} frames, threshold "
        f"{second.threshold:g}; asked about {chosen.hits_per_hour:.1f} hits an hour besides the "
        f"words that it told; the first stage alone: {alone.false_rejects:.1%} missed, "
        f"{alone.total.per_hour:.2f} false accepts per hour"
    )


def level_name(snr_db: float | None) -> str:
    """A level of noise in words."""
    return "no noise" if snr_db is None else f"{snr_db:g} dB"
