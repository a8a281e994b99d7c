"""Exact 95 % intervals of counts: events in a time, and shares."""

import functools
import math
from collections.abc import Callable

import numpy as np

_CONFIDENCE = 0.95


@functools.cache
def poisson_interval(count: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a Poisson mean after `count` observed events (Garwood, 1936).

    Args:
      count: events, 0 or more.
      confidence: of the interval; the rest is split equally between both sides.
    """
    tail = (1 - confidence) / 2
    most = count + 20 * math.sqrt(count + 1) + 20
    low = 0.0 if count == 0 else _solve(lambda m: 1 - _poisson_cdf(count - 1, m), tail, most)
    return low, _solve(lambda m: 1 - _poisson_cdf(count, m), 1 - tail, most)


@functools.cache
def binomial_interval(
    count: int, trials: int, confidence: float = _CONFIDENCE
) -> tuple[float, float]:
    """The exact interval of a share after `count` of `trials` (Clopper and Pearson, 1934).

    Args:
      count: 0 to `trials`.
      trials: 0 or more; of none, any share is possible.
      confidence: of the interval; the rest is split equally between both sides.
    """
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if count > 0:
        low = _solve(lambda p: 1 - _binomial_cdf(count - 1, trials, p), tail, 1.0)
    if count < trials:
        high = _solve(lambda p: 1 - _binomial_cdf(count, trials, p), 1 - tail, 1.0)
    return low, high


def _poisson_cdf(count: int, mean: float) -> float:
    if mean <= 0:
        return 1.0
    steps = math.log(mean) - np.log(np.arange(1, count + 1))
    return min(1.0, float(np.exp(np.cumsum([-mean, *steps])).sum()))


def _binomial_cdf(count: int, trials: int, share: float) -> float:
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0 if count < trials else 1.0
    k = np.arange(1, count + 1)
    steps = np.log((trials - k + 1) / k) + math.log(share) - math.log1p(-share)
    return min(1.0, float(np.exp(np.cumsum([trials * math.log1p(-share), *steps])).sum()))


def _solve(rising: Callable[[float], float], value: float, most: float) -> float:
    """Where a function that increases over 0 to `most` reaches a value, by bisection."""
    low, high = 0.0, most
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2
