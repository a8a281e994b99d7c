"""Makes a small set of spoken words that nobody has recorded, in the Speech Commands layout.

    python -m pipelines.synthesize --words=lamp,music,stop --out=DIR

espeak-ng speaks (pip install edge_tf[synthesis]); voices, pitch, speed, room, microphone and noise
vary, and no speaker is in two splits. A model trained on it is a first model: test it on people.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from pipelines import app

if TYPE_CHECKING:
    from edge_tf.data.synthesis.synthetic_words import Summary


def define_flags() -> None:
    from edge_tf.data.synthesis import synthetic_request as request

    flags.DEFINE_list("words", [], "Words to make, e.g. lamp,music,stop; _ is spoken as a space.")
    flags.DEFINE_string("out", None, "Folder to make; a set made by this is replaced.")
    flags.DEFINE_list(
        "unknown_words",
        None,
        "Other words, for the class 'unknown'; default: "
        f"{','.join(request.DEFAULT_UNKNOWN_WORDS)} without --words. Name sound-alikes here.",
    )
    flags.DEFINE_integer(
        "clips_per_word", request.DEFAULT_CLIPS_PER_WORD, "Clips of each word, over all speakers."
    )
    flags.DEFINE_integer(
        "clips_per_unknown_word",
        request.DEFAULT_CLIPS_PER_UNKNOWN_WORD,
        "Clips of each of --unknown_words.",
    )
    flags.DEFINE_integer("speakers", request.DEFAULT_SPEAKERS, "Invented speakers, at least 3.")
    flags.DEFINE_string("language", "en", "Language tag of espeak-ng; all its accents are used.")
    flags.DEFINE_integer(
        "noise_seconds", request.DEFAULT_NOISE_SECONDS, "Length of each background noise."
    )
    flags.DEFINE_integer("seed", 0, "The same seed and flags give the same bytes.")


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
    """Makes the set; see edge_tf.data.synthesis.synthetic_request.Request for the arguments.

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
        raise UserError("--out is missing", "name the folder to make, e.g. --out=words")
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
