"""The task "wake": a word as text, to takes, streams and windows in the run directory."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from pipelines import help_text, stream_flags
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.data.streams.wake_sounds import Folders
    from edge_tf.data.synthesis.take_request import TakeRequest
    from edge_tf.run_dir import RunDirectory
    from edge_tf.run_records import TrainRecord
    from edge_tf.settings import DataFlags, StreamTraining, TrainingSettings

FLAGS = flags.FLAGS
_log = logging.getLogger("edge_tf.wake")
TASK = "wake"


@dataclasses.dataclass(frozen=True)
class _Effort:
    """How much is spoken and trained."""

    takes: int
    sentences: int
    soundalikes: int
    epochs: int
    steps: int
    rounds: int


_WHOLE = _Effort(takes=900, sentences=2400, soundalikes=40, epochs=30, steps=200, rounds=3)
_QUICK = _Effort(takes=300, sentences=800, soundalikes=16, epochs=8, steps=200, rounds=2)
_TAKES_PER_OTHER = 6
_SPEAKERS = 240
AUTO, NONE = "auto", "none"


@help_text.group(Group.WAKE)
def define() -> None:
    """Defines the flags of the task."""
    flags.DEFINE_string(
        "recordings",
        None,
        "<DIR>: People who say the word: any number of sound files in DIR, or in DIR/WORD.",
    )
    flags.DEFINE_list(
        "synthesizers",
        [],
        "<NAME,...>: What speaks: espeak, kokoro, flite. Default: all there are.",
    )
    flags.DEFINE_string("language", "en", "<TAG>: Language of the word.")
    flags.DEFINE_float(
        "accents",
        0.0,
        "Share of the synthetic speakers of English with a foreign accent, 0 to 1.",
    )
    flags.DEFINE_integer(
        "takes", None, f"Spoken takes of the word. Default: {_WHOLE.takes}.", lower_bound=30
    )
    flags.DEFINE_string(
        "ambient",
        AUTO,
        "auto, none or <DIR>: Real speech in hours, and effects, besides --negatives. auto: from "
        "packages of Debian and Ubuntu, fetched once (460 MB) into the cache. <DIR>: as "
        "pipelines.ambient --out=<DIR> makes it.",
    )
    flags.DEFINE_boolean(
        "quick",
        False,
        "A first try: fewer takes, shorter training, more misses.",
    )


def effort() -> _Effort:
    """What the flags ask for."""
    asked = _QUICK if FLAGS.quick else _WHOLE
    return dataclasses.replace(
        asked, takes=FLAGS.takes or asked.takes, epochs=FLAGS.epochs or asked.epochs
    )


def settings() -> "TrainingSettings":
    """The training that the flags describe."""
    return stream_flags.settings(effort().epochs)


def check() -> None:
    """Raises UserError for flags that do not fit; needs no TensorFlow."""
    from edge_tf.data.streams import wake_sounds
    from edge_tf.errors import UserError

    if not FLAGS.words:
        raise UserError("--words is missing", '--task=wake needs the word, as --words="hey lamp"')
    if FLAGS.data_dir:
        raise UserError(
            "--data_dir cannot be combined with --task=wake",
            "give --recordings for the word, --negatives for other sound",
        )
    stream_flags.check("--task=wake", (wake_sounds.TAKES, wake_sounds.SENTENCES))
    if FLAGS.recordings and not Path(FLAGS.recordings).is_dir():
        raise UserError(
            f"--recordings={FLAGS.recordings} is not a folder", "name a folder of WAV files"
        )


def prepare(
    run: "RunDirectory", frontend: "FrontendConfig", cache: Path
) -> "tuple[DataFlags, StreamTraining]":
    """Speaks the takes and cuts the windows, or what is missing of both.

    Returns:
      The windows as data of the run, and what the streams are mixed of.

    Raises:
      UserError: a flag is wrong, a synthesizer is missing, or sound cannot be read.
    """
    from edge_tf import run_dir
    from edge_tf.data.streams import wake_sounds, wake_windows
    from edge_tf.data.synthesis import takes
    from edge_tf.data.synthesis.take_request import make_take_request
    from edge_tf.settings import FOLDER_RULES, DataFlags, StreamTraining

    words = tuple(word.strip().replace(" ", "_") for word in FLAGS.words)
    asked = effort()
    start_from, start_digest = stream_flags.start(frontend)
    request = make_take_request(
        words,
        asked.takes,
        takes_per_other=_TAKES_PER_OTHER,
        soundalikes=asked.soundalikes,
        sentences=asked.sentences,
        speakers=_SPEAKERS,
        language=FLAGS.language,
        synthesizers=FLAGS.synthesizers,
        seed=FLAGS.seed,
        accents=FLAGS.accents,
    )
    before = _finished(run)
    trained = before.streams.negatives if before and before.streams else None
    given = stream_flags.folders("negatives")
    real = ambient(cache, trained)
    names = {folder.name for folder in given}
    folders = wake_sounds.Folders(
        takes=(run / run_dir.TAKES).resolve(),
        words=tuple(sorted(request.words)),  # labels are in this order
        recordings=stream_flags.folder("recordings"),
        negatives=(*given, *(kind for kind in real if kind.name not in names)),
        hard=stream_flags.folders("hard_negatives"),
        rooms=stream_flags.folder("rooms"),
    )
    _refuse_another(run, before, request, folders, cache)
    run.create()
    takes.make(request, run / run_dir.TAKES)
    facts = wake_sounds.facts(folders, cache)
    windows = run / run_dir.WINDOWS
    wake_windows.make(windows, folders, frontend.clip_samples, FLAGS.seed, facts.digest)
    data = DataFlags(
        data_dir=str(windows.resolve()),
        task="words",
        words=(),
        split_lists=str(windows.resolve()),
        test_dir=None,
        data_seed=FLAGS.data_seed,
        clip_ms=1000 * frontend.clip_samples // frontend.sample_rate,
        background=tuple(FLAGS.background_labels),
        rules=FOLDER_RULES,
    )
    streams = StreamTraining(
        words=folders.words,
        takes=str(folders.takes),
        recordings=str(folders.recordings) if folders.recordings else None,
        negatives=tuple(map(str, folders.negatives)),
        hard_negatives=tuple(map(str, folders.hard)),
        steps=asked.steps,
        rounds=asked.rounds,
        hours=facts.hours,
        spoken=facts.spoken,
        digest=facts.digest,
        rooms=str(folders.rooms) if folders.rooms else None,
        start_from=start_from,
        start_digest=start_digest,
    )
    return data, streams


def _finished(run: "RunDirectory") -> "TrainRecord | None":
    """The record of a finished training in this run."""
    from edge_tf.run_records import TrainRecord

    return run.find(TrainRecord) if (run / "config.json").exists() else None


def ambient(cache: Path, trained_on: Sequence[str] | None = None) -> list[Path]:
    """The folders of sound that --ambient asks for, each a kind.

    Args:
      cache: where `auto` puts them.
      trained_on: folders of a finished training: `auto` is what they have of it.

    Raises:
      UserError: it is no folder that pipelines.ambient has made.
    """
    from edge_tf.data import cache_folder
    from edge_tf.data.streams import packages
    from edge_tf.errors import UserError

    if FLAGS.ambient == NONE:
        _log.warning(
            "--ambient=none: without hours of real speech a detector takes more of it for the word"
        )
        return []
    if FLAGS.ambient != AUTO:
        kinds = packages.kinds(Path(FLAGS.ambient).resolve())
        if not kinds:
            raise UserError(
                f"--ambient={FLAGS.ambient} is no folder of sound from packages",
                f"run: python -m pipelines.ambient --out={FLAGS.ambient}",
            )
        return kinds
    folder = (cache / "ambient").resolve()
    if trained_on is not None:
        return [kind for kind in map(Path, trained_on) if kind.parent == folder]
    with cache_folder.writing(folder):
        missing = packages.fill(folder)
    for reason in missing.values():
        _log.warning(
            "--ambient=auto: %s; without this sound the detector takes more speech for the word",
            reason,
        )
    return packages.kinds(folder)


def _refuse_another(
    run: "RunDirectory",
    before: "TrainRecord | None",
    asked: "TakeRequest",
    folders: "Folders",
    cache: Path,
) -> None:
    """A run keeps its takes and windows: nothing is made in it for another training.

    Raises:
      UserError: the run was trained on other words, takes or sound.
    """
    from edge_tf import run_dir
    from edge_tf.data.streams import wake_sounds
    from edge_tf.data.synthesis import take_record
    from edge_tf.data.synthesis.take_record import METADATA
    from edge_tf.errors import UserError
    from edge_tf.training.request import CHECKPOINT_STATE

    takes = run / run_dir.TAKES
    if before is None:
        begun = (run / CHECKPOINT_STATE).exists() and (takes / METADATA).exists()
        if begun and take_record.request(takes) != asked:
            raise UserError(
                f"{run.path} contains an unfinished training on other words or takes",
                "choose a new --run_dir",
            )
        return
    same = before.streams is not None
    if before.streams is not None and (takes / METADATA).exists():
        same = (
            take_record.request(takes) == asked
            and wake_sounds.facts(folders, cache).digest == before.streams.digest
        )
    if not same:
        raise UserError(
            f"{run.path} contains a finished training on other words, takes or sound",
            "choose a new --run_dir",
        )
