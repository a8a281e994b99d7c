"""Foreign accents: English as people say it whose first language is another one.

Synthesizers say "computer" with a vowel that is hardly one, a stress on the second syllable and, in
America, a tap for the t. Many people say each vowel as it is written, stress the first syllable or
none, and roll the r. An accent is a set of such habits; it changes phonemes, not the voice. The
habits are those that textbooks of English name for most first languages (J. C. Wells, Accents of
English, 1982; M. Swan and B. Smith, Learner English, 2001), and do not depend on the word.
"""

import itertools
import re
from collections.abc import Sequence

import numpy as np

LANGUAGE = "en"

# How likely a speaker with an accent has a habit. Of those of a line at most one.
_HABITS: tuple[dict[str, float], ...] = (
    {"full vowels": 0.8},  # unstressed vowels are said as they are written
    {"first stressed": 0.35, "all stressed": 0.3},
    {"short": 0.4},  # no long vowels, and none like those of "bit" and "put"
    {"open": 0.4},  # one a for those of "cat", "cut", "cart"
    {"pure": 0.35},  # no diphthongs in "face" and "goat"
    {"rolled r": 0.4},
    {"t for th": 0.3, "s for th": 0.2},
    {"v for w": 0.15},
    {"hard ends": 0.25},  # no voice in a consonant at the end
    {"no h": 0.08},
)
_SEPARATOR = ", "
_STRESS = "ˈˌ"
_REDUCED = ("ə", "ɐ", "ɚ", "ᵻ")
_AS_WRITTEN = {"a": "a", "e": "ɛ", "i": "i", "o": "ɔ", "u": "u", "y": "i"}
_UNWRITTEN = "a"  # if spelling and sounds do not agree
_VOWEL = re.compile("[aeiouæɐɑɒɔəɚɛɜɝɪʊʌᵻ]")
_WRITTEN = re.compile(r"[aeiou]+|y(?![aeiou])")
_SILENT_E = re.compile(r"(?<=[^aeiou])e$")

_SHORT = {"iː": "i", "ɪ": "i", "uː": "u", "ʊ": "u", "ɔː": "ɔ", "ɑː": "ɑ", "ɜː": "ɛɹ"}
_OPEN = {"æ": "a", "ʌ": "a", "ɑː": "a", "ɑ": "a", "ɐ": "a"}
_PURE = {"eɪ": "eː", "oʊ": "oː", "əʊ": "oː"}
_TH = {"t for th": {"θ": "t", "ð": "d"}, "s for th": {"θ": "s", "ð": "z"}}
_HARD = {"b": "p", "d": "t", "ɡ": "k", "v": "f", "z": "s", "ʒ": "ʃ", "dʒ": "tʃ"}


def draw(rng: np.random.Generator) -> str:
    """An accent: some habits, at least one, as `spoken` reads them."""
    habits: list[str] = []
    while not habits:
        for group in _HABITS:
            names = [*group, ""]
            shares = [*group.values(), 1.0 - sum(group.values())]
            habits += filter(None, [str(rng.choice(names, p=shares))])
    return _SEPARATOR.join(habits)


def habits(accent: str) -> set[str]:
    """Those of an accent. Raises ValueError if one is unknown."""
    found = set(filter(None, accent.split(_SEPARATOR)))
    if unknown := found - {name for group in _HABITS for name in group}:
        raise ValueError(f"no such habit: {sorted(unknown)}")
    return found


def spoken(words: Sequence[Sequence[str]], text: str, accent: str) -> list[list[str]]:
    """Phonemes of a text in an accent.

    Args:
      words: phonemes as `Espeak.phonemes` gives them for an English voice.
      text: what they say, for how vowels are written.
      accent: from `draw`; "" changes nothing.

    Returns:
      The same words, each phoneme changed or not; r is "r" if it is rolled, else "ɹ".

    Raises:
      ValueError: the accent has an unknown habit.
    """
    mine = habits(accent)
    if not mine:
        return [list(word) for word in words]
    written = re.findall(r"[^\W\d_']+", text.lower())
    spellings = written if len(written) == len(words) else [""] * len(words)
    return [_word(word, spelling, mine) for word, spelling in zip(words, spellings, strict=True)]


def _word(phonemes: Sequence[str], spelling: str, mine: set[str]) -> list[str]:
    marks = [phoneme[:1] if phoneme[:1] in _STRESS else "" for phoneme in phonemes]
    sounds = [phoneme.lstrip(_STRESS) for phoneme in phonemes]
    vowels = [place for place, sound in enumerate(sounds) if _VOWEL.match(sound)]
    if "full vowels" in mine:
        letters = _vowel_letters(spelling, len(vowels))
        for place, letter in zip(vowels, letters, strict=True):
            if sounds[place].startswith(_REDUCED) and not marks[place]:
                full = _AS_WRITTEN.get(letter, _UNWRITTEN)
                coda = "ɹ" if sounds[place] == "ɚ" else sounds[place][1:]
                sounds[place] = full + coda
    if vowels and not mine.isdisjoint(("first stressed", "all stressed")):
        stressed = vowels if "all stressed" in mine else vowels[:1]
        marks = ["ˈ" if place in stressed else "" for place in range(len(sounds))]
    sounds = [_sound(sound, mine) for sound in sounds]
    if "hard ends" in mine and sounds:
        sounds[-1] = _HARD.get(sounds[-1], sounds[-1])
    if "no h" in mine and sounds[:1] == ["h"]:
        sounds, marks = sounds[1:], marks[1:]
    return [mark + sound for mark, sound in zip(marks, sounds, strict=True)]


def _vowel_letters(spelling: str, count: int) -> list[str]:
    """The first letter of what each vowel is written with; "" each if that cannot be told."""
    found = _WRITTEN.findall(_SILENT_E.sub("", spelling))
    if len(found) != count:
        found = _WRITTEN.findall(spelling)
    if len(found) != count:
        return [""] * count
    return ["u" if letters in ("ou", "oo") else letters[0] for letters in found]


def _sound(sound: str, mine: set[str]) -> str:
    if sound == "ɾ":  # a t between vowels, which only native speakers tap
        return "t"
    tables = [_TH[name] for name in _TH if name in mine]
    for name, table in (("open", _OPEN), ("pure", _PURE), ("short", _SHORT)):
        tables += [table] if name in mine else []
    for theirs, ours in itertools.chain.from_iterable(table.items() for table in tables):
        if sound.removesuffix("ɹ") == theirs:
            sound = ours + ("ɹ" if sound.endswith("ɹ") else "")
            break
    if "v for w" in mine and sound == "w":
        sound = "v"
    if "rolled r" in mine:
        sound = sound.replace("ɹ", "r").replace("ɚ", "ər").replace("ɜː", "ɛr")
    return sound
