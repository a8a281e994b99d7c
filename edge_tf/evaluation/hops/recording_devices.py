"""Accuracy and log loss per recording device, as DCASE Task 1A scores acoustic scenes.

A device here is a microphone that clips were recorded with, or a simulation of one. It is *seen* if
training clips were recorded with it. Drops in accuracy are relative to the seen devices.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge_tf.data.run_data import spread_over_labels
from edge_tf.evaluation import metrics


@dataclass(frozen=True)
class Devices:
    """Which device each test clip was recorded with.

    Attributes:
      of_clips: (clips,) names; "" if unknown.
      seen: names of the devices of the training clips.
    """

    of_clips: tuple[str, ...]
    seen: frozenset[str]

    @cached_property
    def names(self) -> list[str]:
        """Names that occur, seen devices first, in natural order: a, s1, s2, s10."""
        return sorted(set(self.of_clips), key=lambda name: (name not in self.seen, _natural(name)))

    @property
    def are_several(self) -> bool:
        """Whether there is more than one device."""
        return len(self.names) > 1


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that orders numbers within names by value."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


@dataclass(frozen=True, kw_only=True)
class DeviceFigures:
    """Figures of one hop on the clips of one device.

    Attributes:
      is_seen: training clips were recorded with it.
      accuracy, standard_error: shares, 0 to 1; the error is binomial.
      log_loss, log_loss_error: nats, mean and its standard error (None for a single clip).
      drop_points: mean accuracy on the seen devices minus that on this one, in percentage points;
        None for a seen device, or if no clip is from a seen one.
    """

    device: str
    is_seen: bool
    clips: int
    accuracy: float
    standard_error: float
    log_loss: float
    log_loss_error: float | None
    drop_points: float | None


@dataclass(frozen=True, kw_only=True)
class DeviceMean:
    """Means over devices; each device has the same weight, however many clips it has."""

    devices: int
    accuracy: float
    log_loss: float


@dataclass(frozen=True, kw_only=True)
class ByDevice:
    """Figures of one hop on all devices.

    Attributes:
      each: in the order of Devices.names; devices none of whose clips was run are left out.
      seen, unseen: means over these devices; None without any.
      drop_points: accuracy on seen devices minus that on unseen ones, in percentage points.
    """

    each: tuple[DeviceFigures, ...]
    seen: DeviceMean | None
    unseen: DeviceMean | None
    drop_points: float | None


def by_device(
    devices: Devices, clips: metrics.Ints, right: metrics.Array, losses: metrics.Floats
) -> ByDevice:
    """Figures of each device.

    Args:
      devices: of all test clips.
      clips: (n,) indices of the clips that were run.
      right: (n,) bool, whether each is classified correctly.
      losses: (n,) log loss of each.

    Raises:
      ValueError: lengths differ.
    """
    if not len(clips) == len(right) == len(losses):
        raise ValueError(f"{len(clips)} clips, {len(right)} verdicts, {len(losses)} log losses")
    mine = np.array(devices.of_clips)[clips]
    rows = {name: np.flatnonzero(mine == name) for name in devices.names}
    rows = {name: where for name, where in rows.items() if where.size}
    accuracy = {name: float(np.mean(right[where])) for name, where in rows.items()}
    loss = {name: metrics.mean_and_error(losses[where]) for name, where in rows.items()}

    def mean(is_seen: bool) -> DeviceMean | None:
        names = [name for name in rows if (name in devices.seen) == is_seen]
        if not names:
            return None
        return DeviceMean(
            devices=len(names),
            accuracy=float(np.mean([accuracy[name] for name in names])),
            log_loss=float(np.mean([loss[name][0] for name in names])),
        )

    seen, unseen = mean(True), mean(False)
    each = tuple(
        DeviceFigures(
            device=name,
            is_seen=name in devices.seen,
            clips=len(where),
            accuracy=accuracy[name],
            standard_error=metrics.standard_error(accuracy[name], len(where)),
            log_loss=loss[name][0],
            log_loss_error=loss[name][1],
            drop_points=None
            if seen is None or name in devices.seen
            else 100.0 * (seen.accuracy - accuracy[name]),
        )
        for name, where in rows.items()
    )
    drop = None if seen is None or unseen is None else 100.0 * (seen.accuracy - unseen.accuracy)
    return ByDevice(each=each, seen=seen, unseen=unseen, drop_points=drop)


def spread(labels: np.ndarray, devices: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """Ascending rows of about `count` clips, as evenly over labels and devices as both allow.

    With one device this is spread_over_labels. Else labels take turns, and so do devices: each
    clip is of the next label and the next device. If every label has the same number of clips of
    every device, counts per label and per device differ by at most one, whatever `count` is.

    Args:
      labels: (clips,) class indices.
      devices: (clips,) names.
      count: how many; all if there are fewer.
      seed: of the choice among clips of one label and device.

    Raises:
      ValueError: lengths differ.
    """
    if len(labels) != len(devices):
        raise ValueError(f"{len(labels)} labels, {len(devices)} devices")
    names, device = np.unique(np.array(devices), return_inverse=True)
    if len(names) < 2:
        return spread_over_labels(labels, count, seed)
    of_labels = np.unique(labels)
    # The turn of a label at which each device comes, so that devices rotate from label to label.
    turns = np.arange(len(names))
    again = turns // (len(names) // math.gcd(len(of_labels), len(names)))
    comes = np.argsort((turns * len(of_labels) + again) % len(names))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    turn = np.empty(len(labels), np.int64)
    for at, label in enumerate(of_labels):
        mine = shuffled[labels[shuffled] == label]
        round_of = np.empty(len(mine), np.int64)
        for one in np.unique(device[mine]):
            where = device[mine] == one
            round_of[where] = np.arange(np.count_nonzero(where))
        order = np.lexsort((comes[(device[mine] - at) % len(names)], round_of))
        turn[mine[order]] = np.arange(len(mine))
    return np.sort(np.lexsort((labels, turn))[:count])
