"""Warped distances: identities, tempo, and real synthetic speech."""

import numpy as np
import pytest

from edge_tf.data.synthesis import agreement


def chirp(seconds: float, low: float, high: float) -> np.ndarray:
    time = np.arange(int(16000 * seconds)) / 16000
    hertz = low + (high - low) * time / seconds
    return (0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / 16000)).astype(np.float32)


UP, DOWN = agreement.spectra(chirp(0.6, 300, 3000)), agreement.spectra(chirp(0.6, 3000, 300))


def test_equal_takes_have_distance_0_and_order_does_not_matter():
    found = agreement.warped_distances([(UP, UP), (UP, DOWN), (DOWN, UP)])
    assert found[0] == pytest.approx(0, abs=1e-3)
    assert found[1] == pytest.approx(found[2], rel=1e-5) and found[1] > 0.3


def test_tempo_level_and_silence_around_count_little():
    slow = chirp(0.8, 300, 3000)
    quiet = np.concatenate([np.zeros(4000), 0.02 * chirp(0.6, 300, 3000), np.zeros(9000)])
    pairs = [(UP, agreement.spectra(slow)), (UP, agreement.spectra(quiet.astype(np.float32)))]
    other = agreement.warped_distances([(UP, DOWN)])[0]
    assert (agreement.warped_distances(pairs) < 0.5 * other).all()


def test_a_pair_has_the_same_distance_alone_and_among_longer_ones():
    rng = np.random.default_rng(0)
    takes = [rng.standard_normal((length, 24)).astype(np.float32) for length in (1, 7, 30, 12)]
    pairs = [(a, b) for a in takes for b in takes]
    alone = [agreement.warped_distances([pair])[0] for pair in pairs]
    np.testing.assert_allclose(agreement.warped_distances(pairs), alone, rtol=1e-5, atol=1e-4)
    assert agreement.warped_distances([]).shape == (0,)


def test_warping_is_the_textbook_recursion():
    rng = np.random.default_rng(1)
    first, second = (rng.standard_normal((length, 24)).astype(np.float32) for length in (6, 9))
    cost = np.sqrt(((first[:, None] - second[None]) ** 2).sum(-1) / 24)
    total = np.full((7, 10), np.inf)
    total[0, 0] = 0
    for i in range(6):
        for j in range(9):
            total[i + 1, j + 1] = min(
                total[i, j] + 2 * cost[i, j],
                total[i, j + 1] + cost[i, j],
                total[i + 1, j] + cost[i, j],
            )
    found = agreement.warped_distances([(first, second)])[0]
    assert found == pytest.approx(total[6, 9] / 15, rel=1e-4)


def test_medoids_are_in_the_middle():
    takes = [np.full((5, 24), value, np.float32) for value in (0.0, 5.0, 2.2, 2.0, -4.0)]
    assert agreement.medoids(takes, 2) == [3, 2]
