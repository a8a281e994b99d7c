"""Trains a model on a folder of words or a data set of scenes.

Writes float.keras, labels.txt, frontend.json and history.json to --run_dir. After an interruption,
run the same command again: it continues after the last finished epoch.

    python -m pipelines.train --run_dir=RUN --data_dir=SPEECH_COMMANDS
"""

import dataclasses
from pathlib import Path

from absl import flags

from edge_tf.data import tasks
from pipelines import app, common, training_flags

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data()
    training_flags.define()


def main() -> None:
    values = common.data_flags()
    cache = common.cache_folder()
    training_flags.check()  # before data and TensorFlow load
    frontend = training_flags.frontend_config(Path(values.data_dir))
    if tasks.spec(values.task).domain == "words":
        clip_ms = 1000 * frontend.clip_samples // frontend.sample_rate
        values = dataclasses.replace(values, clip_ms=clip_ms)
    if FLAGS.download:
        from edge_tf.data.words import download

        download.download_speech_commands(FLAGS.download, FLAGS.data_dir)
    dataset = tasks.load(values, common.cache_folder())

    run = common.run_directory()
    with run.locked():
        from edge_tf.training import request

        asked = request.of(
            run,
            dataset,
            values,
            training_flags.model_config(),
            frontend,
            training_flags.augmentation_config(frontend),
            training_flags.training_settings(dataset.counts("training").values()),
            cache,
        )
        last = request.finished(run)
        done = "already finished, nothing to do: " if last else ""
        if last is None:
            from edge_tf.training import stage  # loads TensorFlow, which takes seconds

            last = stage.train(run, asked)
    kind = "streams" if training_flags.streams() else "whole windows"
    print(
        f"{done}trained {last.epoch} epochs for {kind}: "
        f"validation accuracy {last.val_accuracy:.2%}, "
        f"{last.samples_per_second:.0f} samples/s -> {FLAGS.run_dir}/float.keras"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
