"""The bootstrap of drops on simulated classifiers whose true drops are known."""

import dataclasses
import math

import numpy as np
import pytest

from edge_tf.evaluation.comparing import device_drop
from edge_tf.evaluation.comparing.device_drop import Judged

DEVICES = ("recorded", *(f"sim{at}" for at in range(1, 7)))


def judged(rng, drop: float, drop_against: float, sources: int = 80, fold: int = 0) -> Judged:
    """One pair of models on `sources` clips, each on all devices.

    A model is right where a clip is easier than what it can do, which on unseen devices is less by
    its drop. A clip is as hard for both models, and on about half of the devices as hard as on one
    another.
    """
    devices = np.tile(DEVICES, sources)
    shared = np.repeat(rng.random(sources), len(DEVICES))
    hard = np.where(rng.random(len(devices)) < 0.5, shared, rng.random(len(devices)))
    able = np.where(devices == "recorded", 0.9, 0.9 - drop)
    able_against = np.where(devices == "recorded", 0.9, 0.9 - drop_against)
    names = [f"{fold}/{source}.wav" for source in range(sources) for _ in DEVICES]
    return Judged(hard < able, hard < able_against, devices.tolist(), names)


def test_drops_by_hand():
    """Two sources on a seen and two unseen devices."""
    one = Judged(
        right=np.array([1, 1, 0, 1, 1, 1], bool),
        right_against=np.array([1, 0, 0, 1, 1, 0], bool),
        devices=["a", "s1", "s2"] * 2,
        sources=["x"] * 3 + ["y"] * 3,
    )
    found = device_drop.compare([one], ["a"])
    assert (found.drop, found.drop_against) == (25.0, 75.0)
    assert found.ratio == pytest.approx(1 / 3)
    assert (found.sources, found.clips) == (2, 6)
    assert (found.seen, found.unseen) == (("a",), ("s1", "s2"))
    # Resamples are x twice: 50 over 100; both: 25 over 75; y twice: 0 over 50.
    assert found.drop_interval == (0.0, 50.0) and found.drop_against_interval == (50.0, 100.0)
    assert found.ratio_interval == (0.0, 0.5)
    assert found.ratio_mean == pytest.approx(0.25 * 0.5 + 0.5 / 3, abs=0.01)
    assert found.share_halved == 1.0 and found.is_halved


def test_a_side_against_itself_has_a_ratio_of_one_without_width():
    one = judged(np.random.default_rng(0), 0.2, 0.2)
    found = device_drop.compare([one], ["recorded"])
    assert found.ratio == 1.0 and found.ratio_interval == (1.0, 1.0)
    assert found.share_halved == 0.0 and not found.is_halved


def test_the_known_ratio_is_in_the_interval_as_often_as_it_says():
    """95 % of 200 trials, with three standard errors."""
    hits = {"ratio": 0, "drop": 0}
    for trial in range(200):
        rng = np.random.default_rng(trial)
        folds = [judged(rng, 0.08, 0.2, fold=fold) for fold in range(5)]
        found = device_drop.compare(folds, ["recorded"], resamples=300, seed=trial)
        hits["ratio"] += found.ratio_interval[0] <= 0.4 <= found.ratio_interval[1]
        hits["drop"] += found.drop_interval[0] <= 8.0 <= found.drop_interval[1]
        assert found.sources == 400 and found.clips == 2800
    for name, count in hits.items():
        assert abs(count / 200 - 0.95) < 0.046, name


def test_versions_of_a_clip_are_no_clips_of_their_own():
    """Taken for independent, the same results would have another width."""
    one = judged(np.random.default_rng(1), 0.1, 0.3, sources=100)
    apart = dataclasses.replace(one, sources=[f"{at}" for at in range(len(one.sources))])
    together = device_drop.compare([one], ["recorded"])
    alone = device_drop.compare([apart], ["recorded"])
    assert together.ratio == pytest.approx(alone.ratio)
    wide, narrow = (high - low for low, high in (alone.drop_interval, together.drop_interval))
    assert wide != pytest.approx(narrow, rel=0.05)
    assert (together.sources, alone.sources) == (100, 700)


def test_folds_are_pooled_and_seeds_of_a_clip_stay_together():
    rng = np.random.default_rng(2)
    first, second = (judged(rng, 0.1, 0.3, fold=fold) for fold in (0, 1))
    assert device_drop.compare([first, second], ["recorded"]).sources == 160
    again = device_drop.compare([first, first], ["recorded"])
    once = device_drop.compare([first], ["recorded"])
    assert again.sources == once.sources == 80 and again.clips == 2 * once.clips
    assert again.ratio_interval == pytest.approx(once.ratio_interval)


def test_the_order_of_clips_does_not_matter():
    one = judged(np.random.default_rng(3), 0.1, 0.3)
    order = np.random.default_rng(4).permutation(len(one.devices))
    other = Judged(
        one.right[order],
        one.right_against[order],
        [one.devices[at] for at in order],
        [one.sources[at] for at in order],
    )
    assert device_drop.compare([one], ["recorded"]) == device_drop.compare([other], ["recorded"])


def test_seen_devices_are_a_mean_too():
    one = Judged(
        right=np.array([1, 0, 0, 0], bool),
        right_against=np.array([1, 1, 0, 0], bool),
        devices=["a", "b", "s1", "s2"],
        sources=["x"] * 4,
    )
    found = device_drop.compare([one], ["a", "b", "not in the test"])
    assert (found.drop, found.drop_against, found.ratio) == (50.0, 100.0, 0.5)
    assert found.seen == ("a", "b") and found.is_halved


def test_where_there_is_no_drop_to_compare_with_nothing_is_halved():
    one = judged(np.random.default_rng(5), 0.1, 0.0)
    one = dataclasses.replace(one, right_against=np.ones(len(one.devices), bool))
    found = device_drop.compare([one], ["recorded"])
    assert found.ratio is None and found.ratio_mean is None
    assert found.ratio_interval == (math.inf, math.inf)
    assert found.share_halved == 0.0 and not found.is_halved


def test_a_gain_on_unseen_devices_is_a_ratio_below_zero():
    found = device_drop.compare([judged(np.random.default_rng(6), -0.05, 0.2)], ["recorded"])
    assert found.ratio is not None and found.ratio < 0 and found.is_halved


def test_the_same_seed_draws_the_same():
    one = [judged(np.random.default_rng(8), 0.1, 0.3)]
    found = [device_drop.compare(one, ["recorded"], 3000, seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("pairs", "seen", "message"),
    [
        ([], ["a"], "nothing to compare"),
        ([Judged(np.ones(2), np.ones(2), ["a", "a"], ["x", "y"])], ["a"], "an unseen device"),
        ([Judged(np.ones(2), np.ones(2), ["a", "b"], ["x", "y"])], [], "a seen and"),
        ([Judged(np.ones(2), np.ones(3), ["a", "b"], ["x", "y"])], ["a"], "of the same clips"),
        ([Judged(np.ones(2), np.ones(2), ["a", "b"], ["x"])], ["a"], "of the same clips"),
    ],
)
def test_what_cannot_be_compared(pairs, seen, message):
    with pytest.raises(ValueError, match=message):
        device_drop.compare(pairs, seen)


def test_some_resamples_are_needed():
    with pytest.raises(ValueError, match="resamples=0"):
        device_drop.compare([judged(np.random.default_rng(0), 0.1, 0.2)], ["recorded"], 0)
