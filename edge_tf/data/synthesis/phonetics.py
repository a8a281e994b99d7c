"""How alike words sound: phonemes as articulations, and the edit distance between them.

A phoneme is a point: how and where it is made. Substitution costs the distance between two points
(city block), at most 1; leaving out or adding a phoneme costs GAP. Both are metrics, so the edit
distance is one: 0 only for equal sounds, symmetric, and no detour is shorter.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

GAP = 0.7
_MOST = 1.0  # of a substitution

# Vowels: height, backness (0 to 1), roundness, r-colour.
_VOWELS = {
    **{"i": (1.0, 0.0, 0, 0), "y": (1.0, 0.0, 1, 0), "ɨ": (1.0, 0.5, 0, 0), "u": (1.0, 1.0, 1, 0)},
    **{"ɯ": (1.0, 1.0, 0, 0), "ɪ": (0.85, 0.15, 0, 0), "ʏ": (0.85, 0.15, 1, 0)},
    **{"ᵻ": (0.85, 0.4, 0, 0), "ʊ": (0.85, 0.85, 1, 0), "e": (0.7, 0.05, 0, 0)},
    **{"ø": (0.7, 0.05, 1, 0), "ɘ": (0.7, 0.5, 0, 0), "o": (0.7, 1.0, 1, 0), "ɤ": (0.7, 1.0, 0, 0)},
    **{"ə": (0.5, 0.5, 0, 0), "ɚ": (0.5, 0.5, 0, 1), "ɛ": (0.35, 0.1, 0, 0)},
    **{"œ": (0.35, 0.1, 1, 0), "ɜ": (0.4, 0.5, 0, 0), "ɝ": (0.4, 0.5, 0, 1)},
    **{"ʌ": (0.35, 0.85, 0, 0), "ɔ": (0.35, 1.0, 1, 0), "æ": (0.15, 0.15, 0, 0)},
    **{"ɐ": (0.2, 0.5, 0, 0), "a": (0.0, 0.3, 0, 0), "ɑ": (0.0, 1.0, 0, 0), "ɒ": (0.0, 1.0, 1, 0)},
}
# Consonants: place from lips to glottis (0 to 1), openness from stop to glide (0 to 1), voice,
# nasality, hiss, side.
_CONSONANTS = {
    **{"p": (0.0, 0.0, 0, 0, 0, 0), "b": (0.0, 0.0, 1, 0, 0, 0), "t": (0.35, 0.0, 0, 0, 0, 0)},
    **{"d": (0.35, 0.0, 1, 0, 0, 0), "ʈ": (0.45, 0.0, 0, 0, 0, 0), "ɖ": (0.45, 0.0, 1, 0, 0, 0)},
    **{"c": (0.6, 0.0, 0, 0, 0, 0), "ɟ": (0.6, 0.0, 1, 0, 0, 0), "k": (0.8, 0.0, 0, 0, 0, 0)},
    **{"ɡ": (0.8, 0.0, 1, 0, 0, 0), "q": (0.9, 0.0, 0, 0, 0, 0), "ʔ": (1.0, 0.0, 0, 0, 0, 0)},
    **{
        "tʃ": (0.5, 0.25, 0, 0, 1, 0),
        "dʒ": (0.5, 0.25, 1, 0, 1, 0),
        "ts": (0.35, 0.25, 0, 0, 1, 0),
    },
    **{"f": (0.1, 0.5, 0, 0, 0, 0), "v": (0.1, 0.5, 1, 0, 0, 0), "θ": (0.25, 0.5, 0, 0, 0, 0)},
    **{"ð": (0.25, 0.5, 1, 0, 0, 0), "s": (0.35, 0.5, 0, 0, 1, 0), "z": (0.35, 0.5, 1, 0, 1, 0)},
    **{"ʃ": (0.5, 0.5, 0, 0, 1, 0), "ʒ": (0.5, 0.5, 1, 0, 1, 0), "ç": (0.6, 0.5, 0, 0, 0, 0)},
    **{"x": (0.8, 0.5, 0, 0, 0, 0), "ɣ": (0.8, 0.5, 1, 0, 0, 0), "ʁ": (0.9, 0.6, 1, 0, 0, 0)},
    **{"β": (0.0, 0.5, 1, 0, 0, 0), "h": (1.0, 0.5, 0, 0, 0, 0), "ɾ": (0.35, 0.2, 1, 0, 0, 0)},
    **{"r": (0.35, 0.4, 1, 0, 0, 0), "m": (0.0, 0.2, 1, 1, 0, 0), "n": (0.35, 0.2, 1, 1, 0, 0)},
    **{"ɲ": (0.6, 0.2, 1, 1, 0, 0), "ŋ": (0.8, 0.2, 1, 1, 0, 0), "l": (0.35, 0.8, 1, 0, 0, 1)},
    **{"ʎ": (0.6, 0.8, 1, 0, 0, 1), "ɹ": (0.45, 0.8, 1, 0, 0, 0), "j": (0.6, 1.0, 1, 0, 0, 0)},
    **{"ɥ": (0.6, 1.0, 1, 0, 0, 0.3), "w": (0.0, 1.0, 1, 0, 0, 0), "ʋ": (0.1, 0.9, 1, 0, 0, 0)},
}
_VOWEL_WEIGHTS = (0.8, 0.6, 0.15, 0.2)
_CONSONANT_WEIGHTS = (0.7, 0.6, 0.2, 0.45, 0.25, 0.25)
_VOWEL_OR_NOT = 0.8  # apart from what else differs

PHONEMES = (*_VOWELS, *_CONSONANTS)
_NUMBERS = {phoneme: number for number, phoneme in enumerate(PHONEMES)}
# What espeak-ng writes as one; a length mark and other diacritics are left out before.
_REWRITTEN = (("n̩", "ən"), ("m̩", "əm"), ("l̩", "əl"), ("ɜː", "ɝ"), ("g", "ɡ"))
_PIECE = re.compile("|".join(sorted(map(re.escape, PHONEMES), key=len, reverse=True)))


def _points() -> np.ndarray:
    """[phonemes, coordinates]: vowel or not, vowels' coordinates, consonants'."""
    rows = []
    for values in _VOWELS.values():
        rows.append((_VOWEL_OR_NOT, *np.multiply(values, _VOWEL_WEIGHTS), *np.zeros(6)))
    for others in _CONSONANTS.values():
        rows.append((0.0, *np.zeros(4), *np.multiply(others, _CONSONANT_WEIGHTS)))
    return np.array(rows)


_POINTS = _points()
SUBSTITUTION = np.minimum(_MOST, np.abs(_POINTS[:, None] - _POINTS[None]).sum(-1)).astype(
    np.float32
)


def encode(phonemes: Iterable[str]) -> tuple[int, ...]:
    """Numbers of the phonemes of a word, from IPA as `Espeak.phonemes` gives it.

    Stress and length are left out; a diphthong is two vowels. Symbols that are unknown are left
    out, too.
    """
    return tuple(number for phoneme in phonemes for number in _encode(phoneme))


@functools.lru_cache(maxsize=4096)
def _encode(phoneme: str) -> tuple[int, ...]:
    for theirs, ours in _REWRITTEN:
        phoneme = phoneme.replace(theirs, ours)
    plain = "".join(one for one in phoneme if not unicodedata.combining(one))
    return tuple(_NUMBERS[piece] for piece in _PIECE.findall(plain))


def decode(numbers: Iterable[int]) -> str:
    """IPA of `encode`'s numbers."""
    return "".join(PHONEMES[number] for number in numbers)


def distance(first: Sequence[int], second: Sequence[int]) -> float:
    """Edit distance of two words; see the module."""
    return float(distances(first, [second])[-1, 0])


def distances(
    target: Sequence[int], words: Sequence[Sequence[int]], anywhere: bool = False
) -> np.ndarray:
    """Edit distances of a word's beginnings to many words.

    Args:
      target: n phonemes.
      words: the others.
      anywhere: compares with the nearest part of each word instead of the whole.

    Returns:
      Float32 [n + 1, words]: row i is of the first i phonemes of `target`, row n of the whole.
    """
    lengths = np.array([len(word) for word in words], int)
    longest = int(lengths.max(initial=0))
    padded = np.zeros((len(words), longest), int)
    for row, word in enumerate(words):
        padded[row, : len(word)] = word
    every = np.arange(len(words))
    start = np.zeros(longest + 1) if anywhere else GAP * np.arange(longest + 1)
    previous = np.tile(start.astype(np.float32), (len(words), 1))
    table = np.empty((len(target) + 1, len(words)), np.float32)

    def row_of(costs: np.ndarray) -> np.ndarray:
        if not anywhere:
            return costs[every, lengths]
        beyond = np.arange(longest + 1)[None] > lengths[:, None]
        return np.where(beyond, np.inf, costs).min(1)

    table[0] = row_of(previous)
    for place, phoneme in enumerate(target):
        current = np.empty_like(previous)
        current[:, 0] = (place + 1) * GAP
        substituted = previous[:, :-1] + SUBSTITUTION[phoneme][padded]
        better = np.minimum(substituted, previous[:, 1:] + GAP)
        for column in range(longest):
            current[:, column + 1] = np.minimum(better[:, column], current[:, column] + GAP)
        previous = current
        table[place + 1] = row_of(current)
    return table
