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

from edge_tf.evaluation.comparing import COMPARED_HOPS, ComparedHop
from pipelines import app, common, help_text
from pipelines.help_text import Group

FLAGS = flags.FLAGS


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
        COMPARED_HOPS,
        "Which model of a run: float.keras, compressed.keras or model_int8.tflite.",
    )
    flags.DEFINE_enum(
        "against_hop", None, COMPARED_HOPS, "The same for --against. Default: as --hop."
    )
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
    from edge_tf.evaluation.report import comparison_text
    from edge_tf.run_dir import RunDirectory

    def side(paths: list[str], hop: ComparedHop, bits: int) -> comparison.Side:
        runs = [RunDirectory(path) for path in paths]
        for run in runs:
            run.refuse_embedding("pipelines.compare")
        return comparison.Side(runs, hop, bits)

    judged = side(FLAGS.runs, FLAGS.hop, FLAGS.bits)
    against = side(FLAGS.against, FLAGS.against_hop or FLAGS.hop, FLAGS.against_bits)
    if FLAGS.device_drop:
        drops = drop_comparison.compare(judged, against)
        print(comparison_text.render_drop(drops))
        outcome, record = comparison_text.drop_outcome(drops.found), drops.to_json()
    else:
        compared = comparison.compare(judged, against, common.run_data)
        print(comparison_text.render(compared))
        outcome, record = comparison_text.outcome(compared.found), compared.to_json()
    if FLAGS.out:
        files.write_json(Path(FLAGS.out), {"text": outcome, **record})


if __name__ == "__main__":
    define_flags()
    app.run(main)
