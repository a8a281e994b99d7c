"""The tasks of --task: which classes, read from which data. A new task is one record here.

Flags read this before TensorFlow loads, so data readers are imported on use.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from edge_tf.data.dataset import Dataset, told
from edge_tf.errors import UserError
from edge_tf.settings import DataFlags, Domain


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A task.

    Attributes:
      name: value of --task.
      about: its classes, for --help.
      domain: selects the default model and training settings.
      data: what --data_dir must be, for messages.
      flags: data flags that it accepts and some other task does not.
      load: maps the data flags and a folder for caches (None: the default one) to the clips.
        Raises UserError for unsuitable data.
      clip_ms: maps the data's folder to the length of its clips; None: the model's default.
    """

    name: str
    about: str
    domain: Domain
    data: str
    flags: tuple[str, ...]
    load: Callable[[DataFlags, Path | None], Dataset]
    clip_ms: Callable[[Path], int] | None = None


def spec(name: str) -> TaskSpec:
    """The record of a task. Raises UserError if no task has that name."""
    if name not in TASKS:
        raise UserError(f"task '{name}' is unknown", f"choose one of {', '.join(TASKS)}")
    return TASKS[name]


def load(flags: DataFlags, cache: Path | None = None) -> Dataset:
    """The dataset that data flags describe; logs its notes.

    Args:
      flags: as given, or as recorded in a run.
      cache: folder for background noise, if it must be made; None: the default one.

    Raises:
      UserError: data is missing.
    """
    return told(spec(flags.task).load(flags, cache))


def _words(flags: DataFlags, cache: Path | None) -> Dataset:
    from edge_tf.data.words import folder_of_words, split_lists

    root = Path(flags.data_dir)
    if flags.split_lists:
        dataset = split_lists.load(root, Path(flags.split_lists), flags.clip_ms, flags.rules)
    else:
        options = folder_of_words.Options(
            seed=flags.data_seed,
            clip_ms=flags.clip_ms,
            unknown_share=flags.unknown_share,
            speaker_pattern=flags.speaker_pattern,
            background=flags.background,
            rules=flags.rules,
            cache=cache,
        )
        dataset = folder_of_words.unlogged(root, flags.task, flags.words, options)
    if flags.test_dir:
        dataset = folder_of_words.with_test_folder(dataset, Path(flags.test_dir))
    return dataset


def _windows(flags: DataFlags, cache: Path | None) -> Dataset:
    """The windows cut from a wake word's streams: split lists, which a run records as words."""
    return _words(dataclasses.replace(flags, task="words"), cache)


def _fewshot(flags: DataFlags, _: Path | None) -> Dataset:
    from edge_tf.data.words import fewshot_words

    options = fewshot_words.Options(
        clip_ms=flags.clip_ms,
        speaker_pattern=flags.speaker_pattern,
        auxiliary=tuple(map(Path, flags.auxiliary)),
    )
    return fewshot_words.load(Path(flags.data_dir), options)


def _scenes(flags: DataFlags, _: Path | None) -> Dataset:
    from edge_tf.data.scenes import scene_sets

    fold = 1 if flags.fold is None else flags.fold
    devices = -1 if flags.simulated_devices is None else flags.simulated_devices
    return scene_sets.load(Path(flags.data_dir), fold, devices, flags.data_seed)


def _scene_clip_ms(root: Path) -> int:
    from edge_tf.data.scenes import scene_sets

    return scene_sets.clip_ms(root)


_WORD_FOLDERS = "a folder of words, or see --download"
_WORD_FLAGS = (
    *("words", "split_lists", "test_dir", "download"),
    *("unknown_share", "speaker_pattern", "background_labels"),
)
STREAM_FLAGS = ("negatives", "hard_negatives", "rooms", "start_from")
"""Flags of trainings on streams."""
_CLIP_STREAM_FLAGS = ("on_streams", *STREAM_FLAGS)
_ALL_WORDS_FLAGS = tuple(name for name in _WORD_FLAGS if name != "unknown_share")

WAKE_FLAGS = (
    *("recordings", *STREAM_FLAGS),
    *("synthesizers", "language", "accents", "takes", "quick", "ambient"),
)
"""Flags of the task "wake"."""

FEW_SHOT_FLAGS = ("method", "auxiliary", "episodes")
"""Flags of the task "fewshot"."""

TASKS: dict[str, TaskSpec] = {
    task.name: task
    for task in (
        TaskSpec(
            name="kws12",
            about="ten commands, silence, unknown",
            domain="words",
            data=_WORD_FOLDERS,
            flags=(*_WORD_FLAGS, *_CLIP_STREAM_FLAGS),
            load=_words,
        ),
        TaskSpec(
            name="kws35",
            about="every word folder",
            domain="words",
            data=_WORD_FOLDERS,
            flags=_ALL_WORDS_FLAGS,
            load=_words,
        ),
        TaskSpec(
            name="words",
            about="your own --words",
            domain="words",
            data=_WORD_FOLDERS,
            flags=(*_WORD_FLAGS, *_CLIP_STREAM_FLAGS),
            load=_words,
        ),
        TaskSpec(
            name="wake",
            about="a word from its text: --words",
            domain="words",
            data="nothing: takes of the word are spoken by synthesizers",
            flags=("words", "background_labels", *WAKE_FLAGS),
            load=_windows,
        ),
        TaskSpec(
            name="fewshot",
            about="an embedding for words learnt from a few takes",
            domain="words",
            data="a folder with the words of Speech Commands, or see --download",
            flags=("download", "speaker_pattern", *FEW_SHOT_FLAGS),
            load=_fewshot,
        ),
        TaskSpec(
            name="scenes",
            about="acoustic scenes",
            domain="scenes",
            data="a data set of scenes",
            flags=("fold", "simulated_devices"),
            load=_scenes,
            clip_ms=_scene_clip_ms,
        ),
    )
}
