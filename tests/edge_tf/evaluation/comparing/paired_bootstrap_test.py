"""The paired bootstrap on simulated classifiers whose true difference is known."""

import numpy as np
import pytest

from edge_tf.evaluation.comparing.paired_bootstrap import Difference, compare

CLIPS = 1000


def hardness(rng: np.random.Generator, clips: int = CLIPS) -> np.ndarray:
    """Chance of each clip to be classified right: most are easy, a tenth is not."""
    return np.where(rng.random(clips) < 0.1, rng.uniform(0.2, 1, clips), 0.99)


def side(rng, chance: np.ndarray, seeds: int, loss: float = 0.0) -> list[np.ndarray]:
    """Models that get each clip right by its chance, but for a share `loss` of all clips."""
    return [rng.random(len(chance)) < chance * (1 - loss) for _ in range(seeds)]


def sides(seed: int, seeds: int = 3, loss: float = 0.0):
    rng = np.random.default_rng(seed)
    chance = hardness(rng)
    return side(rng, chance, seeds), side(rng, chance, seeds, loss), 100 * loss * chance.mean()


def both(found: Difference) -> tuple[float, float]:
    assert found.over_clips_and_seeds is not None
    return found.over_clips_and_seeds


@pytest.mark.parametrize("seeds", [1, 3])
def test_identical_inputs_differ_by_nothing(seeds):
    a, _, _ = sides(0, seeds)
    found = compare(a, a)
    over_seeds = None if seeds == 1 else (0.0, 0.0)
    assert found == Difference(0.0, (0.0, 0.0), over_seeds, 1.0, False, CLIPS, seeds)


def test_difference_is_that_of_the_accuracies():
    a, b, _ = sides(1, 3, loss=0.02)
    found = compare(a, b, resamples=10)
    assert found.difference == pytest.approx(100 * (np.mean(a) - np.mean(b)))


def test_a_known_shift_is_covered_and_resolved():
    a, b, true = sides(2, 3, loss=0.05)
    found = compare(a, b)
    for low, high in (found.over_clips, both(found)):
        assert 0 < low < true < high
    assert found.resolved and found.share_not_above == 0


def test_sides_swapped_give_the_negative():
    a, b, _ = sides(3, 3, loss=0.03)
    forth, back = compare(a, b), compare(b, a)
    assert back.difference == -forth.difference
    np.testing.assert_allclose(back.over_clips, np.negative(forth.over_clips)[::-1], atol=0.1)
    assert back.resolved == forth.resolved
    assert back.share_not_above == pytest.approx(1 - forth.share_not_above, abs=0.02)


def test_the_interval_is_that_of_resampling_clip_by_clip():
    """The module counts kinds of clips; here every clip is drawn, for all seeds of both sides."""
    a, b, _ = sides(4, 2, loss=0.02)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(4000):
        rows = rng.integers(CLIPS, size=CLIPS)
        pairs = zip(a, b, strict=True)
        shares.append(100 * np.mean([x[rows].mean() - y[rows].mean() for x, y in pairs]))
    expected = np.quantile(shares, [0.025, 0.975])
    np.testing.assert_allclose(compare(a, b).over_clips, expected, atol=0.1)


def test_pairing_makes_the_interval_narrower():
    """Two models that fail on the same clips are compared more exactly than two that do not."""
    rng = np.random.default_rng(5)
    right = rng.random(CLIPS) < 0.8
    other = right ^ (rng.random(CLIPS) < 0.01)

    def width(found: Difference) -> float:
        return found.over_clips[1] - found.over_clips[0]

    assert width(compare([right], [other])) < 0.4 * width(
        compare([right], [rng.permutation(other)])
    )


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_over_clips_covers_95_percent(seeds):
    """Of 600 simulated tests: within 3.5 standard errors of 0.95, which is 0.031."""
    hits = 0
    for trial in range(600):
        a, b, true = sides(trial, seeds, loss=0.01)
        low, high = compare(a, b, resamples=400, seed=trial).over_clips
        hits += low <= true <= high
    assert abs(hits / 600 - 0.95) < 0.031


def test_seeds_that_differ_widen_only_the_interval_over_seeds():
    """Each model has a bad or a good day, the same on all clips: over clips alone it covers little.

    The standard deviation of the accuracy is 0.8 points.
    """
    hits = {"clips": 0, "both": 0}
    for trial in range(300):
        rng = np.random.default_rng(trial)
        chance = hardness(rng)
        a, b = (
            [side(rng, chance, 1, abs(rng.normal(0.02, 0.008)))[0] for _ in range(3)]
            for _ in range(2)
        )
        found = compare(a, b, resamples=400, seed=trial)
        hits["clips"] += found.over_clips[0] <= 0 <= found.over_clips[1]
        hits["both"] += both(found)[0] <= 0 <= both(found)[1]
    assert hits["clips"] / 300 < 0.9
    assert hits["both"] / 300 > 0.93


def test_resolved_needs_both_intervals():
    """One seed in which A is far better, one in which it is a little worse."""
    b = np.zeros(CLIPS, bool)
    b[:500] = True
    better, worse = b.copy(), b.copy()
    better[500:600] = True
    worse[490:500] = False
    found = compare([better, worse], [b, b])
    assert found.over_clips[0] > 0
    assert both(found)[0] < 0
    assert not found.resolved
    assert compare([better], [b]).resolved


def test_the_same_seed_draws_the_same():
    a, b, _ = sides(6, 3, loss=0.02)
    assert compare(a, b, 3000, seed=1) == compare(a, b, 3000, seed=1)
    assert compare(a, b, 3000, seed=1) != compare(a, b, 3000, seed=2)


def test_real_clips_are_fast():
    """Three seeds, 2,540 clips, 10,000 resamples: no array of resamples times clips is made."""
    rng = np.random.default_rng(0)
    models = [rng.random(2540) < 0.95 for _ in range(6)]
    found = compare(models[:3], models[3:])
    assert found.clips == 2540 and -1 < found.difference < 1


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], [], "sides differ in their seeds: 0 and 0"),
        ([np.ones(3)], [np.ones(3)] * 2, "sides differ in their seeds: 1 and 2"),
        ([np.ones(3)], [np.ones(4)], "of equal length"),
        ([np.ones(0)], [np.ones(0)], "of equal length"),
        ([np.ones((2, 2))], [np.ones((2, 2))], "of equal length"),
    ],
)
def test_sides_that_cannot_be_compared(a, b, message):
    with pytest.raises(ValueError, match=message):
        compare(a, b)


def test_some_resamples_are_needed():
    with pytest.raises(ValueError, match="resamples=0"):
        compare([np.ones(3)], [np.ones(3)], resamples=0)
