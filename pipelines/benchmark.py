"""Measures what a run costs on microcontrollers (--targets) or on this machine; prints the figures.

    python -m pipelines.benchmark --run_dir=RUN --targets=cortex-m4,cortex-m55
    python -m pipelines.benchmark --tflite=FILE --targets=cortex-m4,cortex-m55
    python -m pipelines.benchmark --run_dir=RUN --out=speed.json

With --targets: a table of instructions, flash and RAM of the model, the front-end and the detector
as plain C on emulated boards. The emulator counts instructions; for the Cortex-M4, cycles are
estimated from them and Arm's published timing. The machine's load affects neither.

With --tflite: any int8 .tflite file, op by op, the most expensive first, beside TFLite Micro's
arena.

Without --targets: speed of this machine, as JSON: training samples/s and the share of the input
pipeline, front-end clips/s, conversion time, time per inference of each engine. Other load on the
machine affects these; the field "load" shows it. docs/benchmark.md describes the fields.
"""

from absl import flags

from firmware_export.boards import board as boards
from pipelines import app, board_flags, common, help_text
from pipelines.help_text import Group

FLAGS = flags.FLAGS


def define_flags() -> None:
    flags.DEFINE_string("run_dir", None, "<DIR>: Run to measure; this or --tflite.")
    flags.DEFINE_string(
        "tflite", None, "<FILE>: Any int8 .tflite file, measured on --targets; this or --run_dir."
    )
    flags.mark_flags_as_mutual_exclusive(["run_dir", "tflite"], required=True)
    help_text.list_first("run_dir", "tflite")
    for name in ("run_dir", "tflite"):
        flags.register_validator(name, lambda path: path != "", message="must not be empty")
    common.define_data_again()
    _define_own_flags()
    with help_text.group(Group.OUTPUT):
        flags.DEFINE_string("out", None, "<FILE>: Also write the figures to this file, as JSON.")


@help_text.group(Group.MEASUREMENT)
def _define_own_flags() -> None:
    board_flags.define(
        "targets", (), boards.EMULATED, "<BOARD,...>: Emulated boards to measure on."
    )
    flags.DEFINE_integer("steps", 50, "Training steps to time.", lower_bound=5)
    flags.DEFINE_integer("clips", 200, "Clips to run through each engine.", lower_bound=20)
    flags.DEFINE_float(
        "stream_hours",
        0.0,
        "Instead: run this many hours of sound through every streaming engine, and the boards in "
        "--targets, and count the bytes of logits that differ; for runs for streams.",
        lower_bound=0.0,
    )


def main() -> None:
    import json
    from pathlib import Path

    from edge_tf import files, records

    if FLAGS.tflite:
        _measure_file()
        return
    run = common.run_directory()
    run.refuse_embedding("pipelines.benchmark")
    if FLAGS.stream_hours:
        from edge_tf.evaluation.streams import stream_bits

        found = stream_bits.compare(run, common.run_data(run), FLAGS.stream_hours, FLAGS.targets)
        counts = records.to_json(found)
        print(json.dumps(counts, indent=2))
        if FLAGS.out:
            files.write_json(Path(FLAGS.out), counts)
        return
    if FLAGS.targets:
        from edge_tf.evaluation.cost import board_cost
        from edge_tf.evaluation.report import cost_text

        costs = board_cost.measure(run, FLAGS.targets)
        print(cost_text.render(costs))
        if FLAGS.out:
            files.write_json(Path(FLAGS.out), records.to_json(costs))
        return
    data = common.run_data(run)

    from edge_tf.evaluation.cost import speed

    figures = records.to_json(speed.measure(run, data, FLAGS.steps, FLAGS.clips))
    print(json.dumps(figures, indent=2))
    if FLAGS.out:
        files.write_json(Path(FLAGS.out), figures)


def _measure_file() -> None:
    from pathlib import Path

    from edge_tf import files, records
    from edge_tf.errors import UserError

    if FLAGS.stream_hours:
        raise UserError("--stream_hours needs a run's sound", "give --run_dir instead of --tflite")
    if not FLAGS.targets:
        raise UserError(
            "--tflite is measured on emulated boards", "add --targets=cortex-m4,cortex-m55"
        )

    from edge_tf.evaluation.cost import file_cost
    from edge_tf.evaluation.report import profile_text

    found = file_cost.measure(Path(FLAGS.tflite), FLAGS.targets)
    print(profile_text.render(found))
    if FLAGS.out:
        files.write_json(Path(FLAGS.out), records.to_json(found))


if __name__ == "__main__":
    define_flags()
    app.run(main)
