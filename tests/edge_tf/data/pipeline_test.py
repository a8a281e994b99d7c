"""Batches: what they hold depends on (seed, epoch, step) alone; every clip once an epoch."""

import numpy as np
import pytest

from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import pipeline
from edge_tf.data.waveform_cache import Waveforms

CLIPS, BATCH = 23, 5
FRONTEND = FrontendConfig()
NONE = AugmentationConfig(probability=0.0)
ALL = AugmentationConfig.for_bc_resnet(8)


@pytest.fixture(scope="module")
def waves() -> Waveforms:
    """Noise clips, each with its number as its label; the last is digital silence."""
    samples = np.random.default_rng(1).integers(-9_000, 9_000, (CLIPS, 16_000)).astype(np.int16)
    is_silence = np.arange(CLIPS) == CLIPS - 1
    samples[-1] = 0
    names = tuple(str(n) for n in range(CLIPS))
    labels, devices = np.arange(CLIPS, dtype=np.int32), ("",) * CLIPS
    return Waveforms(
        samples, labels, names, is_silence, devices, "", {}, np.empty((0, 16), np.uint8)
    )


def epoch_of(waves, config=NONE, seed=0, epoch=0, noise=()):
    augmenter = Augmenter(config, list(noise))
    batches = pipeline.training_batches(waves, FRONTEND, augmenter, CLIPS, BATCH, seed, epoch)
    return [(features.numpy(), numbers_of(labels.numpy())) for features, labels in batches]


def numbers_of(labels: np.ndarray) -> np.ndarray:
    """From labels that are certain to the numbers of the classes."""
    assert labels.dtype == np.float32 and labels.shape[1:] == (CLIPS,)
    numbers = np.argmax(labels, axis=1)
    np.testing.assert_array_equal(labels, np.eye(CLIPS)[numbers])
    return numbers


@pytest.fixture(scope="module")
def noise() -> list[np.ndarray]:
    return [np.random.default_rng(2).integers(-9_000, 9_000, 40_000).astype(np.int16)]


def test_every_clip_is_in_an_epoch_once_and_the_last_batch_is_smaller(waves):
    batches = epoch_of(waves)
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate([labels for _, labels in batches])) == list(range(CLIPS))
    for features, labels in batches:
        assert features.shape == (len(labels), *FRONTEND.feature_shape)
        assert features.dtype == np.float32


def test_batches_depend_on_seed_epoch_and_step_alone(waves, noise):
    first = epoch_of(waves, ALL, seed=3, epoch=1, noise=noise)
    again = epoch_of(waves, ALL, seed=3, epoch=1, noise=noise)
    for (features, labels), (same_features, same_labels) in zip(first, again, strict=True):
        np.testing.assert_array_equal(features, same_features)
        np.testing.assert_array_equal(labels, same_labels)
    for other in ({"seed": 4, "epoch": 1}, {"seed": 3, "epoch": 2}):
        changed = epoch_of(waves, ALL, noise=noise, **other)
        assert any((a[1] != b[1]).any() for a, b in zip(first, changed, strict=True))


def test_a_step_does_not_depend_on_the_steps_before_it(waves, noise):
    augmenter = Augmenter(ALL, noise)
    batches = pipeline.training_batches(waves, FRONTEND, augmenter, CLIPS, BATCH, 3, 1)
    list(batches)  # as if an epoch had been drawn from the same objects before
    later = next(iter(batches.skip(2).take(1)))
    np.testing.assert_array_equal(
        later[0].numpy(), epoch_of(waves, ALL, seed=3, epoch=1, noise=noise)[2][0]
    )


def test_without_augmentation_a_batch_is_the_features_of_its_clips(waves):
    expected = log_mel(waves.samples.astype(np.float32) / 32768.0, FRONTEND).numpy()
    for features, labels in epoch_of(waves):
        spoken = ~waves.is_silence[labels]  # silence is shifted, which changes nothing, and noised
        np.testing.assert_allclose(features[spoken], expected[labels][spoken], atol=1e-4)
        np.testing.assert_allclose(features[~spoken], expected[labels][~spoken], atol=1e-4)


def test_silence_gets_noise_even_where_words_get_none(waves, noise):
    expected = log_mel(waves.samples.astype(np.float32) / 32768.0, FRONTEND).numpy()
    by_label = {
        label: row
        for features, labels in epoch_of(waves, noise=noise)
        for row, label in zip(features, labels, strict=True)
    }
    np.testing.assert_allclose(by_label[0], expected[0], atol=1e-4)
    assert (by_label[CLIPS - 1] > expected[CLIPS - 1] + 1).mean() > 0.9


def raw_epoch(waves, config, seed=0):
    augmenter = Augmenter(config, [])
    batches = pipeline.training_batches(waves, FRONTEND, augmenter, CLIPS, BATCH, seed, 0)
    return [(features.numpy(), labels.numpy()) for features, labels in batches]


def test_mixup_mixes_labels_and_features_with_the_same_weights(waves):
    """Within a batch, so that the features can be told from the labels alone."""
    config = AugmentationConfig(probability=0.0, mixup_alpha=1.0)
    expected = log_mel(waves.samples.astype(np.float32) / 32768.0, FRONTEND).numpy()
    mixed = 0
    for features, labels in raw_epoch(waves, config):
        np.testing.assert_allclose(labels.sum(axis=1), 1.0, rtol=1e-6)
        assert np.all((labels >= 0).sum(axis=1) == CLIPS) and (labels > 0).sum(axis=1).max() <= 2
        mixed += int(((labels > 0).sum(axis=1) == 2).sum())
        of_clips = np.tensordot(labels, expected, 1)
        np.testing.assert_allclose(features, of_clips, atol=1e-3)
    assert mixed > CLIPS // 2


def test_equalizers_add_one_number_to_each_band_of_a_clip(waves):
    config = AugmentationConfig(probability=0.0, equalizer_probability=1.0)
    plain = epoch_of(waves)
    for (features, labels), (before, numbers) in zip(raw_epoch(waves, config), plain, strict=True):
        np.testing.assert_array_equal(labels.argmax(axis=1), numbers)
        added = (features - before)[..., 0]
        np.testing.assert_allclose(added, np.broadcast_to(added[:, :, :1], added.shape), atol=1e-3)
        assert np.all(added[:, :, 0].std(axis=1) > 0)


def test_scenes_depend_on_seed_epoch_and_step_alone(waves):
    config = AugmentationConfig.for_scenes(
        40, 101, device_probability=0.5, equalizer_probability=0.5
    )
    for one, same in zip(raw_epoch(waves, config, 3), raw_epoch(waves, config, 3), strict=True):
        for a, b in zip(one, same, strict=True):
            np.testing.assert_array_equal(a, b)
    assert np.any(raw_epoch(waves, config, 4)[0][0] != raw_epoch(waves, config, 3)[0][0])


def test_evaluation_keeps_the_order_and_adds_nothing(waves):
    batches = list(pipeline.evaluation_batches(waves.samples, FRONTEND, batch_size=10))
    assert [len(batch) for batch in batches] == [10, 10, 3]
    expected = log_mel(waves.samples.astype(np.float32) / 32768.0, FRONTEND).numpy()
    np.testing.assert_allclose(np.concatenate(batches), expected, atol=1e-4)
