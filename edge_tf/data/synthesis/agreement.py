"""Whether a take says what takes of other voices say: time-warped distances of their spectra."""

from collections.abc import Sequence

import numpy as np

_RATE = 16000
_WINDOW, _HOP = 512, 320  # samples
_BANDS = 24
_LOWEST_HZ, _HIGHEST_HZ = 120.0, 7000.0
_RANGE_DB = 45.0  # below the loudest band: what is quieter is noise
_SILENCE_DB = -30.0
_BATCH = 512


def spectra(samples: np.ndarray) -> np.ndarray:
    """Log-mel energies of a take without the silence at its ends, less their mean.

    The mean is what voice and microphone do to all sounds.

    Args:
      samples: float32 or int16 [n] at 16 kHz.

    Returns:
      Float32 [frames, bands], a frame for 20 ms; at least one.
    """
    padded = np.zeros(max(len(samples), _WINDOW) + _HOP, np.float32)
    padded[: len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32))) ** 2
    levels = 10.0 * np.log10(power @ _filters() + 1e-12)
    levels = np.maximum(levels, levels.max() - _RANGE_DB)
    loudness = levels.max(1)
    loud = np.flatnonzero(loudness >= loudness.max() + _SILENCE_DB)
    levels = levels[loud[0] : loud[-1] + 1]
    return ((levels - levels.mean(0)) / 10.0).astype(np.float32)


def _filters() -> np.ndarray:
    """[bins, bands]: triangles equally spaced on the mel scale, each of sum 1."""
    low, high = 2595.0 * np.log10(1.0 + np.array([_LOWEST_HZ, _HIGHEST_HZ]) / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(low, high, _BANDS + 2) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(_WINDOW, 1.0 / _RATE)[:, None]
    rising = (bins - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - bins) / np.diff(corners)[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles / triangles.sum(0)


def warped_distances(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Dynamic time warping of pairs of `spectra`.

    Returns:
      Float32 [pairs]: mean distance of frames along the best path; 0 for equal takes. The path's
      length counts a step in both takes twice, so that no take's tempo is preferred.
    """
    parts = [_warped(pairs[at : at + _BATCH]) for at in range(0, len(pairs), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _warped(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    rows = np.array([len(first) for first, _ in pairs])
    columns = np.array([len(second) for _, second in pairs])
    costs = np.full((len(pairs), rows.max(), columns.max()), np.inf, np.float32)
    for pair, (first, second) in enumerate(pairs):
        squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2.0 * first @ second.T
        costs[pair, : len(first), : len(second)] = np.sqrt(np.maximum(squares, 0.0) / _BANDS)
    total = np.full((len(pairs), rows.max() + 1, columns.max() + 1), np.inf, np.float32)
    total[:, 0, 0] = 0.0
    # By diagonals: all cells of one depend on the two before.
    for diagonal in range(rows.max() + columns.max() - 1):
        row = np.arange(max(0, diagonal - columns.max() + 1), min(diagonal, rows.max() - 1) + 1)
        column = diagonal - row
        cost = costs[:, row, column]
        total[:, row + 1, column + 1] = np.minimum(
            total[:, row, column] + 2.0 * cost,
            np.minimum(total[:, row, column + 1], total[:, row + 1, column]) + cost,
        )
    return total[np.arange(len(pairs)), rows, columns] / (rows + columns)


def medoids(takes: Sequence[np.ndarray], count: int) -> list[int]:
    """Which `count` of some `spectra` are nearest to all others, the nearest first."""
    pairs = [(a, b) for place, a in enumerate(takes) for b in takes[place + 1 :]]
    sums = np.zeros(len(takes))
    first, second = np.triu_indices(len(takes), 1)
    found = warped_distances(pairs)
    np.add.at(sums, first, found)
    np.add.at(sums, second, found)
    return [int(place) for place in np.argsort(sums, kind="stable")[:count]]
