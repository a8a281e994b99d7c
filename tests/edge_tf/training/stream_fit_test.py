"""Training on streams: resumed as if nothing had happened; the best epoch's weights are kept."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge_tf import models
from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import clip_sounds, mixing, sound_bank, stream_batches, wake_sounds
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, loading
from edge_tf.models.spec import ModelSpec
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig, StreamTraining, TrainingSettings
from edge_tf.training import mining, stream_fit
from edge_tf.training.fitted import Fitted
from edge_tf.training.request import Request
from edge_tf.training.stream_judge import Judgement
from tests.edge_tf import recorded
from tests.edge_tf.data.streams import clip_sounds_test, wake_folders
from tests.edge_tf.training.loop_test import untimed

EPOCHS, STEPS = 4, 2
FIELD = 2


def network(num_classes: int, frames: int | None, window: int, every: int = 0) -> keras.Model:
    """As small as a network for streams can be, with all that has a state: norm and dropout."""
    layers = keras.layers
    features = keras.Input((40, frames, 1))
    x = layers.ZeroPadding2D((0, (FIELD, 0)))(features)
    x = layers.Conv2D(4, (40, FIELD + 1), name="stem")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.SpatialDropout2D(0.1)(layers.ReLU()(x))
    if every:
        x = layers.AveragePooling2D((1, window), (1, every))(x)
        x = layers.Reshape((-1, 4))(x)
    else:
        x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(features, layers.Dense(num_classes, name="classifier")(x))


def build(num_classes: int, input_shape: tuple[int, int, int]) -> keras.Model:
    return network(num_classes, input_shape[1], input_shape[1])


def build_windows(num_classes: int, window_frames: int, every: int) -> keras.Model:
    return network(num_classes, None, window_frames, every)


TINY = ModelSpec("tiny", build, build_windows=build_windows, field=FIELD)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixing, "_ROOMS", 2)
        patch.setattr(mixing, "_DEVICES", 2)
        patch.setattr(wake_sounds, "_SYNTHETIC_NOISE_S", 4)
        patch.setattr(stream_fit, "_TRAINED_FRAMES", 40)
        patch.setattr(mining, "_MOST", 5)
        patch.setitem(models.MODELS, "tiny", TINY)
        yield


@pytest.fixture(scope="module")
def takes(tmp_path_factory) -> Path:
    return wake_folders.takes(tmp_path_factory.mktemp("takes"))


def request(takes: Path, epochs: int = EPOCHS, rounds: int = 2, **changes) -> Request:
    streams = StreamTraining(
        words=("lamp",),
        takes=str(takes),
        recordings=None,
        negatives=(),
        hard_negatives=(),
        steps=STEPS,
        rounds=rounds,
        hours={},
        spoken={},
        digest="",
    )
    given = {
        "labels": ("_unknown_", "lamp"),
        "model": ModelConfig("tiny", lookahead=0),
        "recipe": TrainingSettings(epochs, 2, 0.05, seed=1),
        "streams": streams,
    }
    return Request(recorded.trained(**{**given, **changes}), None, {})


class Listening:
    """Stands for the judge: false rejects as told, or as the weights fall; keeps what it judged."""

    def __init__(self, *told: float) -> None:
        self._told = told
        self.weights: list[list[np.ndarray]] = []

    def __call__(self, model: keras.Model) -> Judgement:
        self.weights.append(model.get_weights())
        drawn = float(np.abs(model.get_layer("classifier").get_weights()[0]).sum() * 1e3 % 1.0)
        rejects = self._told[len(self.weights) - 1] if self._told else drawn
        return Judgement(rejects, 0.0)


@pytest.fixture
def fit(monkeypatch, takes) -> Callable[..., Fitted]:
    """Fits in a folder; `stop`: interrupted at the beginning of that epoch, from 0."""

    def run(folder: Path, asked: Request | None = None, judge=None, stop: int = -1) -> Fitted:
        monkeypatch.setattr(stream_fit, "_judge", lambda *_: judge or Listening())
        whole = stream_batches.training_batches

        def batches(*arguments, **named):
            if arguments[-1] == stop:
                raise KeyboardInterrupt
            return whole(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(stream_batches, "training_batches", batches)
            return stream_fit.fit(RunDirectory(folder).create(), asked or request(takes))

    return run


def assert_same(first: Fitted, second: Fitted) -> None:
    assert untimed(first.history) == untimed(second.history)
    assert (first.chosen_epoch, first.mined) == (second.chosen_epoch, second.mined)
    for mine, theirs in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_interrupted_training_ends_as_if_it_had_not_been(fit, tmp_path):
    """Interrupted before, at and behind the round that begins with listening (epoch 2)."""
    whole = fit(tmp_path / "whole")
    assert [epoch.epoch for epoch in whole.history] == [1, 2, 3, 4]
    for stop in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / str(stop), stop=stop)
        assert_same(fit(tmp_path / str(stop)), whole)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Request:
    """A training on streams of recorded words."""
    folder = clip_sounds_test.make(tmp_path_factory.mktemp("words"))
    dataset = clip_sounds_test.dataset_of(folder)
    cache = tmp_path_factory.mktemp("cache")
    splits = {split: clip_sounds_test.clips_of(dataset, cache, split) for split in SPLITS}
    asked = request(folder, labels=dataset.labels)
    assert asked.record.streams is not None
    streams = dataclasses.replace(asked.record.streams, words=("go", "left"), takes=None)
    return Request(dataclasses.replace(asked.record, streams=streams), dataset, splits)


def test_recorded_words_are_trained_on_streams_too_and_resumed(fit, clips, tmp_path):
    whole = fit(tmp_path / "whole", clips)
    assert whole.model.output_shape == (None, 4) and len(whole.mined) == 1
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "stopped", clips, stop=3)
    assert_same(fit(tmp_path / "stopped", clips), whole)


def test_recorded_words_are_judged_by_clips_of_the_validation(clips, monkeypatch):
    monkeypatch.setattr(stream_fit, "_JUDGED_STREAMS", 8)
    monkeypatch.setattr(stream_fit, "_TRAINED_FRAMES", 200)
    read = []
    load = clip_sounds.load

    def noted(*arguments):
        read.append(arguments[-1])
        return load(*arguments)

    monkeypatch.setattr(clip_sounds, "load", noted)
    windows = stream_fit.windows_of(clips.record)
    found = stream_fit._judge(clips, windows)(build_windows(4, windows.window, windows.every))
    assert read == ["validation"] and 0.0 <= found.false_rejects <= 1.0


def test_a_finished_training_is_not_trained_again(fit, tmp_path):
    first = fit(tmp_path)
    assert_same(fit(tmp_path, stop=0), first)


@pytest.mark.parametrize(
    ("told", "best"), [((0.5, 0.2, 0.9), 2), ((0.1, 0.2, 0.3), 1), ((0.4, 0.4, 0.4), 3)]
)
def test_the_best_epoch_s_average_is_what_is_written(fit, takes, tmp_path, told, best):
    judge = Listening(*told)
    fitted = fit(tmp_path, request(takes, epochs=3, rounds=1), judge)
    assert fitted.chosen_epoch == best and fitted.mined == ()
    assert [epoch.val_accuracy for epoch in fitted.history] == pytest.approx([1 - x for x in told])
    written = loading.load(tmp_path / "checkpoints" / "best.keras")
    for kept in (fitted.model, written):
        assert kept.input_shape == (None, 40, 101, 1)
        for mine, judged in zip(kept.get_weights(), judge.weights[best - 1], strict=True):
            np.testing.assert_array_equal(mine, judged)


@pytest.mark.parametrize(
    ("epochs", "rounds", "first"),
    [
        (20, 3, [7, 13]),
        (8, 2, [4]),
        (2, 3, [1]),
        (1, 3, []),
        (1, 2, []),
        (5, 1, []),
        (3, 9, [1, 2]),
    ],
)
def test_each_round_has_an_epoch_before_it_and_none_is_begun_twice(epochs, rounds, first, tmp_path):
    streams = request(tmp_path).record.streams
    assert streams is not None
    streams = dataclasses.replace(streams, rounds=rounds)
    assert stream_fit._Rounds(None, streams, epochs, tmp_path)._first == first


@pytest.mark.parametrize(("epochs", "rounds"), [(1, 3), (2, 4)])
def test_a_training_shorter_than_its_rounds_ends(fit, takes, tmp_path, epochs, rounds):
    fitted = fit(tmp_path, request(takes, epochs=epochs, rounds=rounds))
    assert len(fitted.history) == epochs and len(fitted.mined) == epochs - 1


def test_what_was_taken_for_a_word_is_trained_on_from_then(fit, takes, tmp_path, monkeypatch):
    """With a threshold of 0 everything counts; it is kept beside the checkpoints."""
    mixed = []
    sounds = wake_sounds.WakeSounds.sounds

    def noted(own, mined=None):
        mixed.append(mined)
        return sounds(own, mined)

    monkeypatch.setattr(wake_sounds.WakeSounds, "sounds", noted)
    fitted = fit(tmp_path)
    assert [mined is not None for mined in mixed] == [False, False, True, True]
    assert fitted.mined == (len(mixed[2]),) and 1 <= len(mixed[2]) <= 5
    kept = np.load(tmp_path / "checkpoints" / "mined_2.npz")
    found = sound_bank.SoundBank(kept["samples"], kept["starts"])
    np.testing.assert_array_equal(found.samples, mixed[2].samples)


def test_the_windows_are_those_that_are_settled(takes):
    record = request(takes, model=ModelConfig(tau=0.25, lookahead=0)).record
    windows = stream_fit.windows_of(record)
    assert windows.window == record.frontend.num_frames == 101
    assert windows.unsettled == bc_resnet.FIELD
    model = bc_resnet.build_windows(0.25, 2, windows.window, windows.every)
    logits = model(np.zeros((1, 40, windows.frames, 1), np.float32))
    assert logits.shape == (1, len(windows.ends), 2)


def test_a_network_without_a_form_for_streams_is_one_line_and_the_remedy_has_one(
    fit, takes, tmp_path
):
    asked = request(takes, model=ModelConfig("ds_cnn"))
    with pytest.raises(UserError, match="ds_cnn cannot train on streams; use --model=bc_resnet"):
        fit(tmp_path, asked)


def test_words_in_another_order_than_the_labels_are_not_trained_on(fit, takes, tmp_path):
    with pytest.raises(AssertionError, match="in their order"):
        fit(tmp_path, request(takes, labels=("_unknown_", "door")))


def test_the_real_judge_reads_the_validation_sound(takes, monkeypatch):
    monkeypatch.setattr(stream_fit, "_JUDGED_STREAMS", 8)
    monkeypatch.setattr(stream_fit, "_TRAINED_FRAMES", 200)
    asked = request(takes)
    windows = stream_fit.windows_of(asked.record)
    judge = stream_fit._judge(asked, windows)
    model = build_windows(2, windows.window, windows.every)
    found = judge(model)
    assert 0.0 <= found.false_rejects <= 1.0 and 0.0 <= found.threshold <= 1.0
