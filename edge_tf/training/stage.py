"""The stage "train": a dataset and settings in, float.keras in the run directory out."""

import dataclasses
from pathlib import Path
from typing import Any

from edge_tf import files, run_dir
from edge_tf.audio.augmentation import AugmentationConfig, Augmenter
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import pipeline, waveform_cache
from edge_tf.data.dataset import Dataset
from edge_tf.errors import UserError
from edge_tf.models import build_model
from edge_tf.models.config import ModelConfig
from edge_tf.training import device_translation
from edge_tf.training.loop import Trainer
from edge_tf.training.step import Recipe, SgdStep, seed_everything


def train(
    run: run_dir.RunDirectory,
    dataset: Dataset,
    data_flags: dict[str, Any],
    model_config: ModelConfig,
    frontend: FrontendConfig,
    augmentation: AugmentationConfig,
    recipe: Recipe,
    cache: Path,
) -> dict[str, Any]:
    """Trains, or goes on with an interrupted training of the same settings.

    Writes labels.txt, frontend.json, history.json and float.keras.

    Args:
      run: where to; made if it is not there.
      dataset: the task.
      data_flags: recorded, so that later stages find the same data.
      model_config, frontend, augmentation, recipe: what to train and how.
      cache: folder of decoded clips.

    Returns:
      The last epoch's record.

    Raises:
      UserError: data cannot be read, the run directory holds another training, or a model for
        streams is to have features that need a whole window.
    """
    if model_config.lookahead is not None and frontend.normalization != "none":
        raise UserError(
            f"normalization={frontend.normalization} takes statistics over a whole window, but a "
            "stream has one frame at a time",
            "train without --streaming, or without normalization",
        )
    run.create()
    splits = {
        split: waveform_cache.load(
            dataset, split, frontend.sample_rate, frontend.clip_samples, cache
        )
        for split in ("training", "validation")
    }
    noise = waveform_cache.load_noise(dataset, frontend.sample_rate, frontend.clip_samples)
    settings = {
        "data": data_flags,
        "data_description": dataset.description,
        "data_fingerprint": {split: clips.fingerprint for split, clips in splits.items()},
        "labels": list(dataset.labels),
        "model": model_config.to_dict(),
        "frontend": frontend.to_dict(),
        "augmentation": augmentation.to_dict(),
        "recipe": dataclasses.asdict(recipe),
    }
    _refuse_other_training(run, settings)

    translator = None
    if augmentation.translator_probability > 0.0:
        translator = device_translation.of_run(run.path, splits["training"], frontend, recipe.seed)
    seed_everything(recipe.seed)
    model = build_model(
        model_config.name,
        num_classes=len(dataset.labels),
        input_shape=frontend.feature_shape,
        **model_config.arguments(),
    )
    fingerprint = {k: settings[k] for k in settings if k not in ("data", "data_description")}
    trainer = Trainer(SgdStep(model, recipe), run.path, fingerprint)
    training = splits["training"]
    augmenter = Augmenter(augmentation, noise, frontend.sample_rate, translator)
    classes = len(dataset.labels)
    history = trainer.fit(
        lambda epoch: pipeline.training_batches(
            training, frontend, augmenter, classes, recipe.batch_size, recipe.seed, epoch
        ),
        len(training.labels),
        pipeline.evaluation_batches(splits["validation"].samples, frontend),
        splits["validation"].labels,
    )
    files.write_text(run / run_dir.LABELS, "".join(f"{label}\n" for label in dataset.labels))
    files.write_json(run / run_dir.FRONTEND, {"frontend": frontend.to_dict()})
    files.write_json(run / run_dir.HISTORY, history)
    with files.atomic_path(run / run_dir.FLOAT_MODEL) as temporary:
        model.save(temporary)
    run.record("train", settings)
    return history[-1]


def _refuse_other_training(run: run_dir.RunDirectory, settings: dict[str, Any]) -> None:
    """A finished run is not trained over by other settings."""
    before = run.config()["stages"].get("train")
    if before is None:
        return
    changed = [
        name
        for name in settings
        if name not in ("data", "data_description") and before.get(name) != settings[name]
    ]
    if changed:
        raise UserError(
            f"{run.path} holds a finished training with other settings ({', '.join(changed)})",
            "give a new --run_dir",
        )
