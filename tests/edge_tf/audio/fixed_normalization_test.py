"""The integers of normalization: near the formula in float64, and nowhere too wide."""

import math
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import fixed_normalization
from firmware_export.frontend import normalization, tables
from firmware_export.frontend.normalization import EPSILON, Normalization
from tests.firmware_export.runtime.compiled import FRONTEND

SCALE, ZERO_POINT = 0.05, -3


def constants(kind: str, lam: float, scale: float = SCALE, **changes: Any) -> Normalization:
    config = {**FRONTEND, "normalization": kind, "norm_lambda": lam, **changes}
    made = tables.make(config, scale, ZERO_POINT).normalization
    assert made is not None
    return made


def exact(levels: np.ndarray, kind: str, lam: float, made: Normalization) -> np.ndarray:
    """Features in steps of the model's input, float64, neither rounded nor saturated."""
    x = levels * math.log(2.0) / 2**made.level_bits + math.log(FRONTEND["log_offset"])
    band = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPSILON)
    whole = (x - x.mean()) / np.sqrt(x.var() + EPSILON)
    real = lam * x + band if kind == "residual" else lam * whole + (1 - lam) * band
    return real / SCALE + ZERO_POINT


def check(levels: np.ndarray, kind: str, lam: float, most: float = 0.52) -> np.ndarray:
    made = constants(kind, lam)
    ours = fixed_normalization.normalized(levels, made)
    assert ours.dtype == np.int8 and ours.shape == levels.shape
    wanted = exact(levels.astype(float), kind, lam, made)
    assert np.abs(ours - wanted.clip(-128, 127)).max() <= most
    return ours


@hypothesis.settings(max_examples=100)
@hypothesis.given(
    kind=st.sampled_from(["residual", "relaxed"]),
    lam=st.floats(0.0, 1.0),
    frames=st.integers(1, 200),
    bands=st.integers(1, 20),
    spread=st.floats(0.0, 10_000.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_rounded_to_the_nearest(kind, lam, frames, bands, spread, seed):
    """From a band that does not move to all the range there is."""
    draw = np.random.default_rng(seed)
    levels = draw.normal(draw.uniform(0, 40_000, bands), spread, (frames, bands))
    check(np.rint(levels).clip(0, 65_535).astype(np.uint16), kind, lam)


@pytest.mark.parametrize("kind", ["residual", "relaxed"])
@pytest.mark.parametrize(
    "levels",
    [
        np.full((101, 4), 65_535),
        np.zeros((101, 4)),
        np.where(np.arange(101)[:, np.newaxis] % 2, 65_535, [0, 65_534, 65_535, 1]),
        np.where(np.arange(101)[:, np.newaxis] == 50, [65_535, 1, 0, 2], 0),
        np.where(np.arange(65_535)[:, np.newaxis] % 2, 65_535, [0, 65_535, 40_000, 65_534]),
        np.where(np.arange(65_535)[:, np.newaxis] == 9, [65_535, 1, 0, 2], 0),
    ],
    ids=["highest", "lowest", "both in turn", "once", "longest, in turn", "longest, once"],
)
def test_extremes(levels, kind):
    check(levels.astype(np.uint16), kind, 0.5)


def test_the_widest_numbers_stay_64_bits():
    """65,535 frames of 1,024 bands, a scale of 1e-3: each step in Python's unlimited integers."""
    made = constants("relaxed", 0.5, scale=1e-3)
    for n in (65_535, 65_535 * 1_024):
        for high in range(0, n + 1, n // 7):  # so many levels are the highest, the rest 0
            levels, squares = high * 65_535, high * 65_535**2
            found = fixed_normalization._line(
                np.array([levels], np.uint64),
                np.array([squares], np.uint64),
                n,
                made.band_gain,
                made.epsilon,
            )
            mean = (levels << normalization.MEAN_BITS) // n
            centre = (mean + 2 ** (normalization.MEAN_BITS - 1)) >> normalization.MEAN_BITS
            about = high * (65_535 - centre) ** 2 + (n - high) * centre**2
            wide = about << normalization.VARIANCE_BITS
            assert wide < 2**64
            slope = fixed_normalization._divided_by_root(made.band_gain, wide // n + made.epsilon)
            assert found[0].tolist() == [slope] and slope < 2**30
            assert found[1].tolist() == [-((slope * mean) >> normalization.MEAN_BITS)]


@pytest.mark.parametrize("bits", range(16, 38))
def test_the_slope_is_gain_over_the_root(bits: int) -> None:
    gain = constants("residual", 0.1).band_gain
    variance = 2**bits + 12_345
    ours = fixed_normalization._divided_by_root(gain, variance)
    assert ours == pytest.approx(gain / math.sqrt(variance / 2**6), rel=1e-9, abs=1)


def moving(seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return np.rint(draw.normal(20_000, 1_500, (101, 8))).astype(np.uint16)


@pytest.mark.parametrize("kind", ["residual", "relaxed"])
def test_lambda_0_knows_no_microphone(kind):
    """Levels that are more in all frames of a band give the same bytes."""
    made = constants(kind, 0.0)
    offsets = np.array([0, 1, 3, 100, 5_000, 20_000, 7, 33], np.uint16)
    before, after = (
        fixed_normalization.normalized(levels, made) for levels in (moving(), moving() + offsets)
    )
    assert len(np.unique(before)) > 50
    # The line's rounding moves with the offset: where a feature is half a step it may go over.
    assert np.abs(before.astype(int) - after).max() <= 1 and (before != after).mean() < 0.01


def test_residual_sensitivity_is_lambda_times_the_offset():
    made = constants("residual", 0.1)
    more = 10_000  # levels, of 2^-10 octaves
    before = fixed_normalization.normalized(moving(), made).astype(int)
    after = fixed_normalization.normalized(moving() + np.uint16(more), made).astype(int)
    expected = 0.1 * more / 2**10 * math.log(2.0) / SCALE
    inside = (before > -128) & (after < 127)
    assert inside.mean() > 0.8
    assert np.abs(after - before - expected)[inside].max() <= 1.0
    assert (after - before)[inside].mean() == pytest.approx(expected, abs=0.05)


def test_rfn_knows_no_gain():
    made = constants("relaxed", 0.5)
    before = fixed_normalization.normalized(moving(), made).astype(int)
    after = fixed_normalization.normalized(moving() + np.uint16(12_345), made)
    assert np.abs(before - after).max() <= 1 and (before != after).mean() < 0.01


def test_a_level_more_or_less_is_not_seen():
    """Rounding noise of a silent band: EPSILON keeps it below half a step of a fine input."""
    draw = np.random.default_rng(0)
    levels = draw.integers(0, 2, (167, 64)).astype(np.uint16)
    for kind in ("residual", "relaxed"):
        quiet = fixed_normalization.normalized(levels, constants(kind, 0.0))
        assert set(np.unique(quiet)) == {ZERO_POINT}
