"""tf.data: mixed streams to batches of features and targets."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams.mixing import Mixer, Spoken, Stream
from edge_tf.data.streams.targets import Classes, Windows

# Vocal tracts differ in length: mel bands are read up to so much higher or lower.
_WARP = 0.1
# People speak slower than synthesizers, the more so to a machine: in some streams time passes
# so much slower.
_TEMPOS = (0.65, 1.0)
# Masks as in SpecAugment (arXiv:1904.08779), in half of the streams: bands and frames at most.
_MASK_SHARE, _MASKED_BANDS, _MASKED_FRAMES = 0.5, 4, 12
# Streams that follow each other in an example. The beginning of an example is not trained on, so
# that of the second stream costs nothing, and what is before a word may come from elsewhere.
_JOINED = 2


def training_batches(
    mixer: Mixer,
    windows: Windows,
    frontend: FrontendConfig,
    classes: Classes,
    batch_size: int,
    steps: int,
    seed: int,
    epoch: int,
    slow_share: float,
) -> tf.data.Dataset:
    """One epoch of streams; a batch depends only on (seed, epoch, its number).

    Args:
      mixer: makes the streams.
      windows: which windows are trained on, and how long the streams are.
      frontend: of the network; clip_samples are those of a stream.
      classes: of the network.
      batch_size, steps: streams of a batch, batches.
      seed, epoch: determine the streams.
      slow_share: streams in which time passes slower.

    Yields:
      features (examples, mel_bands, frames, 1) float32 and targets (examples, windows, classes)
      float32; an example is _JOINED streams, or one if batch_size is no multiple of that.
    """
    bands = frontend.mel_bands
    joined = 1 if batch_size % _JOINED else _JOINED
    examples = batch_size // joined
    windows = dataclasses.replace(windows, frames=joined * (windows.frames - 1) + 1)
    frontend = dataclasses.replace(frontend, clip_samples=windows.samples)
    count = len(windows.ends)

    def mixed(step: np.ndarray) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng([seed, epoch, int(step)])
        waves, targets = [], []
        tempos = np.ones(examples, np.float32)
        for place in range(examples):
            stream = _join([mixer.stream(rng) for _ in range(joined)])
            waves.append(stream.wave)
            if rng.random() < slow_share:
                tempos[place] = rng.uniform(*_TEMPOS)
            words, others = (
                _slowed_words(spoken, float(tempos[place]))
                for spoken in (stream.words, stream.others)
            )
            targets.append(windows.targets(words, classes, others))
        warps = np.stack([_warp(bands, rng.uniform(-_WARP, _WARP)) for _ in range(examples)])
        masks = np.stack([_mask(bands, windows.frames, rng) for _ in range(examples)])
        return np.stack(waves), np.stack(targets), tempos, warps, masks

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        waves, targets, tempos, warps, masks = tf.numpy_function(
            mixed, [step], [tf.float32] * 5, stateful=False
        )
        waves = tf.ensure_shape(waves, [examples, windows.samples])
        features = _slowed(log_mel(waves, frontend), tf.ensure_shape(tempos, [examples]))
        features = tf.einsum(
            "bij,bjtc->bitc", tf.ensure_shape(warps, [None, bands, bands]), features
        )
        features *= tf.ensure_shape(masks, [None, bands, windows.frames])[..., tf.newaxis]
        return features, tf.ensure_shape(targets, [None, count, classes.count])

    return tf.data.Dataset.range(steps).map(load, num_parallel_calls=2).prefetch(4)


def _join(streams: Sequence[Stream]) -> Stream:
    """Streams behind each other."""
    words: list[Spoken] = []
    others: list[Spoken] = []
    length = 0
    for stream in streams:
        for found, spoken in ((words, stream.words), (others, stream.others)):
            found += [_moved(one, length) for one in spoken]
        length += len(stream.wave)
    return Stream(np.concatenate([stream.wave for stream in streams]), words, others)


def _moved(word: Spoken, by: int) -> Spoken:
    return dataclasses.replace(word, start=word.start + by, end=word.end + by)


def _slowed(features: tf.Tensor, tempos: tf.Tensor) -> tf.Tensor:
    """Frame t of (batch, bands, frames, 1) is what was heard at frame t * tempo, a tempo each."""
    frames = features.shape[2]
    source = tf.range(frames, dtype=tf.float32) * tempos[:, tf.newaxis]
    low = tf.cast(source, tf.int32)
    high = tf.minimum(low + 1, frames - 1)
    share = (source - tf.cast(low, tf.float32))[:, :, tf.newaxis, tf.newaxis]
    by_time = tf.transpose(features, [0, 2, 1, 3])
    before, after = (tf.gather(by_time, place, axis=1, batch_dims=1) for place in (low, high))
    return tf.transpose(before + share * (after - before), [0, 2, 1, 3])


def _slowed_words(words: Sequence[Spoken], tempo: float) -> list[Spoken]:
    """Where the words are then; some may end after the stream."""
    return [
        dataclasses.replace(word, start=round(word.start / tempo), end=round(word.end / tempo))
        for word in words
    ]


def _warp(bands: int, by: float) -> np.ndarray:
    """(bands, bands) float32: maps mel bands to those of a longer or shorter vocal tract."""
    source = np.clip(np.arange(bands) * (1.0 + by), 0, bands - 1)
    low = np.floor(source).astype(int)
    high = np.minimum(low + 1, bands - 1)
    share = (source - low).astype(np.float32)
    matrix = np.zeros((bands, bands), np.float32)
    matrix[np.arange(bands), low] += 1.0 - share
    matrix[np.arange(bands), high] += share
    return matrix


def _mask(bands: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(bands, frames) float32: 0 where masked, else 1."""
    mask = np.ones((bands, frames), np.float32)
    if rng.random() < _MASK_SHARE:
        width = int(rng.integers(_MASKED_BANDS + 1))
        start = int(rng.integers(bands - width + 1))
        mask[start : start + width] = 0.0
    if rng.random() < _MASK_SHARE:
        width = int(rng.integers(_MASKED_FRAMES + 1))
        start = int(rng.integers(frames - width + 1))
        mask[:, start : start + width] = 0.0
    return mask
