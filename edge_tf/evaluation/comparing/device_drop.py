"""Does one way of training lose less on unseen devices than another? A paired bootstrap.

The drop is the accuracy on the seen devices minus that on the unseen ones, both as means over
devices; the result is the factor by which one way has a smaller drop. All versions of a clip, on
every device and for both ways, are resampled together, since they are equally hard or easy.
Everything here is NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HALF = 0.5
_CHUNK = 1000  # resamples drawn at a time, for memory

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Judged:
    """One model of each way, A and B, on the same test clips.

    Attributes:
      right, right_against: (clips,) bool, which clips model A and model B classify correctly.
      devices: (clips,) recording device of each.
      sources: (clips,) source of each; clips of one source are resampled together.
    """

    right: npt.NDArray[Any]
    right_against: npt.NDArray[Any]
    devices: Sequence[str]
    sources: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class DeviceDrop:
    """The drops of A and B, in percentage points, and their ratio.

    Intervals are 95 %, over the choice of sources; the trained models are fixed.

    Attributes:
      drop, drop_interval: of A.
      drop_against, drop_against_interval: of B.
      ratio: drop of A divided by that of B; None if B has none.
      ratio_mean: mean of the ratio over the resamples; None if B has no drop in one of them.
      ratio_interval: an end is infinite if B has no drop in more than 2.5 % of the resamples.
      share_halved: share of the resamples in which B has a drop and A at most half of it. Near 1:
        A at least halves the drop.
      sources, clips: how many; clips count every version.
      seen, unseen: names of the devices.
    """

    drop: float
    drop_interval: Interval
    drop_against: float
    drop_against_interval: Interval
    ratio: float | None
    ratio_mean: float | None
    ratio_interval: Interval
    share_halved: float
    sources: int
    clips: int
    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def is_halved(self) -> bool:
        """Whether the whole interval of the ratio is at most one half."""
        return self.ratio_interval[1] <= HALF


def compare(
    judged: Sequence[Judged], seen: Sequence[str], resamples: int = 10_000, seed: int = 0
) -> DeviceDrop:
    """Percentile intervals of both drops and of their ratio; folds or seeds are pooled.

    A resample in which B has no drop has no ratio; it counts as an infinite one, which is evidence
    against A.

    Args:
      judged: one pair of models each: five folds are five of these, with separate clips; other
        seeds have the same sources, which stay together.
      seen: devices of the training clips; the others are unseen.
      resamples: how many to draw.
      seed: of the draws.

    Raises:
      ValueError: lengths differ, there are no results, there is no seen or no unseen device, or
        resamples is below 1.
    """
    if resamples < 1:
        raise ValueError(f"resamples={resamples} must be at least 1")
    names, counts = _counts(judged)
    is_seen = np.isin(names, list(seen))
    if is_seen.all() or not is_seen.any():
        raise ValueError("expected clips of a seen and of an unseen device")
    # A drop is linear in the accuracies per device: the mean over some minus that over others.
    weights = is_seen / is_seen.sum() - ~is_seen / (~is_seen).sum()

    def drops(pooled: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, 2) drops of A and B from (n, 3, devices) pooled counts; NaN if a device has none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            # Removes the rounding error of a drop that is 0.
            return np.round(100 * (pooled[:, :2] / pooled[:, 2:]) @ weights, 9)

    sources = len(counts)
    flat = counts.reshape(sources, -1)
    rng = np.random.default_rng(seed)
    drawn = []
    for begin in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - begin)
        times = rng.multinomial(sources, np.full(sources, 1 / sources), size)
        drawn.append(drops((times @ flat).reshape(size, 3, len(names))))
    both = np.concatenate(drawn)
    both = both[np.isfinite(both).all(axis=1)]
    if not len(both):
        raise ValueError("too few clips of a device to resample")
    drop, drop_against = (float(one) for one in drops(counts.sum(axis=0, keepdims=True))[0])
    ratios = np.full(len(both), np.inf)
    np.divide(both[:, 0], both[:, 1], out=ratios, where=both[:, 1] > 0)
    return DeviceDrop(
        drop=drop,
        drop_interval=_interval(both[:, 0]),
        drop_against=drop_against,
        drop_against_interval=_interval(both[:, 1]),
        ratio=drop / drop_against if drop_against > 0 else None,
        ratio_mean=float(ratios.mean()) if np.isfinite(ratios).all() else None,
        ratio_interval=_interval(ratios),
        share_halved=float(np.mean(ratios <= HALF)),
        sources=sources,
        clips=int(counts[:, 2].sum()),
        seen=tuple(names[is_seen].tolist()),
        unseen=tuple(names[~is_seen].tolist()),
    )


def _counts(judged: Sequence[Judged]) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Names of the devices; for each source (3, devices): A right, B right, clips."""
    for one in judged:
        shapes = {np.shape(part) for part in (one.right, one.right_against)}
        if shapes != {(len(one.devices),)} or len(one.sources) != len(one.devices):
            raise ValueError("expected results, devices and sources of the same clips")
    devices = [name for one in judged for name in one.devices]
    sources = [name for one in judged for name in one.sources]
    if not devices:
        raise ValueError("there is nothing to compare")
    names, device = np.unique(np.array(devices), return_inverse=True)
    known, source = np.unique(np.array(sources), return_inverse=True)
    counts = np.zeros((len(known), 3, len(names)))
    parts = (
        np.concatenate([np.asarray(one.right, bool) for one in judged]),
        np.concatenate([np.asarray(one.right_against, bool) for one in judged]),
        np.ones(len(devices), bool),
    )
    for at, part in enumerate(parts):
        np.add.at(counts, (source, at, device), part)
    return names, counts


def _interval(values: npt.NDArray[np.float64]) -> Interval:
    """The middle 95 %; ends are existing values, since infinities cannot be interpolated."""
    low, high = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)
