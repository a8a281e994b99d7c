"""The training loop: SGD, one checkpoint per epoch, progress on terminal and TensorBoard."""

import dataclasses
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from edge_tf import files, other_settings, progress, records
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from edge_tf.run_records import EpochRecord
from edge_tf.training import schedule
from edge_tf.training.step import SgdStep

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class TrainerState:
    """checkpoints/state.json: what the checkpoints belong to, and the finished epochs."""

    fingerprint: JsonObject
    history: list[EpochRecord]


class Trainer:
    """Trains, resuming from the newest checkpoint in `folder` if there is one.

    Args:
      step: model, optimizer and settings.
      folder: gets checkpoints/ and tensorboard/.
      fingerprint: JSON-ready; what the checkpoints belong to (settings, data).
      title: of the progress bar.
      before, after: epochs of other trainings that share one learning-rate schedule with this one.
    """

    def __init__(
        self,
        step: SgdStep,
        folder: Path,
        fingerprint: JsonObject,
        title: str = "training",
        before: int = 0,
        after: int = 0,
    ) -> None:
        self.step = step
        self.folder = folder
        self.title = title
        self._before, self._after = before, after
        self.fingerprint = json.loads(json.dumps(fingerprint))
        self.history: list[EpochRecord] = []
        if (folder / "checkpoints" / "checkpoint").exists():
            files.check_regular(folder / "checkpoints" / "checkpoint")
        # Two are kept: state.json is written after a checkpoint and may not list the newest.
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**step.trackables()),
            str(folder / "checkpoints"),
            max_to_keep=2,
        )
        self._state = folder / "checkpoints" / "state.json"

    def resume(self) -> int:
        """Restores the newest checkpoint. Returns the number of finished epochs.

        Raises:
          UserError: the checkpoint was made with other settings or data, or all are damaged.
        """
        if not self._state.exists():
            return 0
        state = records.load(self._state, TrainerState)
        other_settings.refuse(
            f"{self.folder} contains an unfinished training",
            state.fingerprint,
            self.fingerprint,
            f"delete {self._state.parent} to train from the start",
        )
        if [record.epoch for record in state.history] != [*range(1, len(state.history) + 1)]:
            raise UserError(
                f"{self._state} does not list the epochs in order",
                f"delete {self._state.parent} to train from the start",
            )
        epochs = {record.checkpoint: record.epoch for record in state.history}
        damaged = []
        for path in reversed(self._checkpoints()):
            if path.name not in epochs:
                continue
            if reason := self._restore(path):
                damaged.append(path.name)
                _LOG.warning("%s cannot be restored (%s)", path, reason)
                continue
            if damaged:
                _LOG.warning("continuing from %s, the checkpoint before", path.name)
            self.history = state.history[: epochs[path.name]]
            return len(self.history)
        if damaged:
            raise UserError(
                f"{self._state.parent}: no checkpoint can be restored ({', '.join(damaged)})",
                f"delete {self._state.parent} to train from the start",
            )
        return 0

    def _checkpoints(self) -> list[Path]:
        """Those that the manager knows and those that lie there, the oldest first."""
        known = [Path(path) for path in self._manager.checkpoints]
        there = [path.with_suffix("") for path in self._state.parent.glob("ckpt-*.index")]
        mine = {path for path in (*known, *there) if path.parent == self._state.parent}
        return sorted(mine, key=lambda path: int(re.sub(r"\D", "", path.name) or 0))

    def _restore(self, path: Path) -> str:
        """Restores a checkpoint. Returns "", or why that cannot be done."""
        try:
            for part in (f"{path}.index", f"{path}.data-00000-of-00001"):
                files.check_regular(Path(part))
            self._manager.checkpoint.restore(str(path)).expect_partial()
        except UserError as error:
            return str(error)
        except (tf.errors.OpError, ValueError, OSError, RuntimeError, TypeError) as error:
            return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return ""

    def fit(
        self,
        batches: Callable[[int], tf.data.Dataset],
        clips: int,
        validate: Callable[[], float],
    ) -> list[EpochRecord]:
        """Trains the remaining epochs.

        Args:
          batches: maps an epoch number, from 0, to its batches of features and labels.
          clips: training clips per epoch.
          validate: judges the network after each epoch, 0 to 1; see SgdStep.accuracy.

        Returns:
          One record per epoch.

        Raises:
          UserError: checkpoints of another training, or the loss is not finite.
        """
        settings = self.step.settings
        steps = -(-clips // settings.batch_size)
        done = self.resume()
        writer = tf.summary.create_file_writer(str(self.folder / "tensorboard"))
        with (
            progress.bar(
                total=steps * settings.epochs, initial=done * steps, desc=self.title, unit="step"
            ) as bar,
            writer.as_default(),
        ):
            if done:
                tqdm.write(f"resuming after epoch {done} of {settings.epochs}")
            for epoch in range(done, settings.epochs):
                record = self._epoch(epoch, batches(epoch), clips, steps, bar, validate)
                for name in ("loss", "accuracy", "val_accuracy", "learning_rate"):
                    tf.summary.scalar(name, getattr(record, name), step=record.epoch)
                writer.flush()
                self._save(record)
                bar.set_postfix_str(self._status(record.loss, record.samples_per_second))
        return self.history

    def _epoch(
        self,
        epoch: int,
        batches: tf.data.Dataset,
        clips: int,
        steps: int,
        bar: tqdm,
        validate: Callable[[], float],
    ) -> EpochRecord:
        settings = self.step.settings
        scheduled = self._before + settings.epochs + self._after
        warmup = round(steps * schedule.warmup_epochs(scheduled))
        self.step.begin_epoch(epoch)
        began = time.perf_counter()
        losses: list[tf.Tensor] = []
        hits: list[tf.Tensor] = []
        rate = 0.0
        for features, labels in batches:
            number = (self._before + epoch) * steps + len(losses) + 1
            rate = schedule.learning_rate(number, steps * scheduled, warmup, settings.peak_rate)
            loss, correct = self.step(features, labels, rate)
            losses.append(loss)
            hits.append(correct)
            bar.update()
            if len(losses) % 10 == 0:
                speed = len(losses) * settings.batch_size / (time.perf_counter() - began)
                bar.set_postfix_str(self._status(float(loss), speed), refresh=False)
        seconds = time.perf_counter() - began
        mean_loss = float(np.mean([float(loss) for loss in losses]))
        if not np.isfinite(mean_loss):
            raise UserError(f"the loss is not finite in epoch {epoch + 1}", "lower --peak_rate")
        return EpochRecord(
            epoch=epoch + 1,
            loss=mean_loss,
            accuracy=round(sum(float(hit) for hit in hits) / clips, 9),
            learning_rate=rate,
            samples_per_second=clips / seconds,
            seconds=seconds,
            val_accuracy=validate(),
        )

    def _status(self, loss: float, speed: float) -> str:
        validation = f", val {self.history[-1].val_accuracy:.2%}" if self.history else ""
        return f"loss {loss:.3f}{validation}, {speed:.0f} samples/s"

    def _save(self, record: EpochRecord) -> None:
        path = self._manager.save(checkpoint_number=record.epoch)
        self.history.append(dataclasses.replace(record, checkpoint=Path(path).name))
        state = TrainerState(self.fingerprint, self.history)
        files.write_json(self._state, records.to_json(state))
