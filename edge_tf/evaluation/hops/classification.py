"""The task of a classifier: the largest logit of a clip is to be its label's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops import recording_devices
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_row import TaskFigures, common
from edge_tf.evaluation.hops.recording_devices import Devices


@dataclass(frozen=True, eq=False)
class Classification:
    """A Task.

    Attributes:
      labels: [N] class indices of all clips.
      devices: recording devices of all clips; figures are split by device if there are several.
    """

    labels: metrics.Array
    devices: Devices | None = None

    def check(self, hops: Sequence[HopResult]) -> None:
        """All hops have the same classes, and the labels are among them."""
        classes = {hop.outputs.shape[1] for hop in hops if hop.outputs is not None}
        if not classes:
            return
        if len(classes) > 1 or self.labels.min() < 0 or self.labels.max() >= min(classes):
            raise ValueError(
                f"hops have {sorted(classes)} classes, labels go to {self.labels.max()}"
            )

    def figures(self, hop: HopResult, first: HopResult) -> TaskFigures:
        assert hop.outputs is not None
        chosen = metrics.predictions(hop.outputs)
        clips = hop.which_clips()
        truth = self.labels[clips]
        right = metrics.correct(truth, chosen)
        accuracy = right / hop.clips
        agreement = change = None
        mine, theirs = common(hop, first)
        if first.outputs is not None and mine.size:
            first_chosen = metrics.predictions(first.outputs[theirs])
            agreement = metrics.agreement(chosen[mine], first_chosen)
            difference = metrics.correct(truth[mine], chosen[mine])
            difference -= metrics.correct(truth[mine], first_chosen)
            change = 100.0 * difference / mine.size
        losses = metrics.log_losses(hop.real_outputs(), truth)
        log_loss, log_loss_error = metrics.mean_and_error(losses)
        by_device = None
        if self.devices is not None:
            right_ones = chosen == truth
            by_device = recording_devices.by_device(self.devices, clips, right_ones, losses)
        return TaskFigures(
            accuracy=accuracy,
            standard_error=metrics.standard_error(accuracy, hop.clips),
            accuracy_interval=metrics.wilson_interval(right, hop.clips),
            macro_accuracy=metrics.macro_accuracy(truth, chosen),
            log_loss=log_loss,
            log_loss_error=log_loss_error,
            by_device=by_device,
            undecided=int(np.count_nonzero(chosen == metrics.UNDECIDED)),
            change_points=change,
            agreement=agreement,
        )
