"""Training: the update rule, reproducible runs, and resuming as if nothing had happened."""

import dataclasses
import functools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.errors import UserError
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.run_records import EpochRecord
from edge_tf.settings import TrainingSettings
from edge_tf.training.loop import Trainer
from edge_tf.training.step import SgdStep, seed_everything

layers = keras.layers
SHAPE = (10, 8, 1)
CLIPS = 30
SETTINGS = TrainingSettings(epochs=4, batch_size=8, peak_rate=0.05, seed=3)


def small_model() -> keras.Model:
    """Every kind of state a BC-ResNet has: convolution, both norms, channel dropout."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = layers.BatchNormalization(momentum=0.9)(SubSpectralNorm(5)(x))
    x = layers.SpatialDropout2D(0.3)(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(CLIPS, dtype=np.int32) % 3
    features = rng.normal(size=(CLIPS, *SHAPE)) + labels[:, None, None, None] - 1.0
    return features.astype(np.float32), labels


def batches(epoch: int) -> tf.data.Dataset:
    features, labels = data()
    order = np.random.default_rng(epoch).permutation(CLIPS)
    probabilities = np.eye(3, dtype=np.float32)[labels]
    return tf.data.Dataset.from_tensor_slices((features[order], probabilities[order])).batch(8)


def make_trainer(folder, settings=SETTINGS, fingerprint=None) -> Trainer:
    seed_everything(settings.seed)
    step = SgdStep(small_model(), settings)
    return Trainer(step, folder, {"recipe": "small"} if fingerprint is None else fingerprint)


def fit(trainer: Trainer, epochs=batches):
    features, labels = data()
    validation = tf.data.Dataset.from_tensor_slices(features).batch(16)
    judged = functools.partial(trainer.step.accuracy, validation, labels)
    return trainer.fit(epochs, CLIPS, judged)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that was not interrupted: its history and weights."""
    trainer = make_trainer(tmp_path_factory.mktemp("whole"))
    return fit(trainer), trainer.step.model.get_weights()


def interrupt_in(epoch_to_break: int):
    def broken(epoch: int):
        if epoch == epoch_to_break:
            raise KeyboardInterrupt
        return batches(epoch)

    return broken


def untimed(history: list[EpochRecord]) -> list[EpochRecord]:
    return [dataclasses.replace(one, seconds=0.0, samples_per_second=0.0) for one in history]


def assert_same_training(trainer: Trainer, history, whole) -> None:
    expected_history, expected_weights = whole
    assert untimed(history) == untimed(expected_history)
    for mine, theirs in zip(trainer.step.model.get_weights(), expected_weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_update_is_sgd_with_momentum_and_l2_on_every_variable():
    seed_everything(0)
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    step = SgdStep(model, TrainingSettings(momentum=0.9, weight_decay=0.01))
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 2, 2, 1)).astype(np.float32)
    y = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 1]]
    kernel, bias = (w.astype(np.float64) for w in model.get_weights())
    velocity = [np.zeros_like(kernel), np.zeros_like(bias)]
    flat = x.reshape(6, 4).astype(np.float64)
    for rate in (0.1, 0.05):
        step(tf.constant(x), tf.constant(y), rate)
        logits = flat @ kernel + bias
        softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        error = (softmax - y) / 6
        gradients = [flat.T @ error + 0.01 * kernel, error.sum(0) + 0.01 * bias]
        velocity = [0.9 * v - rate * g for v, g in zip(velocity, gradients, strict=True)]
        kernel, bias = kernel + velocity[0], bias + velocity[1]
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5, atol=1e-7)


def test_it_learns_and_records_every_epoch(whole):
    history, _ = whole
    assert [record.epoch for record in history] == [1, 2, 3, 4]
    assert history[-1].loss < history[0].loss
    assert history[-1].learning_rate == pytest.approx(0.0, abs=1e-9)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(whole, tmp_path):
    again = make_trainer(tmp_path / "again")
    assert_same_training(again, fit(again), whole)
    other = make_trainer(tmp_path / "other", TrainingSettings(epochs=1, batch_size=8, seed=4))
    fit(other)
    assert not np.array_equal(other.step.model.get_weights()[0], whole[1][0])


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_resumed_training_ends_as_if_it_had_not_been_interrupted(epoch, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(make_trainer(tmp_path), interrupt_in(epoch))
    trainer = make_trainer(tmp_path)
    assert_same_training(trainer, fit(trainer), whole)


def test_an_interruption_before_the_first_checkpoint_starts_anew(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(make_trainer(tmp_path), interrupt_in(0))
    trainer = make_trainer(tmp_path)
    assert trainer.resume() == 0
    assert_same_training(trainer, fit(trainer), whole)


def test_a_checkpoint_that_the_record_does_not_know_is_passed_over(whole, tmp_path):
    """Killed between writing a checkpoint and its record, it goes on from the one before."""
    with pytest.raises(KeyboardInterrupt):
        fit(make_trainer(tmp_path), interrupt_in(2))
    state_path = tmp_path / "checkpoints" / "state.json"
    state = json.loads(state_path.read_text())
    state["history"].pop()
    state_path.write_text(json.dumps(state))
    trainer = make_trainer(tmp_path)
    assert trainer.resume() == 1
    trainer = make_trainer(tmp_path)
    assert_same_training(trainer, fit(trainer), whole)


def test_a_finished_training_is_not_trained_again(whole, tmp_path):
    fit(make_trainer(tmp_path))
    trainer = make_trainer(tmp_path)
    assert_same_training(trainer, fit(trainer, interrupt_in(0)), whole)


def test_checkpoints_of_other_settings_are_refused(tmp_path):
    fit(make_trainer(tmp_path, TrainingSettings(epochs=1, batch_size=8)))
    with pytest.raises(UserError, match=r"other settings \(recipe: small recorded, large now\)"):
        fit(make_trainer(tmp_path, fingerprint={"recipe": "large"}))


def test_a_loss_that_is_not_finite_stops_with_a_word_on_the_rate(tmp_path):
    def poisoned(epoch: int):
        return batches(epoch).map(lambda x, y: (x * np.float32(np.nan), y))

    with pytest.raises(UserError, match="not finite in epoch 1; lower --peak_rate"):
        fit(make_trainer(tmp_path), poisoned)
    assert not (tmp_path / "checkpoints" / "state.json").exists()


def test_trainings_can_share_one_schedule_of_the_learning_rate(tmp_path):
    """Two halves of two epochs each see the rates of one training of four."""
    seed_everything(SETTINGS.seed)
    whole = [record.learning_rate for record in fit(make_trainer(tmp_path / "whole"))]
    half = dataclasses.replace(SETTINGS, epochs=2)
    rates = []
    for before in (0, 2):
        step = SgdStep(small_model(), half)
        trainer = Trainer(step, tmp_path / str(before), {}, before=before, after=2 - before)
        rates += [record.learning_rate for record in fit(trainer)]
    np.testing.assert_allclose(rates, whole)


def damage(checkpoint: Path) -> None:
    """Bits of its data flipped."""
    path = Path(f"{checkpoint}.data-00000-of-00001")
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 7):
        content[at] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(whole, tmp_path, caplog):
    with pytest.raises(KeyboardInterrupt):
        fit(make_trainer(tmp_path), interrupt_in(3))
    folder = tmp_path / "checkpoints"
    damage(folder / "ckpt-3")
    (folder / "checkpoint").write_text("not a list of checkpoints {")
    trainer = make_trainer(tmp_path)
    assert_same_training(trainer, fit(trainer), whole)
    assert "ckpt-3 cannot be restored" in caplog.text
    assert "continuing from ckpt-2, the checkpoint before" in caplog.text


def test_checkpoints_that_are_all_damaged_are_one_line_with_a_way_out(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(make_trainer(tmp_path), interrupt_in(2))
    folder = tmp_path / "checkpoints"
    damage(folder / "ckpt-1")
    (folder / "ckpt-2.index").unlink()
    os.mkfifo(folder / "ckpt-2.index")
    with pytest.raises(UserError, match=r"no checkpoint can be restored .*; delete .*checkpoints"):
        make_trainer(tmp_path).resume()
    shutil.rmtree(folder)  # the remedy
    assert make_trainer(tmp_path).resume() == 0
