"""Measures a converted run at every hop: Keras, LiteRT reference, LiteRT XNNPACK, TFLite Micro.

Prints the hop table, by recording device too where test clips are of several, and writes
report.json, report.html and predictions.npz (all logits) to --run_dir. Exit status 1 when TFLite
Micro differs from LiteRT's reference kernels in any byte, or int8 loses more than --max_drop.
"""

from absl import flags

from firmware_export.boards import board as boards
from pipelines import app, board_flags, common

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data_again()
    define_own_flags()


def define_own_flags() -> None:
    flags.DEFINE_float("max_drop", 1.0, "Points of accuracy that int8 may lose against float.")
    flags.DEFINE_integer(
        "max_clips", 0, "Cap on test clips, evenly over labels and recording devices; 0: all."
    )
    flags.DEFINE_integer(
        "error_clips",
        500,
        "Cap on test clips for the table of quantization errors by layer; 0: no such table.",
        lower_bound=0,
    )
    board_flags.define(
        "boards",
        boards.HOP_TABLE,
        boards.BOARDS,
        "Where plain C runs; large models take long on emulated boards.",
    )
    flags.DEFINE_boolean(
        "stream",
        False,
        "Also hear a long stream of test clips and noise, and choose the detector; for runs with "
        "--streaming.",
    )
    flags.DEFINE_float("stream_minutes", 60.0, "With --stream: its length.", lower_bound=1.0)
    flags.DEFINE_float(
        "max_false_accepts", 1.0, "With --stream: an hour, for the choice.", lower_bound=0.0
    )


def main() -> None:
    from edge_tf import run_dir

    run = common.run_directory()
    for name in (run_dir.FLOAT_MODEL, run_dir.INT8_MODEL):
        run.require(name)  # said before TensorFlow takes its seconds to load
    data = common.run_data(run)

    from edge_tf.errors import GateError
    from edge_tf.evaluation import stage
    from edge_tf.evaluation.report import hop_text

    heard = None
    if FLAGS.stream:
        from edge_tf.evaluation.report import stream_text
        from edge_tf.evaluation.streams import stream_stage
        from edge_tf.evaluation.streams.stream_report import StreamSettings

        settings = StreamSettings(FLAGS.stream_minutes, FLAGS.max_false_accepts)
        heard = stream_stage.evaluate(run, data, settings)
        print(stream_text.render(heard))
    table = stage.evaluate(
        run, data, FLAGS.max_drop, FLAGS.max_clips, FLAGS.error_clips, heard, tuple(FLAGS.boards)
    )
    print(hop_text.render(table))
    print(f"report -> {run / 'report.html'}")
    if table.failed:
        raise GateError("; ".join(f"{gate.name}: {gate.detail}" for gate in table.failed))


if __name__ == "__main__":
    define_flags()
    app.run(main)
