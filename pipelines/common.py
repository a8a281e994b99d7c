"""Flags that several binaries share, and what they mean.

Flags are defined by calling a function, not on import, so that run.py can use the other stages.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from edge_tf.data import tasks
from edge_tf.settings import FOLDER_RULES, GRAPHS, DataFlags
from pipelines import help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.data.dataset import Dataset
    from edge_tf.data.run_data import RunData
    from edge_tf.run_dir import RunDirectory

FLAGS = flags.FLAGS


def define_run_dir() -> None:
    flags.DEFINE_string("run_dir", None, "<DIR>: Run directory, which all stages read and write.")
    flags.register_validator(
        "run_dir", lambda path: path != "", message="must not be empty", flag_values=FLAGS
    )
    help_text.require("run_dir")


@help_text.group(Group.DATA)
def define_data() -> None:
    flags.DEFINE_string(
        "data_dir",
        None,
        "<DIR>: Data set: one folder per word, as in Speech Commands; with --task=scenes, a data "
        "set in the layout of TAU or ESC; none with --task=wake.",
    )
    help_text.list_first("data_dir")  # data_flags() reports that it is missing
    flags.DEFINE_enum(
        "task",
        "kws12",
        list(tasks.TASKS),
        f"Classes: {', '.join(f'{task.name} ({task.about})' for task in tasks.TASKS.values())}.",
    )
    flags.DEFINE_list(
        "words",
        [],
        "<WORD,...>: With --task=words: the keywords; all other folders become the class "
        "'unknown'. Default: every folder is a keyword.",
    )
    flags.DEFINE_string(
        "split_lists",
        None,
        "<DIR>: Folder with training.tsv, validation.tsv and testing.tsv, which set the splits.",
    )
    flags.DEFINE_string(
        "test_dir", None, "<DIR>: Official test set, unpacked; it replaces the test split."
    )
    flags.DEFINE_integer(
        "data_seed",
        0,
        "Seed for choosing unknown clips and making silence; for scenes, for choosing the "
        "validation split.",
        lower_bound=0,
    )
    flags.DEFINE_float(
        "unknown_share",
        None,
        "Clips of other words per clip of a keyword, by the mean keyword. Default: 1 with "
        "--task=kws12; with --task=words all there are, at most 4,000 to train on or 1 per clip.",
        lower_bound=0.0,
    )
    flags.DEFINE_string(
        "speaker_pattern",
        "",
        "<PATTERN>: Where the path of a clip names its speaker, such as '*/{speaker}-*' for "
        "lamp/anna-03.wav; no speaker is then in two splits. Default: SPEAKER_nohash_N.wav.",
    )
    define_background()
    flags.DEFINE_integer("fold", 1, "With --task=scenes: the fold to test on.", lower_bound=1)
    flags.DEFINE_integer(
        "simulated_devices",
        -1,
        "With --task=scenes: also test every clip through this many simulated recording devices. "
        "-1: 6, or 0 if the data set has several devices itself.",
        lower_bound=-1,
        upper_bound=100,
    )
    flags.DEFINE_enum(
        "download",
        None,
        ["0.01", "0.02"],
        "First download this version of Speech Commands to --data_dir.",
    )
    define_cache()


def define_background() -> None:
    """For training, which records it, and for the stages that make a detector, which add to it."""
    flags.DEFINE_list(
        "background_labels",
        [],
        "<LABEL,...>: Classes that stand for background, whatever their names: detectors never "
        "report them. _silence_ and _unknown_, which are made for you, always do.",
    )


@help_text.group(Group.DATA)
def define_data_again() -> None:
    """For stages after training: the data is the run's own; only its location may have changed."""
    flags.DEFINE_string("data_dir", None, "<DIR>: The run's data set, if it has moved.")
    flags.DEFINE_string("split_lists", None, "<DIR>: The run's split lists, if they have moved.")
    flags.DEFINE_string("test_dir", None, "<DIR>: The run's test set, if it has moved.")
    define_cache()


@help_text.group(Group.DATA)
def define_cache() -> None:
    flags.DEFINE_string(
        "cache_dir", None, "<DIR>: Cache of decoded clips. Default: $XDG_CACHE_HOME/edge_tf."
    )


@help_text.group(Group.NETWORK)
def define_streaming_again() -> None:
    """For stages after training, to which the run says what it is."""
    flags.DEFINE_boolean(
        "streaming",
        None,
        "Fail unless the run was trained for streams (--nostreaming: for whole windows). Default: "
        "accept both.",
    )


@help_text.group(Group.CONVERSION)
def define_graph() -> None:
    """For the stages that make an int8 graph, or compute its size."""
    flags.DEFINE_enum(
        "graph",
        None,
        GRAPHS,
        "Form of the int8 graph: device (rewritten to use few, cheap ops) or plain (the ops of the "
        "Keras model, with fewer parameters). Default: device; with --target_nonzero_kb plain, "
        "unless the run is for streams.",
    )


def check_streaming(run: "RunDirectory") -> None:
    """Raises UserError if --streaming contradicts the run."""
    from edge_tf.errors import UserError

    streams = run.lookahead() is not None
    if FLAGS.streaming is not None and FLAGS.streaming != streams:
        kind = "streams" if streams else "whole windows"
        raise UserError(
            f"{run.path} was trained for {kind}",
            f"train with --{'no' if streams else ''}streaming, or leave the flag out",
        )


def run_directory() -> "RunDirectory":
    from edge_tf.run_dir import RunDirectory

    return RunDirectory(FLAGS.run_dir)


def locked_run(work: Callable[[], None]) -> Callable[[], None]:
    """For the function of a stage that writes: no other process writes to --run_dir meanwhile."""

    @functools.wraps(work)
    def locked() -> None:
        run = run_directory()
        if not run.path.is_dir():  # the stage says which command makes it
            work()
            return
        with run.locked():
            work()

    return locked


def run_data(run: "RunDirectory") -> "RunData":
    """The data that the run was trained on, read from where --data_dir and its kind say.

    Raises:
      UserError: a flag names what the training did not use, or the data has changed.
    """
    from edge_tf.data.run_data import RunData
    from edge_tf.errors import UserError

    def load(values: DataFlags) -> "Dataset":
        for name in ("split_lists", "test_dir"):
            if getattr(FLAGS, name) and not getattr(values, name):
                raise UserError(f"{run.path} was trained without --{name}", "leave it out")

        def place(name: str) -> str | None:
            given = getattr(FLAGS, name)
            recorded: str | None = getattr(values, name)
            return str(Path(given).resolve()) if given else recorded

        data_dir = place("data_dir") or values.data_dir
        return tasks.load(
            dataclasses.replace(
                values,
                data_dir=data_dir,
                auxiliary=tuple(
                    data_dir if folder == values.data_dir else folder for folder in values.auxiliary
                ),
                split_lists=place("split_lists"),
                test_dir=place("test_dir"),
            ),
            cache_folder(),
        )

    return RunData(run, load, cache_folder())


def cache_folder() -> Path:
    """The cache of decoded clips. Raises UserError if there is no place for it."""
    from edge_tf.data import cache_folder as cache

    folder = Path(FLAGS.cache_dir) if FLAGS.cache_dir else cache.default_folder()
    cache.check(folder)
    return folder


def data_flags() -> DataFlags:
    """The data flags as given, to be recorded in the run.

    Raises:
      UserError: there are none, flags of another task are among them, or --run_dir is unusable;
        raised before data and TensorFlow load.
    """
    from edge_tf.errors import UserError

    run_directory().check()
    task = tasks.spec(FLAGS.task)
    if not FLAGS.data_dir:
        raise UserError("--data_dir is missing", f"give {task.data}")
    check_task_flags()
    for name in ("words", "unknown_share", "speaker_pattern"):
        if FLAGS.split_lists and FLAGS[name].value != FLAGS[name].default:
            raise UserError(
                f"--{name} has no effect with --split_lists, which lists each clip", "leave one out"
            )
    return DataFlags(
        data_dir=str(Path(FLAGS.data_dir).resolve()),
        task=FLAGS.task,
        words=tuple(FLAGS.words),
        split_lists=FLAGS.split_lists and str(Path(FLAGS.split_lists).resolve()),
        test_dir=FLAGS.test_dir and str(Path(FLAGS.test_dir).resolve()),
        data_seed=FLAGS.data_seed,
        fold=FLAGS.fold if "fold" in task.flags else None,
        simulated_devices=FLAGS.simulated_devices if "simulated_devices" in task.flags else None,
        **(_word_values() if task.domain == "words" else {}),
    )


def check_task_flags() -> None:
    """Raises UserError for flags of other tasks."""
    from edge_tf.errors import UserError

    task = tasks.spec(FLAGS.task)
    others = {name for other in tasks.TASKS.values() for name in other.flags} - {*task.flags}
    for name in (name for name in FLAGS if name in others):
        if FLAGS[name].value != FLAGS[name].default:
            raise UserError(
                f"--{name} cannot be combined with --task={FLAGS.task}", "leave one out"
            )


def _word_values() -> dict[str, Any]:
    """Those of the data flags that only tasks on words have."""
    share = FLAGS.unknown_share
    if share is None and FLAGS.task != "words":
        share = 1.0
    return {
        "unknown_share": share,
        "speaker_pattern": FLAGS.speaker_pattern,
        "background": tuple(FLAGS.background_labels),
        "rules": FOLDER_RULES,
    }
