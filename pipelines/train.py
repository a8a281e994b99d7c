"""Trains a model on a folder of words or a data set of scenes.

With --task=wake a word is enough, as text: synthesizers speak it, and the network is trained on
streams that are mixed of that, of sentences and of --negatives. --on_streams mixes them of the
clips of --data_dir. --task=fewshot trains a network whose output separates words that it was not
trained on; docs/fewshot.md.

Writes float.keras, labels.txt, frontend.json and history.json to --run_dir. After an interruption,
run the same command again: it continues after the last finished epoch.

    python -m pipelines.train --run_dir=RUN --data_dir=SPEECH_COMMANDS
    python -m pipelines.train --run_dir=RUN --task=wake --words="hey lamp"
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from edge_tf.data import tasks
from pipelines import app, common, fewshot, stream_flags, training_flags, wake

if TYPE_CHECKING:
    from edge_tf.run_dir import RunDirectory
    from edge_tf.training.request import Request

FLAGS = flags.FLAGS


def define_flags(few_shot: bool = True) -> None:
    """Defines the flags; `few_shot`: also those of --task=fewshot."""
    common.define_run_dir()
    common.define_data()
    training_flags.define()
    stream_flags.define()
    wake.define()
    if few_shot:
        fewshot.define()


def main() -> None:
    if FLAGS.task == wake.TASK:
        _train_wake()
    else:
        _train_clips()


def _train_clips() -> None:
    values = common.data_flags()
    cache = common.cache_folder()
    training_flags.check()  # before data and TensorFlow load
    stream_flags.check_clips()
    if values.task == fewshot.TASK:
        values = dataclasses.replace(values, auxiliary=fewshot.check())
    frontend = training_flags.frontend_config(Path(values.data_dir))
    if tasks.spec(values.task).domain == "words":
        clip_ms = 1000 * frontend.clip_samples // frontend.sample_rate
        values = dataclasses.replace(values, clip_ms=clip_ms)
    if FLAGS.download:
        from edge_tf.data.words import download

        download.download_speech_commands(FLAGS.download, FLAGS.data_dir)
    dataset = tasks.load(values, common.cache_folder())
    counts = dataset.counts("training").values()
    settings, streams, episodes = training_flags.training_settings(counts), None, None
    if FLAGS.on_streams:
        settings, streams = stream_flags.settings(), stream_flags.of_clips(dataset, frontend, cache)
    if values.task == fewshot.TASK:
        settings, episodes = fewshot.settings(), fewshot.of_clips(dataset)

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
            settings,
            cache,
            streams,
            episodes,
        )
        _finish(run, asked)


def _train_wake() -> None:
    run = common.run_directory()
    run.check()
    common.check_task_flags()
    wake.check()
    training_flags.check()
    cache = common.cache_folder()
    frontend = training_flags.frontend_config(Path())
    with run.locked():
        from edge_tf.training import request

        values, streams = wake.prepare(run, frontend, cache)
        asked = request.of(
            run,
            tasks.load(values, cache),
            values,
            training_flags.model_config(),
            frontend,
            training_flags.augmentation_config(frontend),
            wake.settings(),
            cache,
            lambda _: streams,
        )
        _finish(run, asked)


def _finish(run: "RunDirectory", asked: "Request") -> None:
    """Trains, unless that has been done, and says what came out."""
    from edge_tf import records, run_dir
    from edge_tf.run_records import EpochRecord, TrainRecord
    from edge_tf.training import request

    if asked.record.fewshot is not None:
        print(fewshot.tested_on(asked), flush=True)
    last = request.finished(run)
    done = "already finished, nothing to do: " if last else ""
    if last is None:
        from edge_tf.training import stage  # loads TensorFlow, which takes seconds

        last = stage.train(run, asked)
    kind = "streams" if training_flags.streams() else "whole windows"
    what = f"validation accuracy {last.val_accuracy:.2%}"
    trained = run.stage(TrainRecord)
    if trained.fewshot is not None:
        what = f"open-set accuracy {last.val_accuracy:.2%} on validation words"
    if trained.chosen_epoch is not None:
        chosen = records.load(run / run_dir.HISTORY, list[EpochRecord])[trained.chosen_epoch - 1]
        what = (
            f"kept epoch {chosen.epoch}, which misses {1 - chosen.val_accuracy:.1%} of the "
            "validation words at few false accepts"
        )
    print(
        f"{done}trained {last.epoch} epochs for {kind}: {what}, "
        f"{last.samples_per_second:.0f} samples/s -> {FLAGS.run_dir}/float.keras"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
