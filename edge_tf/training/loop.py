"""The training loop: SGD steps, a checkpoint an epoch, progress on the terminal and TensorBoard."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from edge_tf import files, progress
from edge_tf.errors import UserError
from edge_tf.training import schedule


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Hyper-parameters; the defaults are BC-ResNet's published ones but for the epochs.

    Attributes:
      epochs: passes over the training clips; the last epoch's weights are the result.
      batch_size: clips a step.
      peak_rate: highest learning rate, after the warm-up.
      momentum: of SGD.
      weight_decay: w enters its own gradient with this factor, for every trainable variable,
        norms and biases included (L2, not decoupled).
      seed: of initial weights, order, augmentation and dropout.
    """

    epochs: int = 20
    batch_size: int = 100
    peak_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2 or self.peak_rate <= 0:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate above 0")


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow, before the model is built.

    Dropout draws from checkpointed generators, so that a resumed run goes on where it was.
    """
    keras.backend.experimental.enable_tf_random_generator()
    keras.utils.set_random_seed(seed)


class Trainer:
    """Trains a model, resuming from the newest checkpoint in `folder` if there is one.

    Args:
      model: from features to logits.
      recipe: hyper-parameters.
      folder: gets checkpoints/ and tensorboard/.
      fingerprint: what the checkpoints belong to (flags, data); another one is refused.
    """

    def __init__(
        self, model: keras.Model, recipe: Recipe, folder: Path, fingerprint: dict[str, Any]
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.folder = folder
        self.fingerprint = json.loads(json.dumps(fingerprint))
        self.history: list[dict[str, float]] = []
        self.optimizer = keras.optimizers.SGD(0.0, momentum=recipe.momentum)
        self.optimizer.build(model.trainable_variables)
        checkpoint = tf.train.Checkpoint(model=model, optimizer=self.optimizer)
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(folder / "checkpoints"), max_to_keep=1
        )
        signature = [
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ]
        # Nothing here needs autograph, and tracing without it takes a third of the time.
        self._step = tf.function(self._train_step, input_signature=signature, autograph=False)
        self._logits = tf.function(
            lambda features: model(features, training=False),
            input_signature=signature[:1],
            autograph=False,
        )

    def _train_step(self, features: tf.Tensor, labels: tf.Tensor):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(features, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, variables)
        decay = self.recipe.weight_decay
        pairs = [(g + decay * w, w) for g, w in zip(gradients, variables, strict=True)]
        self.optimizer.apply_gradients(pairs)
        hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return loss, tf.reduce_sum(tf.cast(hits, tf.int32))

    def resume(self) -> int:
        """Restores the newest checkpoint. Returns the number of finished epochs.

        Raises:
          UserError: the checkpoint was made with other flags or data.
        """
        latest = self._manager.latest_checkpoint
        state_path = self.folder / "checkpoints" / "state.json"
        if latest is None or not state_path.exists():
            return 0
        state = files.read_json(state_path)
        if state["fingerprint"] != self.fingerprint:
            names = {**state["fingerprint"], **self.fingerprint}
            changed = [n for n in names if state["fingerprint"].get(n) != self.fingerprint.get(n)]
            raise UserError(
                f"{self.folder} holds a training with other settings ({', '.join(changed)})",
                "give the same flags to go on with it, or a new --run_dir",
            )
        saved = {epoch["checkpoint"]: n for n, epoch in enumerate(state["history"], 1)}
        done = saved.get(Path(latest).name, 0)
        if done:
            self._manager.checkpoint.restore(latest).expect_partial()
            self.history = state["history"][:done]
        return done

    def fit(
        self,
        batches: Callable[[int], tf.data.Dataset],
        clips: int,
        validation: tf.data.Dataset,
        validation_labels: np.ndarray,
    ) -> list[dict[str, float]]:
        """Trains the epochs that are left.

        Args:
          batches: from the number of an epoch to its batches.
          clips: training clips an epoch.
          validation: features in the order of validation_labels.
          validation_labels: (n,) int.

        Returns:
          One record an epoch: loss, accuracy, val_accuracy, learning_rate, samples_per_second,
          seconds.
        """
        steps = -(-clips // self.recipe.batch_size)
        total = steps * self.recipe.epochs
        warmup = round(steps * schedule.warmup_epochs(self.recipe.epochs))
        done = self.resume()
        writer = tf.summary.create_file_writer(str(self.folder / "tensorboard"))
        if done:
            tqdm.write(f"going on after epoch {done} of {self.recipe.epochs}")
        bar = progress.bar(
            total=total, initial=done * steps, desc="training", unit="step", smoothing=0.05
        )
        with bar, writer.as_default():
            for epoch in range(done, self.recipe.epochs):
                began = time.perf_counter()
                losses, hits, rate = [], [], 0.0
                for features, labels in batches(epoch):
                    step = epoch * steps + len(losses) + 1
                    rate = schedule.learning_rate(step, total, warmup, self.recipe.peak_rate)
                    self.optimizer.learning_rate.assign(rate)
                    loss, correct = self._step(features, labels)
                    losses.append(loss)
                    hits.append(correct)
                    bar.update()
                    if len(losses) % 10 == 0:
                        speed = len(losses) * self.recipe.batch_size
                        speed /= time.perf_counter() - began
                        bar.set_postfix_str(self._status(f"loss {loss.numpy():.3f}", speed))
                seconds = time.perf_counter() - began
                record = {
                    "epoch": epoch + 1,
                    "loss": float(np.mean([loss.numpy() for loss in losses])),
                    "accuracy": float(sum(int(h) for h in hits) / clips),
                    "val_accuracy": self.accuracy(validation, validation_labels),
                    "learning_rate": rate,
                    "samples_per_second": clips / seconds,
                    "seconds": seconds,
                }
                if not np.isfinite(record["loss"]):
                    raise UserError(
                        f"the loss is not finite in epoch {epoch + 1}", "lower --peak_rate"
                    )
                for name in ("loss", "accuracy", "val_accuracy", "learning_rate"):
                    tf.summary.scalar(name, record[name], step=epoch + 1)
                writer.flush()
                self._save(record)
                bar.set_postfix_str(
                    self._status(f"loss {record['loss']:.3f}", record["samples_per_second"])
                )
        return self.history

    def _status(self, loss: str, speed: float) -> str:
        validation = f", val {self.history[-1]['val_accuracy']:.2%}" if self.history else ""
        return f"{loss}{validation}, {speed:.0f} samples/s"

    def _save(self, record: dict[str, Any]) -> None:
        path = self._manager.save(checkpoint_number=record["epoch"])
        self.history.append({**record, "checkpoint": Path(path).name})
        files.write_json(
            self.folder / "checkpoints" / "state.json",
            {"fingerprint": self.fingerprint, "history": self.history},
        )

    def logits(self, batches: tf.data.Dataset) -> np.ndarray:
        """(n, classes) float32, in inference mode."""
        return np.concatenate([self._logits(features).numpy() for features in batches])

    def accuracy(self, batches: tf.data.Dataset, labels: np.ndarray) -> float:
        """Share of clips whose largest logit is their label's."""
        return float(np.mean(np.argmax(self.logits(batches), axis=1) == labels))
