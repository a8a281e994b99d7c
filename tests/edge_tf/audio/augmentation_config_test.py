"""AugmentationConfig: the published settings, the way through JSON, and what it refuses."""

import pytest

from edge_tf import records
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.errors import UserError

SCENES = AugmentationConfig.for_scenes(64, 167, device_probability=0.5, equalizer_probability=0.5)


def test_defaults_are_the_published_recipe():
    """Probability 0.8, noise U(0, 0.1), silence U(0, 1), shift U(-100, 100) ms at 16 kHz."""
    config = AugmentationConfig()
    assert (config.probability, config.noise_amplitude, config.silence_amplitude) == (0.8, 0.1, 1.0)
    assert config.max_shift == 1_600
    assert (config.frequency_mask, config.time_mask, config.masks) == (0, 0, 2)


@pytest.mark.parametrize(
    ("tau", "bands", "frames"),
    [(1, 0, 0), (1.5, 1, 20), (2, 3, 20), (3, 5, 20), (6, 7, 20), (8, 7, 20)],
)
def test_spec_augment_of_each_width(tau, bands, frames):
    config = AugmentationConfig.for_bc_resnet(tau)
    assert (config.frequency_mask, config.time_mask, config.masks) == (bands, frames, 2)


@pytest.mark.parametrize(("tau", "bands"), [(0.5, 0), (1.25, 0), (1.75, 1), (4, 5), (12, 7)])
def test_widths_between_the_published_ones_take_the_next_smaller_ones(tau, bands):
    assert AugmentationConfig.for_bc_resnet(tau).frequency_mask == bands


def test_the_settings_of_scenes_are_the_published_ones_scaled_to_the_features():
    """40 of 256 bands, 80 of 336 frames; roll of 1.5 s; mixup 0.3; no device unless asked for."""
    whole = AugmentationConfig.for_scenes(256, 336)
    assert (whole.frequency_mask, whole.time_mask, whole.masks) == (40, 80, 2)
    ours = AugmentationConfig.for_scenes(64, 167)
    assert (ours.frequency_mask, ours.time_mask, ours.masks) == (10, 40, 2)
    assert (ours.max_roll, ours.mixup_alpha) == (24_000, 0.3)
    assert (ours.device_probability, ours.equalizer_probability) == (0.0, 0.0)
    assert (ours.probability, ours.max_shift) == (0.0, 0)
    assert AugmentationConfig.for_scenes(64, 167, 44_100).max_roll == 66_150


def test_the_record_of_words_is_as_before_scenes_and_every_record_is_read_again():
    """A run of words that was begun earlier goes on: its settings have not changed."""
    assert AugmentationConfig().to_dict() == {
        "probability": 0.8,
        "noise_amplitude": 0.1,
        "silence_amplitude": 1.0,
        "max_shift": 1_600,
        "frequency_mask": 0,
        "time_mask": 0,
        "masks": 2,
    }
    for config in (SCENES, AugmentationConfig.for_bc_resnet(3), AugmentationConfig(max_roll=1)):
        assert records.from_json(config.to_dict(), AugmentationConfig, "x") == config


@pytest.mark.parametrize(
    "bad",
    [
        {"device_probability": 1.5},
        {"equalizer_probability": -0.1},
        {"probability": float("nan")},
        {"max_roll": -1},
        {"mixup_alpha": -0.3},
        {"mixup_alpha": float("inf")},
        {"equalizer_decibels": float("nan")},
    ],
    ids=str,
)
def test_refuses_settings_out_of_range(bad):
    (name,) = bad
    with pytest.raises(UserError, match=name):
        AugmentationConfig(**bad)
