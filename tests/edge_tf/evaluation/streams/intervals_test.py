"""Exact intervals: published tables, limits, and what they promise."""

import math

import pytest

from edge_tf.evaluation.streams.intervals import binomial_interval, poisson_interval


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.6889),
        (1, 0.0253, 5.5716),
        (2, 0.2422, 7.2247),
        (5, 1.6235, 11.6683),
        (10, 4.7954, 18.3904),
        (50, 37.1110, 65.9188),
        (100, 81.3640, 121.6268),
    ],
)
def test_the_interval_is_the_published_exact_one(count, low, high):
    """Garwood's limits, as tabulated to four digits."""
    assert poisson_interval(count) == pytest.approx((low, high), abs=6e-5)


def test_another_confidence():
    """Of nothing seen in 90 %: -ln 0.05."""
    assert poisson_interval(0, 0.9) == pytest.approx((0, 2.9957), abs=1e-4)


@pytest.mark.parametrize("count", [400, 3_600, 20_000])
def test_the_interval_of_many_is_that_of_a_normal_distribution(count):
    low, high = poisson_interval(count)
    assert low == pytest.approx(count - 1.96 * count**0.5, abs=3)
    assert high == pytest.approx(count + 1.96 * count**0.5, abs=4)


@pytest.mark.parametrize(
    ("count", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 100, 0.0, 0.0362),
        (2, 100, 0.0024, 0.0704),
        (81, 263, 0.2527, 0.3676),
    ],
)
def test_the_interval_of_a_share_is_the_published_exact_one(count, trials, low, high):
    """Clopper and Pearson's limits; the last is Newcombe's example (1998)."""
    assert binomial_interval(count, trials) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("count", "trials"), [(0, 1), (3, 7), (40, 315), (900, 1_000)])
def test_each_end_of_a_share_leaves_a_fortieth(count, trials):
    """By the sum over all outcomes: the definition."""

    def at_most(most: int, share: float) -> float:
        return sum(
            math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(most + 1)
        )

    low, high = binomial_interval(count, trials)
    assert at_most(count, high) == pytest.approx(0.025, rel=1e-6)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx(0.025, rel=1e-6)


def test_of_no_trials_any_share_is_possible():
    assert binomial_interval(0, 0) == (0.0, 1.0)
