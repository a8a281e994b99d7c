"""Refusals of other settings: each flag with both values, and what to give instead."""

import dataclasses

import pytest

from edge_tf import other_settings, records
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.run_records import CompressionRequest
from edge_tf.settings import ModelConfig, TrainingSettings
from tests.edge_tf import recorded


def told(before, now, renamed=None) -> str:
    with pytest.raises(UserError) as caught:
        other_settings.refuse(
            "RUN has a training", records.to_json(before), records.to_json(now), "give up", renamed
        )
    return str(caught.value)


def test_the_same_settings_are_not_refused():
    record = records.to_json(recorded.trained())
    other_settings.refuse("RUN has a training", record, dict(record), "give up")


def test_a_flag_is_named_with_both_values_and_the_way_out():
    now = recorded.trained(recipe=TrainingSettings(epochs=30))
    assert told(recorded.trained(), now) == (
        "RUN has a training with other settings (--epochs: 20 recorded, 30 given); "
        "give --epochs=20, or give up"
    )


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (
            {"model": ModelConfig(lookahead=2)},
            {"model": ModelConfig()},
            "(--lookahead: 2 recorded, --nostreaming given); give --streaming --lookahead=2, or",
        ),
        (
            {"model": ModelConfig()},
            {"model": ModelConfig(lookahead=0, tau=1.5)},
            "(--tau: 1 recorded, 1.5 given; --lookahead: --nostreaming recorded, 0 given); "
            "give --tau=1 --nostreaming, or",
        ),
        (
            {"frontend": FrontendConfig(hop=320, window=640, fft_size=1024)},
            {"frontend": FrontendConfig()},
            "(--window_ms: 40 recorded, 30 given; --hop_ms: 20 recorded, 10 given); "
            "give --window_ms=40 --hop_ms=20, or",
        ),
        (
            {},
            {"augmentation": AugmentationConfig(device_probability=0.5)},
            "(--device_augmentation: none recorded, 0.5 given); leave out --device_augmentation",
        ),
        (
            {"model": ModelConfig(norm="residual", norm_places=("input",), norm_lambda=0.1)},
            {},
            "(--norm: residual recorded, none given; --norm_at: input recorded, none given; "
            "--norm_lambda: 0.1 recorded, none given); give --norm=residual --norm_at=input",
        ),
        ({"data_fingerprint": {"training": "1"}}, {}, "settings (other clips); give up"),
        ({"labels": ("a", "c")}, {}, "settings (other classes); give up"),
        (
            {"recipe": TrainingSettings(momentum=0.5)},
            {},
            "settings (recipe.momentum: 0.5 recorded, 0.9 now); give up",
        ),
    ],
)
def test_training(before, now, text):
    assert text in told(recorded.trained(**before), recorded.trained(**now))


def test_what_follows_from_a_flag_is_not_told():
    """A wider network also gets masks, which no flag sets."""
    before = recorded.trained()
    now = recorded.trained(
        model=ModelConfig(tau=2), augmentation=AugmentationConfig.for_bc_resnet(2)
    )
    assert "(--tau: 1 recorded, 2 given)" in told(before, now)


COMPRESSION = CompressionRequest(recipes=("prune",), float_model="1", training_clips="2")


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (
            {"recipes": ("prune", "qat")},
            {},
            "(--recipe: prune,qat recorded, prune given); give --recipe=prune,qat, or",
        ),
        ({"float_model": "3"}, {}, "settings (another float.keras); give up"),
        (
            {"teacher": "3"},
            {},
            "settings (another model in --teacher_run, or none); give up",
        ),
        (
            {"target_nonzero_kb": 1.5, "sparsity": 0.71},
            {"sparsity": 0.5},
            "(--target_nonzero_kb: 1.5 recorded, 0 given); "
            "give --target_nonzero_kb=1.5 and leave out --sparsity, or",
        ),
        ({"sparsity": 0.0}, {}, "(--sparsity: 0 recorded, 0.8 given); give --sparsity=0, or"),
        (
            {"sparsity": 0.5},
            {"target_nonzero_kb": 1.5, "sparsity": 0.8},
            "give --sparsity=0.5 and leave out --target_nonzero_kb, or",
        ),
    ],
)
def test_compression(before, now, text):
    changed = [dataclasses.replace(COMPRESSION, **values) for values in (before, now)]
    assert text in told(*changed)


def test_flags_are_called_as_in_the_binary():
    now = dataclasses.replace(COMPRESSION, epochs=3)
    assert "--compress_epochs: 10 recorded, 3 given" in told(
        COMPRESSION, now, {"epochs": "compress_epochs"}
    )
