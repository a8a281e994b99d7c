"""Orders of the weights of edge_dense: those in which its loops use them.

The weights of every four outputs are together; those of up to three remaining outputs follow, by
output.
"""

import numpy as np

# Inputs of an output that are adjacent: for DSP instructions, and for all other kernels.
_TURN, _RUN = 4, 16


def by_runs(weights: np.ndarray) -> np.ndarray:
    """[outputs, inputs] as [inputs / 16][4 outputs][16], then [4 outputs][remaining inputs]."""
    return _by_fours(weights, _RUN, False)


def for_dsp(by_runs_: np.ndarray, channels: int, depth: int) -> np.ndarray:
    """The result of `by_runs` as [inputs / 4][4 outputs][4], then [remaining inputs][4 outputs]."""
    places = np.arange(channels * depth).reshape(channels, depth)
    weights = np.empty(channels * depth, by_runs_.dtype)
    weights[by_runs(places)] = by_runs_
    return _by_fours(weights.reshape(channels, depth), _TURN, True)


def _by_fours(weights: np.ndarray, run: int, rest_by_input: bool) -> np.ndarray:
    channels, depth = weights.shape
    rows, columns = channels // 4 * 4, depth // run * run
    parts = []
    for first in range(0, rows, 4):
        four = weights[first : first + 4]
        runs = four[:, :columns].reshape(4, -1, run).swapaxes(0, 1)
        rest = four[:, columns:]
        parts += [runs.reshape(-1), (rest.T if rest_by_input else rest).reshape(-1)]
    return np.concatenate([*parts, weights[rows:].reshape(-1)])
