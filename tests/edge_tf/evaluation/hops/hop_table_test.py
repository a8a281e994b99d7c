from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.report import hop_text

GRID: dict[str, Any] = {"scale": 0.1, "zero_point": -5}
CLIPS, CLASSES = 200, 4


def real_logits(seed=0):
    """Logits [CLIPS, CLASSES] within the int8 range, and labels of which most are right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, CLIPS)
    logits = rng.normal(0, 1, (CLIPS, CLASSES))
    logits[np.arange(CLIPS), labels] += 3
    return logits.astype(np.float32), labels


def quantized(logits):
    return np.clip(np.round(logits / 0.1) - 5, -128, 127).astype(np.int8)


def float_hop(logits, **fields):
    return HopResult(name="Keras float", engine="keras", outputs=logits, **fields)


def reference_hop(outputs, **fields):
    return HopResult(
        name="LiteRT reference", engine="litert_reference", outputs=outputs, **GRID, **fields
    )


def micro_hop(outputs, **fields):
    return HopResult(
        name="TFLite Micro", engine="tflite_micro", outputs=outputs, bit_exact=True, **GRID | fields
    )


def three_hops():
    logits, labels = real_logits()
    outputs = quantized(logits)
    return [float_hop(logits), reference_hop(outputs), micro_hop(outputs.copy())], labels


def test_the_first_hop_agrees_with_itself():
    hops, labels = three_hops()
    row = hop_table.build(hops, labels).rows[0]
    assert (row.agreement, row.change_points) == (1.0, 0.0)
    assert row.max_lsb == 0, "a float put on the grid is what it was quantized to"
    assert (row.differing_bytes, row.total_bytes) == (None, None)


def test_equal_bytes_pass_every_gate():
    hops, labels = three_hops()
    table = hop_table.build(hops, labels)
    assert [gate.passed for gate in table.gates] == [True, True, True]
    assert table.rows[2].differing_bytes == 0
    assert table.rows[2].total_bytes == CLIPS * CLASSES
    assert not table.failed and not table.not_judged


def test_one_changed_byte_is_counted_and_breaks_the_gate():
    hops, labels = three_hops()
    hops[2].outputs[7, 2] += 3
    table = hop_table.build(hops, labels)
    assert (table.rows[2].differing_bytes, table.rows[2].max_lsb) == (1, 3)
    assert [gate.name for gate in table.failed] == [
        "TFLite Micro equals LiteRT reference in every byte"
    ]
    assert "1 of 800 bytes differ, by up to 3 LSB" in table.failed[0].detail


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_differing_bytes_are_those_changed(seed, count):
    logits, labels = real_logits()
    expected = quantized(logits)
    found = expected.copy()
    rng = np.random.default_rng(seed)
    places = rng.choice(found.size, count, replace=False)
    found.flat[places] ^= 1
    row = hop_table.build([reference_hop(expected), micro_hop(found)], labels).rows[1]
    assert (row.differing_bytes, row.max_lsb) == (count, 1)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_clips_does_not_matter(seed):
    hops, labels = three_hops()
    hops[2].outputs[3] += 1
    order = np.random.default_rng(seed).permutation(CLIPS)
    shuffled = [
        float_hop(hops[0].outputs[order]),
        reference_hop(hops[1].outputs[order]),
        micro_hop(hops[2].outputs[order]),
    ]
    one, other = hop_table.build(hops, labels), hop_table.build(shuffled, labels[order])
    assert one.rows == other.rows
    assert one.gates == other.gates


def test_accuracy_lost_beyond_the_limit_breaks_the_gate_and_the_limit_itself_does_not():
    labels = np.zeros(300, np.int64)
    right = np.tile(np.array([1, 0], np.float32), (300, 1))
    for wrong, passed in ((3, True), (4, False)):
        outputs = np.tile(np.array([10, 0], np.int8), (300, 1))
        outputs[:wrong] = [0, 10]
        table = hop_table.build([float_hop(right), reference_hop(outputs)], labels, max_drop=1.0)
        assert [gate.passed for gate in table.gates] == [passed]
        assert table.rows[1].change_points == pytest.approx(-wrong / 3)


def test_optimised_kernels_are_judged_by_accuracy_alone():
    hops, labels = three_hops()
    hops.append(
        HopResult(
            name="LiteRT XNNPACK", engine="litert_xnnpack", outputs=hops[1].outputs + 1, **GRID
        )
    )
    table = hop_table.build(hops, labels)
    assert table.rows[3].differing_bytes == CLIPS * CLASSES
    assert not table.failed


def test_a_hop_that_is_not_available_is_shown_and_never_counts_as_passed():
    hops, labels = three_hops()
    hops[2] = micro_hop(None, unavailable="no wheel for this platform")
    table = hop_table.build(hops, labels)
    assert [gate.passed for gate in table.not_judged] == [None, None]
    assert table.not_judged[0].verdict == "not judged"
    assert not table.failed
    assert "not available here: no wheel for this platform" in hop_text.render(table)
    assert table.rows[2].accuracy is None and table.rows[2].clips == 0


@pytest.mark.parametrize("missing", [0, 1])
def test_what_a_missing_hop_was_needed_for_is_not_judged(missing):
    hops, labels = three_hops()
    name, engine = hops[missing].name, hops[missing].engine
    hops[missing] = HopResult(name=name, engine=engine, unavailable="not installed")
    table = hop_table.build(hops, labels)
    assert table.not_judged and not table.failed
    assert all("not installed" in gate.detail for gate in table.not_judged)


def test_without_a_bit_reference_equality_is_not_judged():
    hops, labels = three_hops()
    table = hop_table.build([hops[0], hops[2]], labels)
    assert [gate.passed for gate in table.gates] == [None, True]


def test_another_grid_breaks_the_gate_even_with_equal_bytes():
    hops, labels = three_hops()
    hops[2] = micro_hop(hops[1].outputs.copy(), zero_point=-4)
    table = hop_table.build(hops, labels)
    assert "scale and zero point" in table.failed[0].detail
    assert table.rows[2].max_lsb == 1, "the same byte means a real number one step away"


def test_a_scale_that_differs_only_beyond_float32_is_the_same_grid():
    hops, labels = three_hops()
    hops[2] = micro_hop(hops[1].outputs.copy(), scale=float(np.float32(0.1)))
    assert not hop_table.build(hops, labels).failed


def test_saturation_is_a_difference():
    logits, labels = real_logits()
    logits[0, 0] = 100.0
    table = hop_table.build([float_hop(logits), reference_hop(quantized(logits))], labels)
    assert table.rows[0].max_lsb == 1000 - 5 - 127


def test_outputs_that_are_not_finite_break_a_gate():
    hops, labels = three_hops()
    hops[0].outputs[5, 1] = np.nan
    table = hop_table.build(hops, labels)
    assert table.rows[0].undecided == 1 and table.rows[0].max_lsb is None
    assert [gate.name for gate in table.failed] == ["Keras float gives finite outputs"]


def test_an_engine_too_slow_for_all_clips_is_compared_on_those_it_ran():
    hops, labels = three_hops()
    picked = np.array([3, 50, 199])
    board = HopResult(
        name="Cortex-M4",
        engine="qemu",
        start="waveform",
        outputs=hops[1].outputs[picked].copy(),
        clip_indices=picked,
        bit_exact=True,
        **GRID,
    )
    table = hop_table.build([*hops, board], labels)
    assert (table.rows[3].clips, table.rows[3].total_bytes) == (3, 3 * CLASSES)
    assert [g.name for g in table.gates if "Cortex" in g.name] == [
        "Cortex-M4 equals LiteRT reference in every byte"
    ]
    assert board.outputs is not None
    board.outputs[2, 0] += 1
    assert hop_table.build([*hops, board], labels).rows[3].differing_bytes == 1


def test_a_hop_can_name_what_it_is_compared_to():
    hops, labels = three_hops()
    changed = hops[1].outputs + 1
    other = HopResult(name="Emitted C", engine="c", outputs=changed, **GRID)
    streamed = HopResult(
        name="Streaming",
        engine="s",
        outputs=changed.copy(),
        bit_exact=True,
        compare_to="Emitted C",
        **GRID,
    )
    table = hop_table.build([*hops, other, streamed], labels)
    assert table.rows[4].compared_to == "Emitted C"
    assert table.rows[4].differing_bytes == 0


def test_the_reference_may_be_the_first_hop():
    hops, labels = three_hops()
    table = hop_table.build(hops[1:], labels)
    assert len(table.gates) == 2 and not table.failed


def test_text_is_aligned_and_tells_every_gate():
    hops, labels = three_hops()
    hops[1] = reference_hop(hops[1].outputs, seconds_per_inference=0.00241)
    table = hop_table.build(hops, labels)
    head, rule, *rows = hop_text.render(table).splitlines()
    assert [len(row) for row in rows[:3]] == [len(head)] * 3 == [len(rule)] * 3
    assert "2.41" in rows[1] and "0 of 800" in rows[1]
    assert sum(line.startswith("PASSED") for line in rows) == 3


def test_hops_are_found_by_name_before_engine():
    hops, labels = three_hops()
    table = hop_table.build(hops, labels)
    assert table.hop("TFLite Micro") is hops[2]
    assert table.hop("litert_reference") is hops[1]
    with pytest.raises(KeyError):
        table.hop("abacus")


@pytest.mark.parametrize(
    "change",
    [
        lambda hops, labels: ([], labels, {}),
        lambda hops, labels: (hops, labels[:-1], {}),
        lambda hops, labels: (hops, labels + CLASSES, {}),
        lambda hops, labels: (hops, labels.astype(float), {}),
        lambda hops, labels: ([*hops, hops[0]], labels, {}),
        lambda hops, labels: (hops, labels, {"max_drop": float("nan")}),
        lambda hops, labels: (hops, labels, {"max_drop": -1.0}),
        lambda hops, labels: (
            [hops[0], micro_hop(hops[2].outputs, compare_to="nobody")],
            labels,
            {},
        ),
        lambda hops, labels: ([hops[0], micro_hop(hops[2].outputs[:, :2])], labels, {}),
    ],
)
def test_hops_that_do_not_fit_together_are_refused(change):
    hops, labels, options = change(*three_hops())
    with pytest.raises(ValueError):
        hop_table.build(hops, labels, **options)


@pytest.mark.parametrize(("wrong", "passed"), [(0, True), (5, True), (6, False)])
def test_a_simulation_of_int8_is_held_to_half_a_point(wrong, passed):
    """Of 1,000 clips, 5 are half a point; it counts in both directions."""
    labels = np.zeros(1000, np.int64)
    right = np.tile(np.float32([1, 0, 0, 0]), (1000, 1))
    other = right.copy()
    other[:wrong] = [0, 1, 0, 0]
    for simulated, real in ((other, right), (right, other)):
        simulation = HopResult(name="simulation", engine="keras_quantized", outputs=simulated)
        hops = [float_hop(right), simulation, reference_hop(quantized(real))]
        gates = hop_table.build(hops, labels, max_drop=100).gates
        (gate,) = [g for g in gates if g.name == "simulation is within 0.5 points of int8"]
        assert gate.passed is passed, gate.detail


def test_a_simulation_is_not_judged_on_a_few_clips_or_without_int8():
    hops, labels = three_hops()
    simulation = HopResult(name="simulation", engine="keras_quantized", outputs=real_logits()[0])
    for chosen, detail in (
        ([hops[0], simulation, hops[1]], "200 clips are too few, 400 are needed"),
        ([hops[0], simulation], "there is no int8 hop to compare with"),
    ):
        gates = hop_table.build(chosen, labels, max_drop=100).gates
        (gate,) = [g for g in gates if g.name.startswith("simulation is within")]
        assert gate.passed is None and gate.detail == detail


def android_hop(logits, **fields):
    """Scores' logarithms: the same logits, but for a constant a clip."""
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return HopResult(
        name="android", engine="android_xnnpack", outputs=shifted, are_shifted=True, **fields
    )


def optimized_hop(logits):
    return HopResult(name="XNNPACK", engine="litert_xnnpack", outputs=quantized(logits), **GRID)


def test_scores_count_for_accuracy_and_log_loss_and_are_on_no_grid():
    logits, labels = real_logits()
    hops = [float_hop(logits), reference_hop(quantized(logits)), android_hop(logits)]
    first, _, row = hop_table.build(hops, labels, max_drop=100).rows
    assert row.accuracy == first.accuracy and row.agreement == 1
    assert row.log_loss == pytest.approx(first.log_loss, abs=1e-6)
    assert row.max_lsb is None and row.differing_bytes is None


@pytest.mark.parametrize(("wrong", "passed"), [(0, True), (3, True), (4, False)])
def test_an_app_hears_what_the_int8_model_was_measured_with(wrong, passed):
    """Within 0.3 points, in both directions, of the same kernels behind Keras' features."""
    labels = np.zeros(1000, np.int64)
    right = np.tile(np.float32([1, 0, 0, 0]), (1000, 1))
    other = right.copy()
    other[:wrong] = [0, 1, 0, 0]
    for heard, real in ((other, right), (right, other)):
        hops = [float_hop(right), optimized_hop(real), android_hop(heard)]
        gates = hop_table.build(hops, labels, max_drop=100).gates
        (gate,) = [g for g in gates if g.name == "android is within 0.3 points of XNNPACK"]
        assert gate.passed is passed, gate.detail


def test_an_app_s_accuracy_is_gated_as_that_of_other_int8_hops():
    logits, labels = real_logits()
    worse = logits.copy()
    worse[:20] = np.roll(worse[:20], 1, axis=1)
    for heard, passed in ((logits, True), (worse, False)):
        gates = hop_table.build([float_hop(logits), android_hop(heard)], labels, max_drop=1).gates
        by_name = {gate.name: gate.passed for gate in gates}
        assert by_name["android loses at most 1 point against Keras float"] is passed
        assert by_name["android is within 0.3 points of int8"] is None  # there is no such hop
