"""Metrics of a classifier on a set of clips, and differences between int8 outputs.

Everything here is NumPy. Shapes: N clips, C classes. Labels and predictions are class indices.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNDECIDED = -1
"""Prediction of a clip with NaN or infinity in its outputs: it is wrong for every label."""

LEAST_PROBABILITY = 1e-15
"""Lower limit of probabilities in the log loss, so that one clip costs at most 34.5."""

_LSB_LIMIT = float(2**53)


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class; None if the denominator is 0.

    Attributes:
      support: clips whose label is this class.
      precision: share of the clips predicted as this class that belong to it; None if there are
        none.
      recall: share of its clips that were predicted as this class; None without support.
      f1: harmonic mean of both; None if the class is neither a label nor ever predicted.
    """

    support: int
    precision: float | None
    recall: float | None
    f1: float | None


def predictions(outputs: Array) -> Ints:
    """Class with the largest output of each clip.

    Args:
      outputs: [N, C] logits, float or int8.

    Returns:
      [N] class indices. Ties go to the first class, as on the device; a clip with NaN or infinity
      in its outputs is UNDECIDED.

    Raises:
      ValueError: outputs are not two-dimensional with at least one class.
    """
    outputs = np.asarray(outputs)
    if outputs.ndim != 2 or outputs.shape[1] < 1:
        raise ValueError(f"outputs must be [clips, classes], got shape {outputs.shape}")
    chosen: Ints = outputs.argmax(axis=1).astype(np.int64)
    if np.issubdtype(outputs.dtype, np.floating):
        chosen[~np.isfinite(outputs).all(axis=1)] = UNDECIDED
    return chosen


def _pair(left: Array, right: Array) -> tuple[Ints, Ints]:
    left, right = np.asarray(left), np.asarray(right)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(
            f"expected two [clips] arrays of equal length: {left.shape}, {right.shape}"
        )
    if not left.size:
        raise ValueError("there are no clips to judge")
    return left.astype(np.int64), right.astype(np.int64)


def correct(labels: Array, predicted: Array) -> int:
    """Number of clips whose prediction is their label; both arguments are [N] class indices.

    Raises:
      ValueError: lengths differ, or there is no clip.
    """
    labels, predicted = _pair(labels, predicted)
    return int(np.count_nonzero(labels == predicted))


def accuracy(labels: Array, predicted: Array) -> float:
    """Share of clips whose prediction is their label, 0 to 1. Arguments and errors as `correct`."""
    return correct(labels, predicted) / len(labels)


def standard_error(share: float, count: int) -> float:
    """Binomial standard error of a share (0 to 1) of `count` clips.

    Raises:
      ValueError: the share is outside 0 to 1, or count is below 1.
    """
    if not 0.0 <= share <= 1.0 or count < 1:
        raise ValueError(f"no standard error for share {share} of {count} clips")
    return math.sqrt(share * (1.0 - share) / count)


def wilson_interval(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of `right` out of `count`; 95 % by default.

    Unlike the standard error it is not zero if all clips are right, or none.

    Raises:
      ValueError: count is below 1, or right is outside 0 to count.
    """
    if count < 1 or not 0 <= right <= count:
        raise ValueError(f"no interval for {right} of {count} clips")
    share, squared = right / count, z * z
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = math.sqrt(share * (1 - share) / count + squared / (4 * count * count))
    half *= z / (1 + squared / count)
    # With no clip right or all right the ends are exact; rounding would be off by an ulp.
    low = 0.0 if right == 0 else max(0.0, middle - half)
    high = 1.0 if right == count else min(1.0, middle + half)
    return low, high


def agreement(left: Array, right: Array) -> float:
    """Share of clips for which two engines choose the same class, 0 to 1.

    An UNDECIDED clip never agrees, not even with another UNDECIDED one. Arguments are [N].

    Raises:
      ValueError: lengths differ, or there is no clip.
    """
    left, right = _pair(left, right)
    return float(np.mean((left == right) & (left != UNDECIDED)))


def _checked(labels: Array, predicted: Array, num_classes: int) -> tuple[Ints, Ints]:
    labels, predicted = _pair(labels, predicted)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels must be within 0 to {num_classes - 1}")
    if predicted.min() < UNDECIDED or predicted.max() >= num_classes:
        raise ValueError(f"predictions must be within 0 to {num_classes - 1}, or UNDECIDED")
    return labels, predicted


def confusion_matrix(labels: Array, predicted: Array, num_classes: int) -> Ints:
    """Counts [C, C]: rows are labels, columns predictions.

    They sum to the number of clips without the UNDECIDED ones, which have no column.

    Raises:
      ValueError: lengths differ, there is no clip, or an index is outside the classes.
    """
    labels, predicted = _checked(labels, predicted, num_classes)
    decided = predicted != UNDECIDED
    cells = labels[decided] * num_classes + predicted[decided]
    counts = np.bincount(cells, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def per_class(labels: Array, predicted: Array, num_classes: int) -> list[ClassFigures]:
    """Precision, recall, F1 and support of each of the C classes.

    Raises:
      ValueError: as `confusion_matrix`.
    """
    labels, predicted = _checked(labels, predicted, num_classes)
    figures = []
    for index in range(num_classes):
        support = int(np.count_nonzero(labels == index))
        given = int(np.count_nonzero(predicted == index))
        hits = int(np.count_nonzero((labels == index) & (predicted == index)))
        figures.append(
            ClassFigures(
                support=support,
                precision=hits / given if given else None,
                recall=hits / support if support else None,
                f1=2 * hits / (given + support) if given + support else None,
            )
        )
    return figures


def _check_grid(scale: float, zero_point: int) -> None:
    if not (math.isfinite(scale) and scale > 0 and -128 <= zero_point <= 127):
        raise ValueError(f"no int8 grid with scale {scale} and zero point {zero_point}")


def dequantize(values: Array, scale: float, zero_point: int) -> Floats:
    """Real values of int8 `values` of any shape: scale * (value - zero_point).

    Raises:
      ValueError: the scale is not positive, or the zero point not an int8.
    """
    _check_grid(scale, zero_point)
    return scale * (np.asarray(values).astype(np.float64) - zero_point)


def to_lsb(values: Array, scale: float, zero_point: int) -> Ints:
    """Rounds real values to an int8 grid, without clipping to -128..127.

    A logit outside the int8 range keeps its distance: 40 LSB above the top become 167, so that
    saturation shows up as a difference and not as agreement. Halves round away from zero, as in
    TFLite's quantize.

    Args:
      values: finite real values of any shape.
      scale: step of the grid, positive.
      zero_point: int8 value of real zero.

    Returns:
      int64 of the same shape.

    Raises:
      ValueError: a value is NaN or infinite, or the grid is not valid.
    """
    _check_grid(scale, zero_point)
    steps = np.asarray(values).astype(np.float64) / scale
    if not np.isfinite(steps).all():
        raise ValueError("NaN and infinity cannot be put on an int8 grid")
    whole = np.trunc(steps)
    whole += np.sign(steps) * (np.abs(steps - whole) >= 0.5)
    steps_from_zero: Ints = np.clip(whole, -_LSB_LIMIT, _LSB_LIMIT).astype(np.int64)
    return steps_from_zero + zero_point


def lsb_differences(left: Array, right: Array) -> Ints:
    """Absolute differences in LSB of two integer arrays on the same grid; shape as the arrays.

    Raises:
      ValueError: shapes differ, or an array is not integer.
    """
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape:
        raise ValueError(f"shapes differ: {left.shape} and {right.shape}")
    if not (np.issubdtype(left.dtype, np.integer) and np.issubdtype(right.dtype, np.integer)):
        raise ValueError(f"differences in LSB need integers, got {left.dtype} and {right.dtype}")
    # int8 differences reach 255, which does not fit int8.
    differences: Ints = np.abs(left.astype(np.int64) - right.astype(np.int64))
    return differences


def softmax(logits: Array) -> Floats:
    """Probabilities [N, C] of real logits [N, C]; rows sum to 1."""
    logits = np.asarray(logits).astype(np.float64)
    powers: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def log_losses(logits: Array, labels: Array) -> Floats:
    """Cross entropy of each clip in nats: -ln of the softmax probability of its label.

    It is computed from logits, so that it stays exact where a probability would round to 0 or 1.
    Probabilities count as at least LEAST_PROBABILITY; that of an UNDECIDED clip is this limit.
    The mean over clips is what DCASE Task 1A calls multi-class cross entropy (log loss).

    Args:
      logits: [N, C] real logits; int8 outputs are dequantized first.
      labels: [N] class indices.

    Returns:
      [N], each from 0 to 34.54.

    Raises:
      ValueError: shapes do not fit, or a label is outside the classes.
    """
    logits, labels = np.asarray(logits).astype(np.float64), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not logits.size:
        raise ValueError(f"no log loss for logits {logits.shape} and labels {labels.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be within 0 to {logits.shape[1] - 1}")
    most = -math.log(LEAST_PROBABILITY)
    losses = np.full(len(logits), most)
    decided = np.flatnonzero(np.isfinite(logits).all(axis=1))
    if decided.size:
        kept = logits[decided]
        kept = kept - kept.max(axis=1, keepdims=True)
        of_label = kept[np.arange(len(kept)), labels[decided]]
        losses[decided] = np.minimum(np.log(np.exp(kept).sum(axis=1)) - of_label, most)
    return losses


def mean_and_error(values: Array) -> tuple[float, float | None]:
    """Mean of [N] independent values and its standard error (None for a single value).

    Sums are exact, so the order of the values does not matter. Raises ValueError if N is 0.
    """
    listed: list[float] = np.asarray(values).astype(np.float64).tolist()
    if not listed:
        raise ValueError("there are no values to average")
    mean = math.fsum(listed) / len(listed)
    if len(listed) == 1:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in listed) / (len(listed) - 1)
    return mean, math.sqrt(variance / len(listed))


def macro_accuracy(labels: Array, predicted: Array) -> float:
    """Mean of the accuracies per class: DCASE's accuracy.

    Classes without a clip are left out. Arguments and errors as `correct`.
    """
    labels, predicted = _pair(labels, predicted)
    return float(np.mean([np.mean(predicted[labels == one] == one) for one in np.unique(labels)]))
