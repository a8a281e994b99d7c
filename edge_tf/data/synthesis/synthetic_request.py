"""What to synthesize, checked before anything is made."""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable

from edge_tf.data.synthesis.voices.synthesizer import RATE as RATE
from edge_tf.errors import UserError

# For the class "unknown": common words, varied in length, vowels and consonants.
DEFAULT_UNKNOWN_WORDS = (
    *("yes", "no", "house", "window", "seven", "garden", "happy", "table"),
    *("water", "coffee", "people", "night", "river", "doctor", "bird"),
)
# Training uses as many unknown clips as clips of one word (70 % of 1,000): some 47 of each of 15.
DEFAULT_CLIPS_PER_WORD = 1000
DEFAULT_CLIPS_PER_UNKNOWN_WORD = 70
DEFAULT_SPEAKERS = 120
DEFAULT_NOISE_SECONDS = 60

_WORD = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?")


def _check_word(flag: str, word: str, language: str) -> None:
    if not _WORD.fullmatch(word) or len(word) > 64:
        raise UserError(
            f"--{flag}: '{word}' cannot be a spoken word and a folder name",
            "use letters and digits, with - or ' inside, and _ for a space (hey_lamp)",
        )
    if language.split("-")[0] == "en":
        for letter in word:
            if letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN"):
                raise UserError(
                    f"--{flag}: '{word}' is not in Latin letters, which --language=en reads",
                    "name the word's language, e.g. --language=ru",
                )


def _normalize(flag: str, words: Iterable[str], language: str) -> tuple[str, ...]:
    cleaned = tuple(unicodedata.normalize("NFC", word.strip()) for word in words)
    seen: set[str] = set()
    for word in cleaned:
        if not word:
            raise UserError(f"--{flag} contains an empty word", "write --words=lamp,music,stop")
        _check_word(flag, word, language)
        # Folder names that differ only in case are the same folder on some disks.
        if word.casefold() in seen:
            raise UserError(f"--{flag} names '{word}' twice", "name each word once")
        seen.add(word.casefold())
    return cleaned


@dataclasses.dataclass(frozen=True)
class Request:
    """What to make. Words are folder names; an underscore within one is spoken as a space.

    Attributes:
      words: the classes, at least one.
      unknown_words: further words, for the class "unknown"; may be empty.
      clips_per_word: clips of each of `words`, over all speakers and splits.
      clips_per_unknown_word: the same for each of `unknown_words`.
      speakers: how many invented speakers, at least 3: one per split.
      language: espeak-ng language tag; all of its accents are used.
      noise_seconds: length of each file of background noise, 2 to 600.
      seed: 0 or more; determines all randomness.
    """

    words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    clips_per_word: int = DEFAULT_CLIPS_PER_WORD
    clips_per_unknown_word: int = DEFAULT_CLIPS_PER_UNKNOWN_WORD
    speakers: int = DEFAULT_SPEAKERS
    language: str = "en"
    noise_seconds: int = DEFAULT_NOISE_SECONDS
    seed: int = 0

    @property
    def total_clips(self) -> int:
        return len(self.words) * self.clips_per_word + (
            len(self.unknown_words) * self.clips_per_unknown_word
        )


def make_request(
    words: Iterable[str],
    unknown_words: Iterable[str] | None = None,
    clips_per_word: int = DEFAULT_CLIPS_PER_WORD,
    clips_per_unknown_word: int = DEFAULT_CLIPS_PER_UNKNOWN_WORD,
    speakers: int = DEFAULT_SPEAKERS,
    language: str = "en",
    noise_seconds: int = DEFAULT_NOISE_SECONDS,
    seed: int = 0,
) -> Request:
    """Checks and completes a request; see Request for the arguments.

    Args:
      unknown_words: None: DEFAULT_UNKNOWN_WORDS without those in `words`.

    Raises:
      UserError: an argument is out of range, a word cannot be a folder or is named twice.
    """
    language = language.strip().casefold()
    checked = _normalize("words", words, language)
    if not checked:
        raise UserError("--words is empty", "write --words=lamp,music,stop")
    wanted = {word.casefold() for word in checked}
    if unknown_words is None:
        if language.split("-")[0] != "en":
            raise UserError(
                f"--language={language} has no default list of other words",
                "name 10 to 20 common ones: --unknown_words=...",
            )
        unknown_words = [word for word in DEFAULT_UNKNOWN_WORDS if word not in wanted]
    unknown = _normalize("unknown_words", unknown_words, language)
    for word in unknown:
        if word.casefold() in wanted:
            raise UserError(
                f"'{word}' is in --words and in --unknown_words", "take it out of one of them"
            )
    for flag, value, minimum, maximum in (
        ("clips_per_word", clips_per_word, 1, 100_000),
        ("clips_per_unknown_word", clips_per_unknown_word, 1, 100_000),
        ("speakers", speakers, 3, 10_000),
        ("noise_seconds", noise_seconds, 2, 600),
        ("seed", seed, 0, 2**31 - 1),
    ):
        if not minimum <= value <= maximum:
            raise UserError(f"--{flag}={value} is out of range", f"give {minimum} to {maximum}")
    return Request(
        words=checked,
        unknown_words=unknown,
        clips_per_word=clips_per_word,
        clips_per_unknown_word=clips_per_unknown_word,
        speakers=speakers,
        language=language,
        noise_seconds=noise_seconds,
        seed=seed,
    )
