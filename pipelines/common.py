"""Flags that several binaries have, and what they mean.

Flags are defined by calling a function, not on import, so that run.py can use the other stages.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

if TYPE_CHECKING:
    from edge_tf.data.dataset import Dataset
    from edge_tf.data.run_data import RunData
    from edge_tf.run_dir import RunDirectory

# absl lists a flag in --help of the module that defines it; the caller is who it belongs to.
flags.disclaim_key_flags()

FLAGS = flags.FLAGS
_DATA_FLAGS = ("data_dir", "task", "words", "split_lists", "test_dir", "data_seed")
_WORDS_FLAGS = ("words", "split_lists", "test_dir", "download")  # not with --task=scenes
_SCENES_FLAGS = ("fold", "simulated_devices")  # only with it


def define_run_dir() -> None:
    flags.DEFINE_string(
        "run_dir", None, "Folder that the stages hand over; see edge_tf/run_dir.py."
    )
    flags.register_validator(
        "run_dir", lambda path: path != "", message="must name a folder", flag_values=FLAGS
    )
    flags.mark_flag_as_required("run_dir")


def define_data() -> None:
    flags.DEFINE_string(
        "data_dir", None, "Folder of word folders, such as Speech Commands, or of scenes."
    )
    flags.DEFINE_enum(
        "task", "kws12", ["kws12", "kws35", "words", "scenes"], "Which labels; see README."
    )
    flags.DEFINE_list("words", [], "With --task=words: the keywords; other folders are 'unknown'.")
    flags.DEFINE_string("split_lists", None, "Folder of training/validation/testing.tsv to follow.")
    flags.DEFINE_string(
        "test_dir", None, "Official test set, unpacked: its clips replace the test."
    )
    flags.DEFINE_integer(
        "data_seed",
        0,
        "Choice of unknown clips and of silence in the test; of scenes: of the validation.",
        lower_bound=0,
    )
    flags.DEFINE_integer("fold", 1, "With --task=scenes: which fold is tested.", lower_bound=1)
    flags.DEFINE_integer(
        "simulated_devices",
        -1,
        "With --task=scenes: the test clips are also heard through this many simulated devices; "
        "-1: 6, or 0 where the data is of several devices itself.",
        lower_bound=-1,
        upper_bound=100,
    )
    flags.DEFINE_enum(
        "download", None, ["0.01", "0.02"], "Fetch this Speech Commands version into --data_dir."
    )
    define_cache()


def define_data_again() -> None:
    """For stages after training: the data is the run's own, only its place may have changed."""
    flags.DEFINE_string("data_dir", None, "Where the run's data is now, if it was moved.")
    define_cache()


def define_cache() -> None:
    flags.DEFINE_string("cache_dir", None, "Decoded clips; default $XDG_CACHE_HOME/edge_tf.")


def define_streaming_again() -> None:
    """For stages after training, which know from the run what it is."""
    flags.DEFINE_boolean(
        "streaming", None, "Refuse a run that was not trained so; default: as it was trained."
    )


def define_graph() -> None:
    """For the stages that make an int8 graph, or reckon with one."""
    flags.DEFINE_enum(
        "graph",
        None,
        ["device", "plain"],
        "device: rewritten to need few and cheap ops; plain: the ops that Keras computes, with "
        "fewer parameters. Default device, with --target_nonzero_kb plain.",
    )


def check_streaming(run: "RunDirectory") -> None:
    """Raises UserError if --streaming says something else than the run."""
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


def run_data(run: "RunDirectory") -> "RunData":
    """The data that the run was trained on, from --data_dir if that is given."""
    from edge_tf.data.run_data import RunData

    def load(values: dict[str, Any]) -> "Dataset":
        moved = {"data_dir": str(Path(FLAGS.data_dir).resolve())} if FLAGS.data_dir else {}
        return load_dataset({**values, **moved})

    return RunData(run, load, cache_folder())


def cache_folder() -> Path:
    from edge_tf.data import waveform_cache

    return Path(FLAGS.cache_dir) if FLAGS.cache_dir else waveform_cache.default_folder()


def data_flags() -> dict[str, Any]:
    """The data flags as given, to be recorded in the run.

    Raises:
      UserError: there are none, flags of another task are among them, or --run_dir is of no use;
        told before data and TensorFlow load.
    """
    from edge_tf.errors import UserError

    run_directory().check()
    scenes = FLAGS.task == "scenes"
    if not FLAGS.data_dir:
        remedy = "a data set of scenes" if scenes else "a folder of words, or see --download"
        raise UserError("--data_dir is missing", f"name {remedy}")
    for name in _WORDS_FLAGS if scenes else _SCENES_FLAGS:
        if FLAGS[name].value != FLAGS[name].default:
            raise UserError(f"--{name} does not go with --task={FLAGS.task}", "leave one out")
    # Runs on words are recorded as they were before there were scenes.
    names = (*_DATA_FLAGS, *_SCENES_FLAGS) if scenes else _DATA_FLAGS
    values = {name: getattr(FLAGS, name) for name in names}
    for name in ("data_dir", "split_lists", "test_dir"):
        values[name] = values[name] and str(Path(values[name]).resolve())
    return values


def load_dataset(values: dict[str, Any]) -> "Dataset":
    """The dataset that data_flags() describe. Raises UserError when it is not there."""
    from edge_tf.data.scenes import scene_sets
    from edge_tf.data.words import folder_of_words, split_lists

    root = Path(values["data_dir"])
    if values["task"] == "scenes":
        return scene_sets.load(
            root, values["fold"], values["simulated_devices"], values["data_seed"]
        )
    if values["split_lists"]:
        dataset = split_lists.load(root, Path(values["split_lists"]))
    else:
        dataset = folder_of_words.load(root, values["task"], values["words"], values["data_seed"])
    if values["test_dir"]:
        dataset = folder_of_words.with_test_folder(dataset, Path(values["test_dir"]))
    return dataset
