"""Results of a long stream, for the terminal."""

from edge_tf.evaluation.streams.stream_report import StreamReport


def render(stream: StreamReport) -> str:
    """The scene, the chosen detector, and its results with and without noise."""
    chosen = stream.chosen
    low, high = chosen.per_hour_interval
    lines = [
        f"stream of {stream.scene.hours:.2f} h: {chosen.words} keywords, "
        f"{stream.scene.other_words} other words, {stream.scene.clips} distinct clips",
        f"detector chosen on validation clips: smoothing {chosen.config.smoothing} frames, "
        f"threshold {chosen.config.threshold:g}",
        f"false accepts: {chosen.false_accepts}, {chosen.per_hour:.2f} per hour "
        f"(95 % interval {low:.2f} to {high:.2f})",
        f"false rejects: {chosen.missed} of {chosen.words}, {chosen.false_rejects:.1%}",
        f"repeats: {chosen.repeats}, second detections of a word",
        f"no decision in the first {stream.deaf_seconds:.2f} s, until a whole window is there",
    ]
    if not stream.is_met:
        lines.insert(
            1,
            f"NOT MET: at most {stream.settings.most_per_hour:g} false accepts per hour; the "
            f"quietest setting has {stream.chosen_on.per_hour:.2f} on validation clips",
        )
    for snr, words, missed in stream.by_snr:
        name = "no noise" if snr is None else f"{snr:g} dB"
        lines.append(f"  {name:>8}: {missed} of {words} missed, {missed / max(words, 1):.1%}")
    return "\n".join(lines)
