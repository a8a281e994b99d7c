"""Sentences of random common words: hours of speech that holds none of the wanted words.

Words follow each other without sense, as often as they are used (Zipf): what a detector must stay
silent on is sounds and their sequence, not meaning. Half are in the set's language, the others in
further ones, whose sounds a television or a visitor brings.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from edge_tf.data.synthesis import lexicon
from edge_tf.data.synthesis.lexicon import Pronounced

# Beside the set's own, those of them that list of words and synthesizers have.
LANGUAGES = ("en", "es", "de", "fr", "it", "pt", "ru", "pl", "nl")

_FEWEST_WORDS, _MOST_WORDS = 3, 12
_COMMON = 4_000  # words are drawn from so many
_FLATTENING = (
    20.0  # the most frequent words are less frequent than in speech, so that others fit in
)
_ENDS = (".", ".", ".", "?", "!")
_COMMA_SHARE = 0.15


def texts(
    count: int, language: str, words: Sequence[str], wanted: Sequence[Pronounced], seed: int
) -> list[str]:
    """Sentences without the wanted words.

    Args:
      count: how many.
      language: tag, of the words.
      words: of the language, the most frequent first.
      wanted: the words that no sentence may hold, in the sounds of the set's language.
      seed: for the words chosen.

    Raises:
      UserError: espeak-ng is missing.
    """
    usable = [
        one
        for one in lexicon.pronounce(words[:_COMMON], language)
        if not any(_within(own.phonemes, one.phonemes) for own in wanted)
    ]
    if not usable:
        return []
    rng = np.random.default_rng([seed, zlib.crc32(language.encode())])
    shares = 1.0 / (np.arange(len(usable)) + _FLATTENING)
    shares /= shares.sum()
    phrases = [f" {own.text.casefold()} " for own in wanted]
    sounds = [own.phonemes for own in wanted]
    found: list[str] = []
    while len(found) < count:
        length = int(rng.integers(_FEWEST_WORDS, _MOST_WORDS + 1))
        places = rng.choice(len(usable), length, p=shares)
        drawn = [usable[int(place)].text for place in places]
        if any(phrase in f" {' '.join(drawn)} " for phrase in phrases):
            continue
        joined = [number for place in places for number in usable[int(place)].phonemes]
        if any(_within(part, joined) for part in sounds):
            continue
        commas = rng.random(length - 1) < _COMMA_SHARE
        spaced = [word + ("," if comma else "") for word, comma in zip(drawn, commas, strict=False)]
        found.append(" ".join([*spaced, drawn[-1]]) + str(rng.choice(_ENDS)))
    return found


def _within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Whether phonemes hold all those of a word, in a row."""
    size = len(part)
    return any(tuple(whole[at : at + size]) == tuple(part) for at in range(len(whole) - size + 1))
