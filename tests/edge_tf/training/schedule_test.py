"""The learning rate: linear up to the peak, half a cosine down to zero, as published."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_tf.training.schedule import learning_rate, warmup_epochs

PEAK = 0.1
at_leisure = settings(max_examples=50)


@st.composite
def plans(draw):
    """(total steps, warm-up steps), the warm-up shorter than the whole."""
    total = draw(st.integers(2, 5_000))
    return total, draw(st.integers(0, total - 1))


@pytest.mark.parametrize(
    ("epochs", "warmup"), [(1, 0.05), (10, 0.5), (20, 1.0), (99, 4.95), (100, 5.0), (200, 5.0)]
)
def test_warmup_is_a_20th_of_the_epochs_and_at_most_5(epochs, warmup):
    assert warmup_epochs(epochs) == pytest.approx(warmup)


def test_the_published_schedule():
    """200 epochs of 370 steps: 0.1 after 5 epochs, half of it half-way down, 0 at the end."""
    total, warmup = 200 * 370, 5 * 370
    assert learning_rate(1, total, warmup, PEAK) == pytest.approx(PEAK / warmup)
    assert learning_rate(warmup // 2, total, warmup, PEAK) == pytest.approx(PEAK / 2)
    assert learning_rate(warmup, total, warmup, PEAK) == PEAK
    assert learning_rate((total + warmup) // 2, total, warmup, PEAK) == pytest.approx(PEAK / 2)
    assert learning_rate(total, total, warmup, PEAK) == 0.0


def test_the_cosine_at_a_third_and_two_thirds():
    """1 + cos(60 degrees) = 1.5 and 1 + cos(120 degrees) = 0.5, halved."""
    assert learning_rate(10 + 30, 100, 10, PEAK) == pytest.approx(0.75 * PEAK)
    assert learning_rate(10 + 60, 100, 10, PEAK) == pytest.approx(0.25 * PEAK)


def test_without_warmup_it_starts_at_the_peak():
    assert learning_rate(0, 50, 0, PEAK) == PEAK
    assert learning_rate(1, 50, 0, PEAK) < PEAK


@at_leisure
@given(plans())
def test_rises_in_equal_steps_to_the_peak(plan):
    total, warmup = plan
    rates = [learning_rate(step, total, warmup, PEAK) for step in range(warmup + 1)]
    steps = [b - a for a, b in itertools.pairwise(rates)]
    assert all(step == pytest.approx(PEAK / warmup, rel=1e-6) for step in steps)
    assert rates[-1] == PEAK


@at_leisure
@given(plans())
def test_falls_from_the_peak_to_zero(plan):
    total, warmup = plan
    rates = [learning_rate(step, total, warmup, PEAK) for step in range(warmup, total + 1)]
    assert rates[0] == PEAK
    assert rates[-1] == 0.0
    assert all(a >= b for a, b in itertools.pairwise(rates))


@at_leisure
@given(plans(), st.floats(1e-6, 10.0))
def test_is_proportional_to_the_peak(plan, peak):
    total, warmup = plan
    for step in {1, warmup, (total + warmup) // 2, total}:
        rate = learning_rate(step, total, warmup, peak)
        assert 0.0 <= rate <= peak
        assert math.isclose(rate, peak * learning_rate(step, total, warmup, 1.0), rel_tol=1e-9)


def test_one_step_in_all_trains_with_a_rate_of_zero_at_most_the_peak():
    assert 0.0 <= learning_rate(1, 1, 0, PEAK) <= PEAK
