"""Flags of a training on streams: of a wake word from its text, and of recorded words."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from pipelines import help_text, training_flags
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.data.dataset import Dataset, Split
    from edge_tf.data.streams.targets import Classes
    from edge_tf.data.waveform_cache import Waveforms
    from edge_tf.settings import StreamTraining, TrainingSettings

FLAGS = flags.FLAGS
_FOLDERS = ("negatives", "hard_negatives", "rooms")
_EPOCHS, _STEPS, _ROUNDS = 20, 200, 3
_BATCH, _PEAK_RATE = 16, 0.006


@help_text.group(Group.STREAMS)
def define() -> None:
    """Defines the flags."""
    flags.DEFINE_boolean(
        "on_streams",
        False,
        "Train on streams that are mixed of the clips, of noise and of --negatives, not on single "
        "clips, and keep the best epoch: for words in hours of sound. Default --epochs: "
        f"{_EPOCHS}, of {_STEPS * _BATCH:,} streams each. --task=wake always does.",
    )
    flags.DEFINE_list(
        "negatives",
        [],
        "<DIR,...>: Hours of sound without the words, such as a living room or a television; the "
        "name of each folder is its kind in the report.",
    )
    flags.DEFINE_list(
        "hard_negatives",
        [],
        "<DIR,...>: Sound that a detector took for a word, such as pipelines.stream --keep has "
        "saved.",
    )
    flags.DEFINE_string(
        "rooms",
        None,
        "<DIR>: Recorded impulse responses of rooms (DIR/*.wav, or DIR/ROOM/*.wav), of any rate: "
        "half of the rooms in the streams; the others are simulated.",
    )
    flags.DEFINE_string(
        "start_from",
        None,
        "<RUN>: Begin with the weights of this run, of the same network and front-end, trained on "
        "clips or on streams; the last layer is new if its words are others.",
    )


def folder(name: str) -> Path | None:
    """The folder that a flag names."""
    given = getattr(FLAGS, name)
    return Path(given).resolve() if given else None


def folders(name: str) -> tuple[Path, ...]:
    """The folders that a flag lists."""
    return tuple(Path(given).resolve() for given in getattr(FLAGS, name))


def start(frontend: "FrontendConfig") -> tuple[str | None, str | None]:
    """The run that --start_from names, and the digest of its network; None without the flag.

    Raises:
      UserError: it has no network to begin with, or another one.
    """
    from edge_tf.training import start_weights

    given = folder("start_from")
    if given is None:
        return None, None
    model = training_flags.model_config()
    return str(given), start_weights.digest(given, model, frontend)


def settings(epochs: int | None = None) -> "TrainingSettings":
    """The training that the flags describe; `epochs`: without --epochs."""
    from edge_tf.settings import TrainingSettings

    return TrainingSettings(
        FLAGS.epochs or epochs or _EPOCHS,
        FLAGS.batch_size or _BATCH,
        FLAGS.peak_rate or _PEAK_RATE,
        weight_decay=0.0,
        seed=FLAGS.seed,
        optimizer="adam",
    )


def check_clips() -> None:
    """For a training on clips or streams of them: raises UserError for flags that do not fit."""
    from edge_tf.data.streams.wake_sounds import OTHER_WORDS
    from edge_tf.errors import UserError

    if FLAGS.on_streams:
        check("--on_streams", (OTHER_WORDS,))
        return
    for name in (*_FOLDERS, "start_from"):
        if getattr(FLAGS, name):
            raise UserError(
                f"--{name} has no effect without --on_streams", "add it, or leave both out"
            )


def check(what: str, taken: Collection[str]) -> None:
    """Raises UserError for flags that do not fit; needs no TensorFlow.

    Args:
      what: the flag that asks for streams.
      taken: kinds of other sound that no folder may be named like.
    """
    from edge_tf.errors import UserError
    from edge_tf.models import MODELS
    from edge_tf.training import start_weights

    model = MODELS[training_flags.value("model")]
    if model.build_windows is None:
        can = [name for name, spec in MODELS.items() if spec.build_windows]
        raise UserError(
            f"--model={model.name} cannot be trained on streams", f"use --model={' or '.join(can)}"
        )
    if not training_flags.streams():
        raise UserError(
            f"{what} trains a network for streams",
            "leave out --nostreaming, --norm and --padding, or choose a new --run_dir",
        )
    for name in _FOLDERS:
        value = getattr(FLAGS, name) or []
        for given in [value] if isinstance(value, str) else value:
            if not Path(given).is_dir():
                raise UserError(f"--{name}={given} is not a folder", "name a folder of WAV files")
    if FLAGS.start_from:
        start_weights.network(Path(FLAGS.start_from))
    kinds = [Path(folder).resolve().name for folder in FLAGS.negatives]
    for kind in kinds:
        if kinds.count(kind) > 1 or kind in taken:
            raise UserError(
                f"--negatives: two kinds of sound would be named '{kind}'", "rename the folder"
            )


def of_clips(
    dataset: "Dataset", frontend: "FrontendConfig", cache: Path
) -> "Callable[[Mapping[Split, Waveforms]], StreamTraining]":
    """Maps the clips of a data set to what streams are mixed of.

    Raises:
      UserError: the data set has no class, or several, for other sound; --start_from does not fit.
    """
    from edge_tf.data.streams import clip_sounds
    from edge_tf.data.streams.wake_sounds import Folders
    from edge_tf.settings import StreamTraining

    classes = _classes(dataset)
    start_from, start_digest = start(frontend)
    sound = Folders(
        takes=None,
        words=tuple(dataset.labels[at] for at in classes.words),
        negatives=folders("negatives"),
        hard=folders("hard_negatives"),
        rooms=folder("rooms"),
    )

    def made(clips: "Mapping[Split, Waveforms]") -> StreamTraining:
        facts = clip_sounds.facts(dataset, clips["training"], classes, sound, cache)
        return StreamTraining(
            words=sound.words,
            takes=None,
            recordings=None,
            negatives=tuple(map(str, sound.negatives)),
            hard_negatives=tuple(map(str, sound.hard)),
            steps=_STEPS,
            rounds=_ROUNDS,
            hours=facts.hours,
            spoken=facts.spoken,
            digest=facts.digest,
            rooms=str(sound.rooms) if sound.rooms else None,
            start_from=start_from,
            start_digest=start_digest,
        )

    return made


def _classes(dataset: "Dataset") -> "Classes":
    from edge_tf.data.dataset import SILENCE, UNKNOWN
    from edge_tf.data.streams.targets import Classes
    from edge_tf.errors import UserError

    try:
        return Classes.of(dataset.labels, FLAGS.background_labels)
    except ValueError:
        never = {UNKNOWN, *FLAGS.background_labels} - {SILENCE}
        found = [label for label in dataset.labels if label in never]
        if len(found) > 1:
            raise UserError(
                f"--on_streams knows one class of other sound, not {', '.join(found)}",
                f"put their clips into one folder, {UNKNOWN}",
            ) from None
        raise UserError(
            f"--on_streams needs a word and other words, but the classes are "
            f"{', '.join(dataset.labels)}",
            f"name some of them with --words, or add clips of other words to {UNKNOWN}",
        ) from None
