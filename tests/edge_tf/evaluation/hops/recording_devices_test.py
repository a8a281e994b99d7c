"""Figures by recording device, and the choice of clips that has all of them."""

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.data.run_data import spread_over_labels
from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops import hop_table, recording_devices
from edge_tf.evaluation.hops.recording_devices import Devices
from edge_tf.evaluation.report import hop_text
from tests.edge_tf.evaluation.hops import recording_fixtures as scenes


def test_figures_by_hand():
    """5 of 20 clips wrong on each unseen device."""
    row = scenes.table(wrong_unseen=5).rows[0]
    assert row.by_device is not None
    recorded, sim1, sim2 = row.by_device.each
    assert [one.device for one in row.by_device.each] == ["recorded", "sim1", "sim2"]
    assert [one.is_seen for one in row.by_device.each] == [True, False, False]
    assert (recorded.accuracy, recorded.drop_points, recorded.standard_error) == (1.0, None, 0.0)
    for one in (sim1, sim2):
        assert (one.clips, one.accuracy, one.drop_points) == (20, 0.75, 25.0)
        assert one.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 20))
        assert one.log_loss > recorded.log_loss
    assert row.by_device.drop_points == 25.0
    assert row.by_device.seen is not None and row.by_device.unseen is not None
    assert (row.by_device.seen.devices, row.by_device.unseen.devices) == (1, 2)
    assert row.by_device.unseen.log_loss == pytest.approx((sim1.log_loss + sim2.log_loss) / 2)


@given(st.integers(0, 2**32 - 1))
def test_devices_of_one_size_average_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    names = rng.permutation(["a", "b", "s1", "s2"] * 15)
    right, losses = rng.random(60) < 0.6, rng.exponential(size=60)
    devices = Devices(tuple(names.tolist()), frozenset({"a", "b"}))
    found = recording_devices.by_device(devices, np.arange(60), right, losses)
    assert np.mean([one.accuracy for one in found.each]) == pytest.approx(right.mean())
    assert np.mean([one.log_loss for one in found.each]) == pytest.approx(losses.mean())
    assert found.seen is not None and found.unseen is not None
    both = (found.seen.accuracy + found.unseen.accuracy) / 2
    assert both == pytest.approx(right.mean())
    drops = [one.drop_points for one in found.each if one.drop_points is not None]
    assert np.mean(drops) == pytest.approx(found.drop_points)


def test_each_device_counts_the_same_however_many_clips_it_has():
    devices = Devices(("a", "s1", "s1", "s1", "s2"), frozenset({"a"}))
    right = np.array([True, True, True, True, False])
    found = recording_devices.by_device(devices, np.arange(5), right, np.zeros(5))
    assert found.unseen is not None and found.unseen.accuracy == 0.5
    assert found.drop_points == 50.0


def test_without_seen_or_unseen_devices_there_is_no_drop():
    for seen in ((), ("a", "b")):
        devices = Devices(("a", "b"), frozenset(seen))
        found = recording_devices.by_device(devices, np.arange(2), np.ones(2, bool), np.zeros(2))
        assert found.drop_points is None
        assert [one.drop_points for one in found.each] == [None, None]
        assert (found.seen is None, found.unseen is None) == (not seen, bool(seen))


def test_seen_devices_come_first_and_numbers_in_their_order():
    devices = Devices(("s10", "s2", "c", "s1", "a", "s2"), frozenset({"c", "a"}))
    assert devices.names == ["a", "c", "s1", "s2", "s10"]


def test_a_device_without_a_clip_that_was_run_has_no_line():
    devices = Devices(("a", "b", "b"), frozenset({"a"}))
    found = recording_devices.by_device(devices, np.array([1, 2]), np.ones(2, bool), np.zeros(2))
    assert [one.device for one in found.each] == ["b"] and found.drop_points is None


def test_one_device_or_none_known_is_not_told():
    hops = scenes.hops(scenes.logits(5))
    for name in ("", "recorded"):
        devices = Devices((name,) * 60, frozenset())
        table = hop_table.build(hops, scenes.LABELS, devices=devices, max_drop=50)
        plain = hop_table.build(hops, scenes.LABELS, max_drop=50)
        assert table.devices is None and table.rows == plain.rows
        assert all(row.by_device is None for row in table.rows)
        assert hop_text.render(table) == hop_text.render(plain)


def test_gates_are_the_same_with_devices():
    plain = hop_table.build(scenes.hops(scenes.logits(5)), scenes.LABELS, max_drop=50)
    assert scenes.table(5).gates == plain.gates


def test_a_hop_of_some_clips_is_judged_on_the_devices_of_these():
    row = scenes.table().rows[3]
    assert row.by_device is not None
    assert sum(one.clips for one in row.by_device.each) == row.clips == 15
    assert [one.clips for one in row.by_device.each] == [5, 5, 5]


def test_log_loss_of_int8_is_that_of_its_real_values():
    table = scenes.table()
    outputs = table.hops[1].outputs
    assert outputs is not None
    expected = metrics.log_losses(0.1 * outputs.astype(np.float64), scenes.LABELS).mean()
    assert table.rows[1].log_loss == pytest.approx(expected)
    assert table.rows[4].log_loss is None and table.rows[4].by_device is None


def test_devices_must_fit_the_clips():
    with pytest.raises(ValueError, match="devices of 2 clips for 60 labels"):
        hops = scenes.hops(scenes.logits(5))
        hop_table.build(hops, scenes.LABELS, devices=Devices(("a", "b"), frozenset()))
    with pytest.raises(ValueError, match="2 clips, 1 verdicts"):
        devices = Devices(("a", "b"), frozenset())
        recording_devices.by_device(devices, np.arange(2), np.ones(1, bool), np.zeros(2))
    with pytest.raises(ValueError, match="2 labels, 1 devices"):
        recording_devices.spread(np.zeros(2, np.int64), ("a",), 1)


# The choice of clips

TEN_BY_SEVEN = np.repeat(np.arange(10), 56), tuple(f"d{at % 7}" for at in range(560))


@pytest.mark.parametrize("count", [7, 10, 48, 70, 100, 400])
def test_clips_are_spread_over_labels_and_devices(count):
    labels, devices = TEN_BY_SEVEN
    rows = recording_devices.spread(labels, devices, count)
    assert rows.tolist() == sorted(set(rows.tolist())) and len(rows) == count
    of_devices = collections.Counter(devices[row] for row in rows)
    assert len(of_devices) == 7
    assert max(of_devices.values()) - min(of_devices.values()) <= 1
    of_labels = np.bincount(labels[rows], minlength=10)
    assert of_labels.max() - of_labels.min() <= 1
    if count == 70:
        pairs = collections.Counter((labels[row], devices[row]) for row in rows)
        assert set(pairs.values()) == {1}


@pytest.mark.parametrize("labels_of", [2, 4, 6, 8])
def test_few_labels_or_common_factors_leave_no_device_out(labels_of):
    """6 devices: with 2, 4 or 6 labels the same pairs would come again."""
    pairs = [(label, f"d{at}") for label in range(labels_of) for at in range(6) for _ in range(3)]
    labels, devices = np.array([label for label, _ in pairs]), tuple(name for _, name in pairs)
    for count in (6, 6 * labels_of):
        rows = recording_devices.spread(labels, devices, count)
        chosen = collections.Counter(devices[row] for row in rows)
        assert set(chosen.values()) == {count // 6} and len(chosen) == 6
    assert len({pairs[row] for row in rows}) == 6 * labels_of


def test_the_choice_depends_on_the_seed_alone():
    labels, devices = TEN_BY_SEVEN
    rows = recording_devices.spread(labels, devices, 100).tolist()
    assert rows == recording_devices.spread(labels, devices, 100).tolist()
    assert rows != recording_devices.spread(labels, devices, 100, seed=1).tolist()
    assert recording_devices.spread(labels, devices, 1000).tolist() == list(range(560))


def test_a_rare_device_gives_all_its_clips():
    labels = np.repeat([0, 1], 50)
    devices = tuple("rare" if at % 25 == 0 else "usual" for at in range(100))
    rows = recording_devices.spread(labels, devices, 20)
    of_devices = collections.Counter(devices[row] for row in rows)
    assert of_devices == {"rare": 4, "usual": 16}


def test_with_one_device_labels_alone_count():
    labels, _ = TEN_BY_SEVEN
    expected = spread_over_labels(labels, 33)
    assert recording_devices.spread(labels, ("",) * 560, 33).tolist() == expected.tolist()
