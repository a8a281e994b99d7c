"""Comparisons for the screen: what stands in each line, signs, and rounding."""

import dataclasses
import math

from edge_tf.evaluation.comparing.comparison import Comparison, RunFigures, SideFigures
from edge_tf.evaluation.comparing.device_drop import DeviceDrop
from edge_tf.evaluation.comparing.drop_comparison import DropComparison, DropSide
from edge_tf.evaluation.comparing.paired_bootstrap import Difference
from edge_tf.evaluation.report import comparison_text

FOUND = Difference(0.42, (0.10, 0.74), (-0.05, 0.9), 0.004, False, 2540, 3)
DROP = DeviceDrop(
    drop=5.0,
    drop_interval=(2.0, 8.004),
    drop_against=30.0,
    drop_against_interval=(25.0, 35.0),
    ratio=0.17,
    ratio_mean=0.17,
    ratio_interval=(0.1, 0.24),
    share_halved=1.0,
    sources=80,
    clips=560,
    seen=("recorded",),
    unseen=("sim1", "sim2"),
)


def test_the_outcome_is_a_line():
    assert comparison_text.outcome(FOUND) == (
        "above by 0.42 points, 95 % interval [0.10, 0.74] over clips, "
        "[-0.05, 0.90] over clips and seeds: not resolved"
    )
    below = dataclasses.replace(
        FOUND, difference=-0.42, over_clips=(-0.7, -0.1), over_clips_and_seeds=None, resolved=True
    )
    assert comparison_text.outcome(below) == (
        "below by 0.42 points, 95 % interval [-0.70, -0.10] over clips: resolved "
        "(for these two models only; one seed says nothing about others)"
    )
    level = dataclasses.replace(FOUND, difference=-0.001, over_clips=(-0.001, 0.001))
    text = comparison_text.outcome(level)
    assert text.startswith("level (0.00 points), 95 % interval [0.00, 0.00] over clips")


def test_runs_are_named_with_what_was_compared():
    def side(name: str, bits: int, *shares: float) -> SideFigures:
        each = [
            RunFigures(run=f"{name}{seed}", seed=seed, accuracy=share)
            for seed, share in enumerate(shares)
        ]
        return SideFigures(hop="keras", bits=bits, accuracy=sum(shares) / len(shares), each=each)

    record = Comparison(
        found=FOUND,
        data_fingerprint="",
        labels=["a", "b"],
        runs=side("psg", 4, 0.95, 0.94),
        against=side("sgd", 0, 0.93, 0.92),
        versions={},
    )
    assert comparison_text.render(record).splitlines() == [
        "psg0 (keras, 4 bits): 95.00 %",
        "psg1 (keras, 4 bits): 94.00 %",
        "sgd0 (keras): 93.00 %",
        "sgd1 (keras): 92.00 %",
        "mean on 2,540 test clips: 94.50 % (keras, 4 bits), against 92.50 % (keras)",
        comparison_text.outcome(FOUND),
    ]


def test_the_outcome_of_drops_is_two_lines():
    first, second = comparison_text.drop_outcome(DROP).splitlines()
    assert first == (
        "drop on 2 unseen devices: 5.00 points [2.00, 8.00], against 30.00 points [25.00, 35.00]"
    )
    assert second == (
        "ratio: 0.17, 95 % interval [0.10, 0.24] over 80 clips, 0.5 or less in 100.0 % of "
        "resamples: at least halved"
    )
    wide = dataclasses.replace(DROP, ratio_interval=(0.1, math.inf), share_halved=0.93)
    assert comparison_text.drop_outcome(wide).endswith(
        "[0.10, inf] over 80 clips, 0.5 or less in 93.0 % of resamples: not shown to be halved"
    )
    none = dataclasses.replace(DROP, ratio=None, ratio_mean=None, ratio_interval=(math.inf,) * 2)
    told = comparison_text.drop_outcome(none)
    assert "ratio: none, there is no drop to compare with" in told


def test_drops_come_with_a_table_of_devices():
    def side(name: str, *shares: float) -> DropSide:
        figures = RunFigures(run=name, seed=0, accuracy=shares[0])
        by_device = dict(zip(("recorded", "sim1", "sim2"), shares, strict=True))
        return DropSide(hop="int8", accuracy_by_device=by_device, each=[figures])

    record = DropComparison(
        found=DROP,
        labels=("a", "b"),
        runs=side("norm", 1.0, 0.9, 0.9),
        against=side("plain", 1.0, 0.45, 0.45),
        versions={},
    )
    lines = comparison_text.render_drop(record).splitlines()
    assert lines[:2] == [
        "norm (int8): 100.00 % over all devices",
        "plain (int8): 100.00 % over all devices",
    ]
    assert lines[2:6] == [
        "device    seen    runs  against",
        "recorded  yes   100.00   100.00",
        "sim1      no     90.00    45.00",
        "sim2      no     90.00    45.00",
    ]
    assert "\n".join(lines[6:]) == comparison_text.drop_outcome(DROP)
