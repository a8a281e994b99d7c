"""Trains words on streams, listens to what it gets wrong, and keeps the best weights."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf import files, keras_file, models, run_dir
from edge_tf.data.dataset import Split
from edge_tf.data.streams import clip_sounds, sound_bank, stream_batches, wake_sounds
from edge_tf.data.streams.mixing import Mix, Mixer
from edge_tf.data.streams.sound_bank import SoundBank
from edge_tf.data.streams.targets import Classes, Windows
from edge_tf.data.streams.wake_sounds import WakeSounds
from edge_tf.errors import UserError
from edge_tf.models import loading, run_model, time_axis
from edge_tf.run_records import TrainRecord
from edge_tf.settings import StreamTraining
from edge_tf.training import mining, start_weights
from edge_tf.training.fitted import Fitted
from edge_tf.training.loop import Trainer
from edge_tf.training.request import Request
from edge_tf.training.step import SgdStep, seed_everything
from edge_tf.training.stream_judge import StreamJudge
from edge_tf.training.stream_objective import StreamObjective
from edge_tf.training.weight_average import WeightAverage

_log = logging.getLogger(__name__)

_EVERY = 4  # frames from one trained window to the next
_TRAINED_FRAMES = 200  # of a stream, besides what precedes the first window
_JUDGED_STREAMS = 300
_JUDGED_HOURS = 2.0  # of other sound, at most
_BEST = "best.keras"
# Takes are few, recordings are many and of people, whose pace differs as it is.
_TAKES, _CLIPS = Mix(), Mix(word=0.75, again=0.6)
_SLOW_TAKES, _SLOW_CLIPS = 0.5, 0.2


def windows_of(record: TrainRecord) -> Windows:
    """The windows that a training's streams have."""
    field = models.spec(record.model.name).field
    window = record.frontend.num_frames
    return Windows(
        frames=field + window + _TRAINED_FRAMES,
        window=window,
        every=_EVERY,
        unsettled=field,
        hop=record.frontend.hop,
        rate=record.frontend.sample_rate,
    )


def classes_of(record: TrainRecord) -> Classes:
    """The classes that a training's windows have."""
    of_takes = record.streams is not None and record.streams.takes is not None
    return Classes.of(record.labels, () if of_takes else record.data.background)


def fit(run: run_dir.RunDirectory, request: Request) -> Fitted:
    """Trains on streams, or resumes.

    Raises:
      UserError: sound cannot be read, the network has no form for streams, or the checkpoints are
        of another training.
    """
    record = request.record
    assert record.streams is not None
    build = models.spec(record.model.name).build_windows
    if build is None:
        can = [name for name, spec in models.MODELS.items() if spec.build_windows]
        raise UserError(f"{record.model.name} cannot train on streams", f"use --model={can[0]}")
    settings, streams, windows = record.recipe, record.streams, windows_of(record)
    classes = classes_of(record)
    labels = tuple(record.labels[at] for at in classes.words)
    assert labels == streams.words, "the labels of words are in their order"
    of_takes = streams.takes is not None
    training = _sounds(request, "training")
    seed_everything(settings.seed)
    model = build(
        num_classes=len(record.labels),
        window_frames=windows.window,
        every=_EVERY,
        **run_model.arguments(record.model),
    )
    if streams.start_from:
        start_weights.copy(Path(streams.start_from), model)
    average = WeightAverage(model)
    step = SgdStep(
        model,
        settings,
        StreamObjective(model, settings.epochs * streams.steps, classes.background),
        after_update=average.update,
        state={"average": average},
    )
    trainer = Trainer(step, run.path, request.settings())
    judge = _judge(request, windows)
    checkpoints = run.path / "checkpoints"
    frontend = dataclasses.replace(record.frontend, clip_samples=windows.samples)
    rounds = _Rounds(training, streams, settings.epochs, checkpoints)

    def batches(epoch: int) -> tf.data.Dataset:
        mined = rounds.mined(epoch, model, average, judge, windows, record)
        mix = _TAKES if of_takes else _CLIPS
        mixer = Mixer(training.sounds(mined), mix, windows.samples, settings.seed)
        return stream_batches.training_batches(
            mixer,
            windows,
            frontend,
            classes,
            settings.batch_size,
            streams.steps,
            settings.seed,
            epoch,
            slow_share=_SLOW_TAKES if of_takes else _SLOW_CLIPS,
        )

    def validate() -> float:
        with average.applied():
            found = 1.0 - judge(model).false_rejects
            if found >= max((epoch.val_accuracy for epoch in trainer.history), default=-1.0):
                with files.atomic_path(checkpoints / _BEST) as temporary:
                    keras_file.save(_whole_window(model, record), temporary)
        return found

    history = trainer.fit(batches, streams.steps * settings.batch_size, validate)
    best = max(history, key=lambda epoch: (epoch.val_accuracy, epoch.epoch))
    _log.info(
        "kept the weights after epoch %d: %.1f %% of the validation words are missed",
        best.epoch,
        100 * (1 - best.val_accuracy),
    )
    return Fitted(loading.load(checkpoints / _BEST), history, best.epoch, rounds.counts())


class _Rounds:
    """Which epochs begin with listening, and what was found; kept beside the checkpoints."""

    def __init__(
        self, sounds: WakeSounds, streams: StreamTraining, epochs: int, folder: Path
    ) -> None:
        self._sounds, self._folder = sounds, folder
        # A short training has fewer rounds: each has an epoch before it.
        begins = {round(n * epochs / streams.rounds) for n in range(1, streams.rounds)}
        self._first = sorted(begins & set(range(1, epochs)))

    def mined(
        self,
        epoch: int,
        model: keras.Model,
        average: WeightAverage,
        judge: StreamJudge,
        windows: Windows,
        record: TrainRecord,
    ) -> SoundBank | None:
        """Everything found before and, at the beginning of a round, now."""
        if epoch in self._first and not self._path(epoch).exists():
            with average.applied():
                # What sounds like the word is trained on anyway, and no hour is full of it:
                # a network that learns little else misses words.
                found = mining.mine(
                    model,
                    self._sounds.heard(),
                    judge(model).threshold,
                    windows,
                    record.frontend,
                    classes_of(record),
                )
            _log.info("%d sounds were taken for a word and are trained on from now", len(found))
            with files.atomic_path(self._path(epoch)) as temporary, temporary.open("wb") as out:
                np.savez(out, samples=found.samples, starts=found.starts)
        banks = [self._read(first) for first in self._first if first <= epoch]
        sounds = [bank.samples[a:b] for bank in banks for a, b in _pairs(bank)]
        return sound_bank.of(sounds) if sounds else None

    def counts(self) -> tuple[int, ...]:
        return tuple(len(self._read(first)) for first in self._first)

    def _path(self, epoch: int) -> Path:
        return self._folder / f"mined_{epoch}.npz"

    def _read(self, epoch: int) -> SoundBank:
        with np.load(self._path(epoch), allow_pickle=False) as document:
            return SoundBank(document["samples"], document["starts"])


def _pairs(bank: SoundBank) -> list[tuple[int, int]]:
    return list(zip(bank.starts[:-1].tolist(), bank.starts[1:].tolist(), strict=True))


def _sounds(request: Request, split: Split) -> WakeSounds:
    record = request.record
    assert record.streams is not None
    folders = wake_sounds.folders_of(record.streams)
    if folders.takes is not None:
        return wake_sounds.load(folders, split)
    clips = request.splits[split]
    return clip_sounds.load(request.dataset, clips, classes_of(record), folders, split)


def _judge(request: Request, windows: Windows) -> StreamJudge:
    record = request.record
    sounds = _sounds(request, "validation")
    mixer = Mixer(
        sounds.sounds(), Mix(word=1.0, again=0.0, clipped=0.0), windows.samples, seed=0x7E57
    )
    kinds = sounds.heard().values()
    most = int(_JUDGED_HOURS * 3600 * windows.rate / max(1, len(kinds)))
    other = np.concatenate([*(bank.samples[:most] for bank in kinds), sounds.noise.samples[:most]])
    seed = record.recipe.seed
    classes = classes_of(record)
    return StreamJudge(mixer, windows, other, record.frontend, classes, _JUDGED_STREAMS, seed)


def _whole_window(model: keras.Model, record: TrainRecord) -> keras.Model:
    """The network for whole windows, with the weights of the one for streams."""
    window = models.build_model(
        record.model.name,
        num_classes=len(record.labels),
        input_shape=record.frontend.feature_shape,
        **run_model.arguments(record.model),
    )
    time_axis.copy_weights(model, window)
    return window
