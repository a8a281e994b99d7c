"""How often each training clip is in an epoch: once, more often if it is of a rare class.

Without this, a few takes of a keyword drown in the clips of other words, and an epoch over a
few dozen clips is one step.
"""

from collections.abc import Iterable

import numpy as np

from edge_tf.settings import Sampling

RARE_SHARE = 0.25
LEAST_STEPS = 50  # per epoch; 20 epochs are then at least 1,000 steps


def suited(counts: Iterable[int], batch_size: int, by_steps: bool) -> Sampling:
    """The sampling for a training set; without any effect where none is needed.

    Args:
      counts: clips per class.
      batch_size: clips per step.
      by_steps: an epoch is to have at least LEAST_STEPS steps.
    """
    counts = list(counts)
    rare = RARE_SHARE if min(counts) < RARE_SHARE * max(counts) else 0.0
    least = LEAST_STEPS * batch_size if by_steps else 0
    clips = sum(max(count, _wanted(max(counts), rare)) for count in counts)
    return Sampling(rare, least if clips < least else 0)


def size(labels: np.ndarray, sampling: Sampling) -> int:
    """Clips of an epoch; labels (clips,) int."""
    return len(epoch(labels, sampling, np.random.default_rng(0)))


def epoch(labels: np.ndarray, sampling: Sampling, rng: np.random.Generator) -> np.ndarray:
    """Rows of an epoch's clips in random order.

    Args:
      labels: (clips,) int.
      sampling: what is repeated.
      rng: source of randomness.

    Returns:
      (n,) int, each row at least once; n is the same in each epoch.
    """
    counts = np.bincount(labels)
    wanted = _wanted(int(counts.max()), sampling.rare_share)
    once = [np.arange(len(labels))]
    for label in np.flatnonzero((counts > 0) & (counts < wanted)):
        mine = np.flatnonzero(labels == label)
        more = wanted - len(mine)
        once += [mine] * (more // len(mine))
        once.append(rng.permutation(mine)[: more % len(mine)])
    rows = np.concatenate(once)
    passes = max(1, -(-sampling.epoch_clips // len(rows)))
    return np.concatenate([rng.permutation(rows) for _ in range(passes)])


def _wanted(largest: int, rare_share: float) -> int:
    """Least clips of a class in one pass."""
    return int(np.ceil(rare_share * largest))
