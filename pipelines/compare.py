"""Compares two ways of making a model: several runs of each, on the same test clips.

    python -m pipelines.compare --runs=A0,A1,A2 --against=B0,B1,B2 --hop=int8

Prints the accuracy of each run, the mean difference in percentage points and two 95 % intervals of
it: had other clips been drawn, and had other seeds been trained as well. "resolved" means that
neither contains 0. Runs are paired in the order given: name those of the same seed in the same
place. Exit status 0 whatever the outcome.

    python -m pipelines.compare --device_drop --runs=A1,A2,A3 --against=B1,B2,B3 --hop=int8

compares what is lost from the recording devices in training to unseen ones instead: both drops, and
by which factor that of --runs is smaller, with 95 % intervals had other clips been drawn. It works
from the predictions.npz that evaluations left. Each run is paired with the one in the same place,
on the same test clips; different pairs may be of different folds, which are pooled.
"""

from absl import flags

from pipelines import app, common

FLAGS = flags.FLAGS
_HOPS = ("keras", "compressed", "int8")


def define_flags() -> None:
    flags.DEFINE_list("runs", None, "Run directories of what is judged, one a seed.")
    flags.DEFINE_list("against", None, "Run directories of what it is judged against, as many.")
    flags.mark_flags_as_required(["runs", "against"])
    flags.DEFINE_enum(
        "hop", "keras", _HOPS, "Which model: float.keras, compressed.keras or model_int8.tflite."
    )
    flags.DEFINE_enum("against_hop", None, _HOPS, "The same for --against; default: as --hop.")
    flags.DEFINE_boolean(
        "device_drop", False, "Compare the drop from seen to unseen recording devices instead."
    )
    flags.DEFINE_integer(
        "bits", 0, "Round the kernels of --runs to so many bits first, plainly; 0: as they are."
    )
    flags.DEFINE_integer("against_bits", 0, "The same for --against.")
    flags.DEFINE_string("out", None, "Also write the comparison to this file, as JSON.")
    common.define_data_again()


def main() -> None:
    from pathlib import Path

    from edge_tf import files
    from edge_tf.evaluation.comparing import comparison, drop_comparison
    from edge_tf.run_dir import RunDirectory

    def side(paths: list[str], hop: str, bits: int) -> comparison.Side:
        return comparison.Side([RunDirectory(path) for path in paths], hop, bits)

    judged = side(FLAGS.runs, FLAGS.hop, FLAGS.bits)
    against = side(FLAGS.against, FLAGS.against_hop or FLAGS.hop, FLAGS.against_bits)
    if FLAGS.device_drop:
        record = drop_comparison.compare(judged, against)
        print(drop_comparison.to_text(record))
    else:
        record = comparison.compare(judged, against, common.run_data)
        print(comparison.to_text(record))
    if FLAGS.out:
        files.write_json(Path(FLAGS.out), record)


if __name__ == "__main__":
    define_flags()
    app.run(main)
