"""Synthesizes a small set of spoken words, in the folder layout of Speech Commands, to --out.

    python -m pipelines.synthesize --words=lamp,music,stop --out=DIR

Speech comes from espeak-ng (pip install edge_tf[synthesis]); voice, pitch, speed, room, microphone
and noise vary, and no speaker is in two splits. A model trained on it is only a first model: test
it on recordings of people.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from pipelines import app, help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
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


def main() -> None:
    from edge_tf.errors import UserError

    if not flags.FLAGS.out:
        raise UserError("--out is missing", "give the folder to write, e.g. --out=words")
    names = (
        *("words", "out", "unknown_words", "clips_per_word", "clips_per_unknown_word"),
        *("speakers", "language", "noise_seconds", "seed"),
    )
    summary = synthesize(**{name: flags.FLAGS[name].value for name in names})
    parts = ", ".join(
        f"{split} {summary.clips.get(split, 0)} of {summary.speakers[split]} speakers"
        for split in summary.speakers
    )
    print(
        f"{summary.path}: {sum(summary.clips.values())} clips ({parts}); "
        f"{summary.sped_up} sped up and {summary.trimmed} cut to fit one second"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
