"""tf.data: from decoded clips to batches of features, augmented or not."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.frontend import log_mel, normalized
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import sampling
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.settings import Sampling

_ONCE = Sampling()


def training_batches(
    clips: Waveforms,
    frontend: FrontendConfig,
    augmenter: Augmenter,
    classes: int,
    batch_size: int,
    seed: int,
    epoch: int,
    how: Sampling = _ONCE,
) -> tf.data.Dataset:
    """One epoch in random order; the last batch may be smaller.

    A batch depends only on (seed, epoch, its number), so a resumed run gets the same ones. `how`
    says which clips are in an epoch more than once.

    Yields:
      features (batch, mel_bands, frames, 1) float32 and labels (batch, classes) float32, class
      probabilities: one-hot, or two classes where clips are mixed.
    """
    order = sampling.epoch(clips.labels, how, np.random.default_rng([seed, epoch]))
    one_hot = np.eye(classes, dtype=np.float32)

    def choose(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.sort(order[step * batch_size : (step + 1) * batch_size])  # read sequentially
        return rows, one_hot[clips.labels[rows]]

    steps = -(-len(order) // batch_size)
    return chosen_batches(clips, frontend, augmenter, classes, choose, steps, seed, epoch)


def chosen_batches(
    clips: Waveforms,
    frontend: FrontendConfig,
    augmenter: Augmenter,
    classes: int,
    choose: Callable[[int], tuple[np.ndarray, np.ndarray]],
    steps: int,
    seed: int,
    epoch: int,
) -> tf.data.Dataset:
    """Augmented batches of any clips, with any labels.

    Args:
      clips: a split.
      frontend, augmenter: of the training.
      classes: columns of the labels.
      choose: maps the number of a step to its rows of clips, (batch,) int, and its labels, (batch,
        classes) float32.
      steps: number of batches.
      seed, epoch: with the number of a step, all that its augmentation depends on.

    Yields:
      Features and labels as training_batches does.
    """
    bands, frames, _ = frontend.feature_shape
    config = augmenter.config
    # Normalization removes device differences, so augmentation that imitates them comes first.
    plain = dataclasses.replace(frontend, normalization="none", norm_lambda=None)

    def gather(step: np.ndarray) -> tuple[np.ndarray, ...]:
        rows, labels = choose(int(step))
        rng = np.random.default_rng([seed, epoch, int(step)])
        waves = augmenter.waveforms(clips.samples[rows], clips.is_silence[rows], rng)
        by_band, by_frame = augmenter.masks(len(rows), bands, frames, rng)
        curves = augmenter.equalizers(len(rows), bands, rng)
        targets = augmenter.translations([clips.devices[row] for row in rows], rng)
        partners, weights = augmenter.mixing(len(rows), rng)
        return waves, labels, by_band, by_frame, curves, targets, partners, weights

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        types = [tf.float32] * 5 + [tf.int32, tf.int32, tf.float32]
        gathered = tf.numpy_function(gather, [step], types, stateful=False)
        sizes = ((frontend.clip_samples,), (classes,), (bands,), (frames,), (bands,), (), (), ())
        waves, labels, by_band, by_frame, curves, targets, partners, weights = (
            tf.ensure_shape(value, [None, *size])
            for value, size in zip(gathered, sizes, strict=True)
        )
        features = log_mel(waves, plain)
        if augmenter.translator is not None:
            features = augmenter.translator(features, targets)
        if config.equalizer_probability > 0.0:
            features += curves[:, :, tf.newaxis, tf.newaxis]
        features = normalized(features, frontend)
        if config.mixup_alpha > 0.0:
            features, labels = (_mixed(x, partners, weights) for x in (features, labels))
        features *= by_band[:, :, tf.newaxis, tf.newaxis]
        features *= by_frame[:, tf.newaxis, :, tf.newaxis]
        return features, labels

    return _prefetched(tf.data.Dataset.range(steps).map(load, num_parallel_calls=2))


def evaluation_batches(
    samples: np.ndarray, frontend: FrontendConfig, batch_size: int = 200
) -> tf.data.Dataset:
    """Features of clips in their order, without augmentation.

    Args:
      samples: (clips, clip_samples) int16.

    Yields:
      (batch, mel_bands, frames, 1) float32.
    """

    def gather(step: np.ndarray) -> np.ndarray:
        rows = samples[step * batch_size : (step + 1) * batch_size]
        return rows.astype(np.float32) / np.float32(32768.0)

    def load(step: tf.Tensor) -> tf.Tensor:
        waves = tf.numpy_function(gather, [step], tf.float32, stateful=False)
        return log_mel(tf.ensure_shape(waves, [None, frontend.clip_samples]), frontend)

    steps = -(-len(samples) // batch_size)
    return _prefetched(tf.data.Dataset.range(steps).map(load, num_parallel_calls=2))


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return dataset.prefetch(2)


def _mixed(values: tf.Tensor, partners: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    weights = tf.reshape(weights, [-1] + [1] * (values.shape.rank - 1))
    return weights * values + (1.0 - weights) * tf.gather(values, partners)
