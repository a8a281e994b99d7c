"""Which takes to make, checked before anything is made."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from edge_tf.data.synthesis import synthetic_request
from edge_tf.data.synthesis.accents import LANGUAGE
from edge_tf.errors import UserError
from edge_tf.records import later

DEFAULT_TAKES_PER_OTHER = 10


@dataclasses.dataclass(frozen=True)
class TakeRequest:
    """What to make. Words are folder names; an underscore within one is spoken as a space.

    Attributes:
      words: the wake words or keywords, at least one.
      unknown_words: further words to say.
      takes: takes of each of `words`, over all speakers and splits, before some are dropped.
      takes_per_other: the same of each other text.
      soundalikes: how many texts that sound like each of `words`, besides its parts.
      sentences: how many sentences of other words, half of them in other languages.
      word_list: file of words to find them in; "" is the package wordfreq.
      speakers: how many invented speakers, at least 3.
      language: tag; all accents are used.
      synthesizers: names; empty: all that are installed.
      seed: 0 or more; determines all randomness.
      accents: share of the speakers of English with a foreign accent (accents.py).
    """

    words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    takes: int
    takes_per_other: int
    soundalikes: int
    sentences: int
    word_list: str
    speakers: int
    language: str
    synthesizers: tuple[str, ...]
    seed: int
    accents: float = later(0.0)


def make_take_request(
    words: Iterable[str],
    takes: int,
    *,
    unknown_words: Iterable[str] | None = None,
    takes_per_other: int = DEFAULT_TAKES_PER_OTHER,
    soundalikes: int = 0,
    sentences: int = 0,
    word_list: str | Path = "",
    speakers: int = synthetic_request.DEFAULT_SPEAKERS,
    language: str = "en",
    synthesizers: Iterable[str] = (),
    seed: int = 0,
    accents: float = 0.0,
) -> TakeRequest:
    """Checks and completes a request; see TakeRequest for the arguments.

    Raises:
      UserError: an argument is out of range, a word cannot be a folder or is named twice.
    """
    checked = synthetic_request.make_request(
        words, unknown_words, speakers=speakers, language=language, seed=seed
    )
    for flag, value, minimum, maximum in (
        ("takes", takes, 1, 100_000),
        ("takes_per_other", takes_per_other, 1, 100_000),
        ("soundalikes", soundalikes, 0, 1_000),
        ("sentences", sentences, 0, 100_000),
    ):
        if not minimum <= value <= maximum:
            raise UserError(f"--{flag}={value} is out of range", f"give {minimum} to {maximum}")
    if not 0.0 <= accents <= 1.0:
        raise UserError(f"--accents={accents:g} is out of range", "give 0 to 1")
    if accents and checked.language.split("-")[0] != LANGUAGE:
        raise UserError(
            f"--accents are of English, not of --language={checked.language}", "leave one out"
        )
    return TakeRequest(
        words=checked.words,
        unknown_words=checked.unknown_words,
        takes=takes,
        takes_per_other=takes_per_other,
        soundalikes=soundalikes,
        sentences=sentences,
        word_list=str(word_list),
        speakers=checked.speakers,
        language=checked.language,
        synthesizers=tuple(name.strip().casefold() for name in synthesizers if name.strip()),
        seed=checked.seed,
        accents=accents,
    )
