"""Compresses a trained run: prunes, trains for int8 (QAT), distils.

Reads float.keras in --run_dir and writes compressed.keras, which convert, evaluate and export then
use. After an interruption, run the same command again: it continues after the last finished epoch.

    python -m pipelines.compress --run_dir=RUN --recipe=prune_qat --sparsity=0.5
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from absl import flags

from edge_tf.compression import RECIPES
from edge_tf.errors import UserError
from edge_tf.settings import DISTILL_FEATURES, PRUNE_BY, PRUNE_KINDS, Graph
from pipelines import app, common, help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.compression.settings import Settings

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data_again()
    common.define_streaming_again()
    with help_text.group(Group.TRAINING):
        flags.DEFINE_integer("epochs", 10, "Passes over the training clips, over all phases.")
        flags.DEFINE_integer(
            "batch_size",
            None,
            "Clips per training step. Default: as the run was trained.",
            lower_bound=2,
        )
        flags.DEFINE_float("peak_rate", 0.0, "Peak learning rate; 0: the recipe's own.")
        flags.DEFINE_integer(
            "seed", 0, "Seed of clip order, augmentation and dropout.", lower_bound=0
        )
    define_own_flags()
    common.define_graph()
    help_text.require("recipe")


@help_text.group(Group.COMPRESSION)
def define_own_flags() -> None:
    flags.DEFINE_list(
        "recipe",
        None,
        f"<NAME,...>: {', '.join(RECIPES)}; several, such as prune,qat, run one after the other.",
    )
    flags.DEFINE_float("sparsity", 0.8, "Share of zeros in the pruned kernels.")
    flags.DEFINE_float(
        "target_nonzero_kb",
        0.0,
        "Instead of --sparsity: maximum size of the int8 file's non-zero parameters, in KiB. "
        "Default: no limit.",
    )
    flags.DEFINE_list(
        "prune",
        ["pointwise", "stem"],
        f"<KIND,...>: Kernels to prune: {', '.join(PRUNE_KINDS)}.",
    )
    flags.DEFINE_enum(
        "prune_by",
        "layer",
        PRUNE_BY,
        "layer: the same share of zeros in each kernel; network: the weights that matter least in "
        "the whole network (LAMP).",
    )
    flags.DEFINE_string(
        "teacher_run",
        None,
        "<DIR>: Run that teaches: a larger model, or this run itself, to keep what it has learned; "
        "distill, causal and qkd need it, the other recipes can use it.",
    )
    flags.DEFINE_float("temperature", 2.0, "Temperature of distillation.")
    flags.DEFINE_float("distill_weight", 0.5, "Share of the teacher in the loss, 0 to 1.")
    flags.DEFINE_enum(
        "distill_features",
        "none",
        DISTILL_FEATURES,
        "Additional loss on the teacher's inner features: factor transfer or overhaul.",
    )
    flags.DEFINE_integer("bits", 4, "With --recipe=psg: bits of the grid to pull weights to.")


def check_flags(epochs: int, peak_rate: float) -> None:
    """Raises UserError for values that are wrong for every run; needs no run."""
    if FLAGS["target_nonzero_kb"].present and FLAGS["sparsity"].present:
        raise UserError(
            "--target_nonzero_kb and --sparsity cannot be combined", "leave one of them out"
        )
    if FLAGS["target_nonzero_kb"].present and not FLAGS.target_nonzero_kb > 0:
        raise UserError(
            f"--target_nonzero_kb={FLAGS.target_nonzero_kb:g} must be above 0",
            "raise it, or leave it out",
        )
    _settings(epochs, peak_rate, "to be read" if FLAGS.teacher_run else None)
    _check_used()


def _check_used() -> None:
    """Raises UserError for flags that change nothing."""
    recipes = FLAGS.recipe
    prunes = any(RECIPES[name].prunes for name in recipes)
    teaches = bool(FLAGS.teacher_run)
    needed = {
        **dict.fromkeys(("sparsity", "prune", "prune_by"), (prunes, "a recipe that prunes")),
        "bits": ("psg" in recipes, "--recipe=psg"),
        "temperature": (teaches or "pqk" in recipes, "--teacher_run or --recipe=pqk"),
        "distill_weight": (teaches, "--teacher_run"),
    }
    for name, (is_used, what) in needed.items():
        if FLAGS[name].present and not is_used:
            raise UserError(f"--{name} changes nothing without {what}", "leave it out")


def _settings(
    epochs: int,
    peak_rate: float,
    teacher: str | None,
    batch_size: int = 100,
    streams: bool = False,
) -> "Settings":
    from edge_tf.compression.settings import Settings

    smallest: Graph = "device" if streams else "plain"  # the plain graph has no streaming form
    graph: Graph = (FLAGS.graph or smallest) if FLAGS.target_nonzero_kb else "device"
    return Settings(
        recipes=tuple(FLAGS.recipe),
        epochs=epochs,
        sparsity=FLAGS.sparsity,
        target_nonzero_kb=FLAGS.target_nonzero_kb,
        graph=graph,
        prune=tuple(FLAGS.prune),
        prune_by=FLAGS.prune_by,
        temperature=FLAGS.temperature,
        distill_weight=FLAGS.distill_weight,
        distill_features=FLAGS.distill_features,
        bits=FLAGS.bits,
        batch_size=FLAGS.batch_size or batch_size,
        peak_rate=peak_rate,
        seed=FLAGS.seed,
        teacher=teacher,
    )


@common.locked_run
def main() -> None:
    compress(FLAGS.epochs, FLAGS.peak_rate)


def compress(epochs: int, peak_rate: float, renamed: Mapping[str, str] | None = None) -> None:
    """The stage; everything but the epochs and the rate comes from flags.

    Args:
      epochs, peak_rate: of all phases.
      renamed: flags of this binary for these, if they have other names.
    """
    from edge_tf import run_dir
    from edge_tf.compression import request
    from edge_tf.compression.teaching import teachers
    from edge_tf.run_records import TrainRecord

    check_flags(epochs, peak_rate)
    run = common.run_directory()
    common.check_streaming(run)
    run.refuse_embedding("pipelines.compress")
    run.require(run_dir.FLOAT_MODEL)  # before the seconds that TensorFlow takes to load
    teacher = run_dir.RunDirectory(FLAGS.teacher_run) if FLAGS.teacher_run else None
    digest = teachers.digest(run, teacher) if teacher else None
    trained = run.stage(TrainRecord).recipe.batch_size
    settings = _settings(epochs, peak_rate, digest, trained, run.lookahead() is not None)
    data = common.run_data(run)

    path = teacher / run_dir.FLOAT_MODEL if teacher else None
    record = request.finished(run, settings, data.clips("training").fingerprint, path, renamed)
    done = "already finished, nothing to do: " if record else ""
    if record is None:
        from edge_tf.compression import stage
        from edge_tf.conversion import int8

        record = stage.compress(run, data, settings, path, to_int8=int8.convert, renamed=renamed)
    if settings.target_nonzero_kb:
        print(f"sparsity for {settings.target_nonzero_kb:g} KiB: {record.sparsity:.2%}")
    print(
        f"{done}compressed by {', '.join(settings.recipes)}: validation accuracy "
        f"{record.val_accuracy:.2%} -> {run / run_dir.COMPRESSED_MODEL}"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
