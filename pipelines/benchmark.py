"""Times a trained run on this machine and prints the figures as JSON.

Training samples/s and the share of the input pipeline, front-end clips/s, conversion time, time
per inference of each engine. Fields are described in docs/benchmark.md. Other load on the machine
shows in the figures; "load" in the output tells it.
"""

from absl import flags

from pipelines import app, common

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data_again()
    flags.DEFINE_integer("steps", 50, "Training steps to time.", lower_bound=5)
    flags.DEFINE_integer("clips", 200, "Clips that each engine runs.", lower_bound=20)
    flags.DEFINE_string("out", None, "Also write the figures to this file.")


def main() -> None:
    import json
    from pathlib import Path

    from edge_tf import files

    run = common.run_directory()
    data = common.run_data(run)

    from edge_tf.evaluation import speed

    figures = speed.measure(run, data, FLAGS.steps, FLAGS.clips)
    print(json.dumps(figures, indent=2))
    if FLAGS.out:
        files.write_json(Path(FLAGS.out), figures)


if __name__ == "__main__":
    define_flags()
    app.run(main)
