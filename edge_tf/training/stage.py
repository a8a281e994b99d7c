"""The stage "train": a dataset and settings in, float.keras in the run directory out."""

import dataclasses

from edge_tf import files, keras_file, records, run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.data import pipeline, waveform_cache
from edge_tf.models import build_model, run_model
from edge_tf.run_records import EpochRecord, FrontendFile
from edge_tf.training import device_translation
from edge_tf.training.loop import Trainer
from edge_tf.training.request import WRITES, Request
from edge_tf.training.step import SgdStep, seed_everything


def train(run: run_dir.RunDirectory, request: Request) -> EpochRecord:
    """Trains, or resumes an interrupted training with the same settings.

    Writes labels.txt, frontend.json, history.json and float.keras.

    Args:
      run: the run directory, which has no other training.
      request: what to train.

    Returns:
      The last epoch's record.

    Raises:
      UserError: noise cannot be read, or the checkpoints are of another training.
    """
    record, training = request.record, request.splits["training"]
    frontend, augmentation, settings = record.frontend, record.augmentation, record.recipe
    noise = waveform_cache.load_noise(request.dataset, frontend.sample_rate, frontend.clip_samples)
    translator = None
    if augmentation.translator_probability > 0.0:
        translator = device_translation.of_run(run.path, training, frontend, settings.seed)
    seed_everything(settings.seed)
    model = build_model(
        record.model.name,
        num_classes=len(record.labels),
        input_shape=frontend.feature_shape,
        **run_model.arguments(record.model),
    )
    trainer = Trainer(SgdStep(model, settings), run.path, request.settings())
    augmenter = Augmenter(augmentation, noise, frontend.sample_rate, translator)
    classes = len(record.labels)
    history = trainer.fit(
        lambda epoch: pipeline.training_batches(
            training, frontend, augmenter, classes, settings.batch_size, settings.seed, epoch
        ),
        len(training.labels),
        pipeline.evaluation_batches(request.splits["validation"].samples, frontend),
        request.splits["validation"].labels,
    )
    files.write_text(run / run_dir.LABELS, "".join(f"{label}\n" for label in record.labels))
    files.write_json(run / run_dir.FRONTEND, records.to_json(FrontendFile(frontend=frontend)))
    files.write_json(run / run_dir.HISTORY, records.to_json(history))
    with files.atomic_path(run / run_dir.FLOAT_MODEL) as temporary:
        keras_file.save(model, temporary)
    run.record(dataclasses.replace(record, files=run.hashes(*WRITES)))
    return history[-1]
