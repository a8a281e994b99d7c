"""Measures a converted run at every hop: Keras, LiteRT, TFLite Micro, plain C, Android.

Prints the hop table (also per recording device, if the test clips come from several) and writes
report.json, report.html and predictions.npz (all logits) to --run_dir. The exit status is 1 if a
gate fails: bytes differ from LiteRT's reference kernels, int8 loses more than --max_drop, the
parameters take more than the --target_nonzero_kb of the compression, or the detector is not as
quiet as --max_false_accepts, which --stream says in its first line.

    python -m pipelines.evaluate --run_dir=RUN
    python -m pipelines.evaluate --run_dir=RUN --stream --max_false_accepts=0.5
    python -m pipelines.evaluate --run_dir=RUN --stream --second=LARGER_RUN
"""

import logging

from absl import flags

from firmware_export.boards import board as boards
from firmware_export.boards import toolchain
from pipelines import app, board_flags, common, help_text

FLAGS = flags.FLAGS
_LOG = logging.getLogger("edge_tf.evaluate")


def define_flags() -> None:
    common.define_run_dir()
    common.define_data_again()
    define_own_flags()


@help_text.group(help_text.Group.MEASUREMENT)
def define_own_flags() -> None:
    flags.DEFINE_float(
        "max_drop", 1.0, "Accuracy that int8 may lose against float, in percentage points."
    )
    flags.DEFINE_integer(
        "max_clips",
        0,
        "Maximum number of test clips, spread evenly over labels and recording devices; 0: all.",
    )
    flags.DEFINE_integer(
        "error_clips",
        500,
        "Maximum number of test clips for the table of quantization error per layer; 0: no table.",
        lower_bound=0,
    )
    board_flags.define(
        "boards",
        boards.HOP_TABLE,
        boards.BOARDS,
        "<BOARD,...>: Where to run the plain C; large models are slow on emulated boards.",
    )
    flags.DEFINE_float(
        "unknown_accepts",
        1.0,
        "Of --task=fewshot: unknown words that the recogniser's threshold may let pass, on "
        "validation words with five takes each, in percent.",
        lower_bound=0.01,
        upper_bound=50.0,
    )
    flags.DEFINE_boolean(
        "stream",
        False,
        "Also choose the detector's thresholds, smoothing and refractory period on a long stream "
        "of validation clips and noise, and test it on one of test clips; for runs for streams.",
    )
    flags.DEFINE_float(
        "stream_minutes", 60.0, "With --stream: length of the stream in minutes.", lower_bound=1.0
    )
    flags.DEFINE_float(
        "max_false_accepts",
        1.0,
        "With --stream: false accepts per hour that the chosen detector may have.",
        lower_bound=0.0,
    )
    flags.DEFINE_string(
        "second",
        None,
        "<RUN>: With --stream: run of a larger network for the same words, which is asked about "
        "each hit of this one; chooses the settings of both.",
    )
    flags.DEFINE_integer(
        "second_pace",
        4,
        "With --second: past frames that the larger network takes for each new frame after a hit; "
        "fewer are less load at once, and a later answer.",
        lower_bound=1,
    )
    flags.DEFINE_float(
        "second_hits",
        60.0,
        "With --second: hits per hour that this run's network may have in sound without words: the "
        "second stage is asked about each.",
        lower_bound=0.0,
    )
    flags.DEFINE_string(
        "test_recordings",
        None,
        "<DIR>: With --stream, of a wake word: recordings of people who say it (DIR or DIR/WORD), "
        "to test on in place of synthetic voices; never used for a choice.",
    )
    flags.DEFINE_list(
        "test_negatives",
        [],
        "<DIR,...>: With --stream, of a wake word: hours of other sound to test on as well, each "
        "folder a kind; never used for a choice.",
    )
    flags.DEFINE_string(
        "test_noise",
        None,
        "<DIR>: With --stream, of a wake word: noise to mix under the words of the test, in place "
        "of all kinds of sound.",
    )


@common.locked_run
def main() -> None:
    from edge_tf import run_dir
    from edge_tf.errors import UserError
    from edge_tf.evaluation.streams import second_run

    run = common.run_directory()
    for name in (run_dir.FLOAT_MODEL, run_dir.INT8_MODEL):
        run.require(name)  # before the seconds that TensorFlow takes to load
    if FLAGS.second is not None:
        check_second()
        second_run.load(run, FLAGS.second)
    if FLAGS.stream:
        run.refuse_embedding("--stream")
    few_shot = run.embeds()
    if not few_shot and FLAGS["unknown_accepts"].present:
        raise UserError("--unknown_accepts is for runs of --task=fewshot", "leave it out")
    data = common.run_data(run)
    for board in FLAGS.boards:
        if missing := toolchain.missing_packages([board]):
            _LOG.warning("%s cannot run here: apt-get install %s", board.name, " ".join(missing))

    from edge_tf.errors import GateError
    from edge_tf.evaluation import stage
    from edge_tf.evaluation.report import data_text, hop_text
    from edge_tf.run_records import TrainRecord

    heard = None
    if FLAGS.stream:
        from edge_tf.evaluation.report import stream_text
        from edge_tf.evaluation.streams import stream_stage
        from edge_tf.evaluation.streams.stream_report import StreamSettings

        settings = StreamSettings(
            FLAGS.stream_minutes,
            FLAGS.max_false_accepts,
            test_recordings=FLAGS.test_recordings,
            test_negatives=tuple(FLAGS.test_negatives),
            test_noise=FLAGS.test_noise,
            second=FLAGS.second,
            second_pace=FLAGS.second_pace,
            second_hits=FLAGS.second_hits,
        )
        heard = stream_stage.evaluate(run, data, settings)
        print(stream_text.render(heard))
    table = stage.evaluate(
        run,
        data,
        FLAGS.max_drop,
        FLAGS.max_clips,
        FLAGS.error_clips,
        heard,
        tuple(FLAGS.boards),
        FLAGS.unknown_accepts / 100.0,
    )
    print(data_text.render(data_text.DataFacts.of(run.stage(TrainRecord))))
    print(hop_text.render(table))
    if few_shot:
        from edge_tf.fewshot import recogniser_file

        chosen = recogniser_file.load(run)
        print(f"threshold {chosen.chosen.score:,}, {chosen.text()}")
        print(chosen.takes_text())
    print(f"report -> {run / 'report.html'}")
    if table.failed:
        raise GateError("; ".join(f"{gate.name}: {gate.detail}" for gate in table.failed))


def check_second() -> None:
    """Refuses --second at once where no first stage could have it; raises UserError."""
    from edge_tf.errors import UserError
    from edge_tf.evaluation.streams import second_run

    if FLAGS.second is None:
        return
    if not FLAGS.stream:
        raise UserError("--second is a stage of a detector for streams", "add --stream")
    second_run.finished(FLAGS.second)


if __name__ == "__main__":
    define_flags()
    app.run(main)
