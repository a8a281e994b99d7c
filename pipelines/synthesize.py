"""Synthesizes a small set of spoken words, in the folder layout of Speech Commands, to --out.

    python -m pipelines.synthesize --words=lamp,music,stop --out=DIR

Speech comes from espeak-ng (pip install edge_tf[synthesis]); voice, pitch, speed, room, microphone
and noise vary, and no speaker is in two splits. A model trained on it is only a first model: test
it on recordings of people.

    python -m pipelines.synthesize --words=hey_lamp --takes=1000 --out=DIR

makes dry takes of any length instead, for training on streams, by every synthesizer that is
installed (neural voices: make voices); --soundalikes=100 adds what sounds like the words. A run
that was stopped goes on.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from pipelines import app, help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.data.synthesis import takes as dry_takes
    from edge_tf.data.synthesis.synthetic_words import Summary


def define_flags() -> None:
    flags.DEFINE_list(
        "words", [], "<WORD,...>: Words to synthesize, e.g. lamp,music,stop; _ becomes a space."
    )
    flags.DEFINE_string(
        "out", None, "<DIR>: Folder to write; an earlier synthesized set there is replaced."
    )
    help_text.list_first("words", "out")  # main() reports that they are missing
    _define_own_flags()


@help_text.group(Group.DATA)
def _define_own_flags() -> None:
    from edge_tf.data.synthesis import synthetic_request as request
    from edge_tf.data.synthesis import take_request

    flags.DEFINE_list(
        "unknown_words",
        None,
        "<WORD,...>: Words for the class 'unknown'; include words that sound like --words. "
        f"Default: {', '.join(request.DEFAULT_UNKNOWN_WORDS)}, except those in --words.",
    )
    flags.DEFINE_integer(
        "clips_per_word", request.DEFAULT_CLIPS_PER_WORD, "Clips per word, over all speakers."
    )
    flags.DEFINE_integer(
        "clips_per_unknown_word",
        request.DEFAULT_CLIPS_PER_UNKNOWN_WORD,
        "Clips per unknown word, over all speakers.",
    )
    flags.DEFINE_integer(
        "speakers", request.DEFAULT_SPEAKERS, "Number of invented speakers, at least 3."
    )
    flags.DEFINE_string("language", "en", "<TAG>: espeak-ng language; all its accents are used.")
    flags.DEFINE_integer(
        "noise_seconds",
        request.DEFAULT_NOISE_SECONDS,
        "Length of each background noise file in seconds.",
    )
    flags.DEFINE_integer("seed", 0, "Seed; the same flags and seed give the same bytes.")
    flags.DEFINE_integer(
        "takes", 0, "Dry takes per word, for streams, in place of one-second clips; 0: clips."
    )
    flags.DEFINE_list(
        "synthesizers",
        [],
        "<NAME,...>: With --takes: what speaks, of espeak, kokoro and flite. Default: all that are "
        "installed.",
    )
    flags.DEFINE_float(
        "accents",
        0.0,
        "With --takes: share of the speakers of English with a foreign accent, 0 to 1; espeak and "
        "kokoro have them.",
    )
    flags.DEFINE_integer(
        "soundalikes", 0, "With --takes: how many texts that sound like each word, to say as well."
    )
    flags.DEFINE_integer(
        "sentences",
        0,
        "With --takes: how many sentences of other words to say, half of them in other languages.",
    )
    flags.DEFINE_integer(
        "takes_per_other",
        take_request.DEFAULT_TAKES_PER_OTHER,
        "With --takes: takes per text that is not in --words.",
    )
    flags.DEFINE_string(
        "word_list",
        "",
        "<FILE>: With --soundalikes: the language's words, one per line, the most frequent first. "
        "Default: those of the package wordfreq.",
    )


def synthesize(
    words: Iterable[str],
    out: str | Path,
    *,
    unknown_words: Iterable[str] | None = None,
    clips_per_word: int = 1000,
    clips_per_unknown_word: int = 70,
    speakers: int = 120,
    language: str = "en",
    noise_seconds: int = 60,
    seed: int = 0,
    progress: bool = True,
) -> "Summary":
    """Synthesizes the set; see edge_tf.data.synthesis.synthetic_request.Request for the arguments.

    Raises:
      UserError: an argument is wrong, espeak-ng is missing, or `out` holds other files.
    """
    from edge_tf.data.synthesis.synthetic_request import make_request

    request = make_request(
        words,
        unknown_words,
        clips_per_word,
        clips_per_unknown_word,
        speakers,
        language,
        noise_seconds,
        seed,
    )
    from edge_tf.data.synthesis import synthetic_words

    return synthetic_words.synthesize(request, Path(out), progress)


def synthesize_takes(
    words: Iterable[str],
    out: str | Path,
    takes: int,
    *,
    unknown_words: Iterable[str] | None = None,
    takes_per_other: int = 10,
    soundalikes: int = 0,
    sentences: int = 0,
    word_list: str | Path = "",
    speakers: int = 120,
    language: str = "en",
    synthesizers: Iterable[str] = (),
    accents: float = 0.0,
    seed: int = 0,
    progress: bool = True,
) -> "dry_takes.Summary":
    """Makes dry takes; see edge_tf.data.synthesis.take_request.TakeRequest for the arguments.

    Raises:
      UserError: an argument is wrong, a synthesizer is missing, or `out` holds other files.
    """
    from edge_tf.data.synthesis.take_request import make_take_request

    request = make_take_request(
        words,
        takes,
        unknown_words=unknown_words,
        takes_per_other=takes_per_other,
        soundalikes=soundalikes,
        sentences=sentences,
        word_list=word_list,
        speakers=speakers,
        language=language,
        synthesizers=synthesizers,
        seed=seed,
        accents=accents,
    )
    from edge_tf.data.synthesis import takes as dry_takes

    return dry_takes.make(request, Path(out), progress)


_OF_BOTH = ("words", "out", "unknown_words", "speakers", "language", "seed")
_OF_CLIPS = ("clips_per_word", "clips_per_unknown_word", "noise_seconds")
_OF_TAKES = (
    *("takes", "takes_per_other", "soundalikes", "sentences", "synthesizers", "word_list"),
    "accents",
)


def main() -> None:
    from edge_tf.errors import UserError

    if not flags.FLAGS.out:
        raise UserError("--out is missing", "give the folder to write, e.g. --out=words")
    wants_takes = flags.FLAGS["takes"].present
    for name in _OF_CLIPS if wants_takes else _OF_TAKES:
        if flags.FLAGS[name].present:
            raise UserError(
                f"--{name} is for {'clips' if wants_takes else 'takes'}",
                f"leave it out, or {'leave --takes out' if wants_takes else 'give --takes=1000'}",
            )
    names = (*_OF_BOTH, *(_OF_TAKES if wants_takes else _OF_CLIPS))
    values = {name: flags.FLAGS[name].value for name in names}
    print(_takes_line(values) if wants_takes else _clips_line(values))


def _clips_line(values: dict[str, Any]) -> str:
    summary = synthesize(**values)
    parts = ", ".join(
        f"{split} {summary.clips.get(split, 0)} of {summary.speakers[split]} speakers"
        for split in summary.speakers
    )
    return (
        f"{summary.path}: {sum(summary.clips.values())} clips ({parts}); "
        f"{summary.sped_up} sped up and {summary.trimmed} cut to fit one second"
    )


def _takes_line(values: dict[str, Any]) -> str:
    summary = synthesize_takes(**values)
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items())
    splits = ", ".join(f"{split} {count}" for split, count in summary.splits.items())
    dropped = ", ".join(f"{count} {reason}" for reason, count in summary.dropped.items())
    return (
        f"{summary.path}: {sum(summary.kinds.values())} takes by {', '.join(summary.synthesizers)} "
        f"({kinds}; {splits}); dropped: {dropped or 'none'}"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
