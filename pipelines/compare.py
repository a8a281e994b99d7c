"""Compares two ways of making a model: several runs of each, on the same test clips.

    python -m pipelines.compare --runs=A0,A1,A2 --against=B0,B1,B2 --hop=int8

Prints the accuracy of each run, the mean difference in percentage points and two 95 % intervals of
it: for other test clips, and for other clips and other seeds. "resolved" means that neither
interval contains 0. Runs are paired in the order given, so list runs of the same seed at the same
position. The exit status is 0 whatever the outcome.

    python -m pipelines.compare --device_drop --runs=A1,A2,A3 --against=B1,B2,B3

Instead compares the drop in accuracy from recording devices seen in training to unseen ones: both
drops and their ratio, with 95 % intervals for other test clips. It reads the predictions.npz of
earlier evaluations. Each run is paired with the one at the same position, on the same test clips;
pairs may be of different folds, which are pooled.
"""

from absl import flags

from pipelines import app, common, help_text
from pipelines.help_text import Group

FLAGS = flags.FLAGS
_HOPS = ("keras", "compressed", "int8")


def define_flags() -> None:
    flags.DEFINE_list("runs", None, "<DIR,...>: Run directories to judge, one per seed.")
    flags.DEFINE_list(
        "against", None, "<DIR,...>: Run directories to judge them against, equally many."
    )
    help_text.require("runs", "against")
    common.define_data_again()
    _define_own_flags()
    with help_text.group(Group.OUTPUT):
        flags.DEFINE_string("out", None, "<FILE>: Also write the comparison to this file, as JSON.")


@help_text.group(Group.MEASUREMENT)
def _define_own_flags() -> None:
    flags.DEFINE_enum(
        "hop",
        "keras",
        _HOPS,
        "Which model of a run: float.keras, compressed.keras or model_int8.tflite.",
    )
    flags.DEFINE_enum("against_hop", None, _HOPS, "The same for --against. Default: as --hop.")
    flags.DEFINE_boolean(
        "device_drop", False, "Instead compare the drop from seen to unseen recording devices."
    )
    flags.DEFINE_integer(
        "bits",
        0,
        "First round the kernels of --runs to this many bits, without retraining; 0: do not round.",
    )
    flags.DEFINE_integer("against_bits", 0, "The same for --against.")


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
