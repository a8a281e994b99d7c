"""Common words of a language with their pronunciations, from a list of words and espeak-ng."""

import dataclasses
import importlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from edge_tf import files
from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis import phonetics
from edge_tf.errors import UserError

# Words beyond are rare: names, and forms that nobody says.
MOST_WORDS = 12_000
INSTALL = "python -m pip install 'wordfreq>=3.1,<4'"

_MOST_BYTES = 1 << 24
_SHORTEST = 2  # letters


@dataclasses.dataclass(frozen=True)
class Pronounced:
    """A text and its phonemes (numbers of phonetics.PHONEMES)."""

    text: str
    phonemes: tuple[int, ...]


def pronounce(texts: Iterable[str], language: str) -> list[Pronounced]:
    """Phonemes of each text, in the first accent that espeak-ng has for the language.

    "en" is American: its list of accents begins with that of the Caribbean.

    Raises:
      UserError: espeak-ng is missing or does not speak the language.
    """
    with Espeak() as engine:
        accents = engine.accents("en-us" if language == "en" else language)
        if not accents:
            raise UserError(
                f"--language={language}: espeak-ng {engine.version} does not speak it",
                "name a language tag such as en, en-us, de or fr",
            )
        found = []
        for text in texts:
            words = engine.phonemes(text, accents[0])
            joined = tuple(number for word in words for number in phonetics.encode(word))
            found.append(Pronounced(text, joined))
        return found


def common_words(language: str, path: Path | None = None, count: int = MOST_WORDS) -> list[str]:
    """Words of a language, the most frequent first.

    Args:
      language: tag such as "en"; its region is not used.
      path: a text file with one word per line; None: the package wordfreq.
      count: at most so many.

    Raises:
      UserError: the file cannot be read or has no words; wordfreq is missing or lacks the language.
    """
    if path is not None:
        try:
            lines = files.read_bytes(path, _MOST_BYTES).decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise UserError(
                f"--word_list={path} is not UTF-8 text", "write one word per line"
            ) from None
        words = _speakable(lines)[:count]
        if not words:
            raise UserError(f"--word_list={path} has no words", "write one word per line")
        return words
    try:
        wordfreq = importlib.import_module("wordfreq")
    except ImportError:
        raise UserError(
            "--soundalikes and --sentences need a list of words, which is not installed",
            f"run: {INSTALL}, or name a text file with one word per line: --word_list=FILE",
        ) from None
    tag = language.split("-")[0]
    if tag not in wordfreq.available_languages("small"):
        raise UserError(
            f"--soundalikes and --sentences: wordfreq has no words of --language={language}",
            "name a text file with one word per line: --word_list=FILE",
        )
    return _speakable(wordfreq.top_n_list(tag, 2 * count))[:count]


def languages() -> tuple[str, ...]:
    """Tags of the languages that `common_words` has without a file; () without wordfreq."""
    try:
        wordfreq = importlib.import_module("wordfreq")
    except ImportError:
        return ()
    return tuple(sorted(wordfreq.available_languages("small")))


def _speakable(lines: Iterable[str]) -> list[str]:
    """Words that can be folder names: letters, with ' or - inside. Each once, in lower case."""
    found: dict[str, None] = {}
    for line in lines:
        word = unicodedata.normalize("NFC", line.strip()).casefold()
        plain = word.replace("'", "").replace("-", "")
        if len(word) >= _SHORTEST and plain.isalpha() and word[0].isalpha() and word[-1].isalpha():
            found.setdefault(word)
    return list(found)
