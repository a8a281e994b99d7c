"""From espeak-ng's phonemes to the symbols that the network Kokoro-82M reads.

Kokoro was trained on the notation of its own pronouncing dictionary: IPA with one symbol per
English diphthong and affricate. https://github.com/hexgrad/misaki, EN_PHONES.md, has the inventory;
the numbers of the symbols are those of the network's config.json.
"""

from collections.abc import Sequence

# Symbol to number. Left out: what neither English nor the Romance languages need.
_NUMBERS = {
    **{";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, " ": 16, "\u0303": 17},
    **{"A": 24, "I": 25, "O": 31, "Q": 33, "T": 36, "W": 39, "Y": 41, "ᵊ": 42},
    **{"a": 43, "b": 44, "d": 46, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54},
    **{"m": 55, "n": 56, "o": 57, "p": 58, "r": 60, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65},
    **{"x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76, "ç": 78},
    **{"ð": 81, "ʤ": 82, "ə": 83, "ɛ": 86, "ɜ": 87, "ɡ": 92, "ɥ": 99, "ɪ": 102, "ʝ": 103, "ŋ": 112},
    **{"ɲ": 114, "ø": 116, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ʁ": 128, "ʃ": 131, "ʧ": 133},
    **{"ʊ": 135, "ʌ": 138, "ɣ": 139, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158},
    "ᵻ": 177,
}
_BOUNDARY = 0  # before the first symbol and after the last
_STRESS = "ˈˌ"

_ROLLED = ("r", "ɹ")
# Each list is applied in its order: longer sounds first.
_ENGLISH = (
    *(("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y")),
    *(("əl", "ᵊl"), ("n̩", "ᵊn"), ("m̩", "ᵊm"), ("l̩", "ᵊl"), ("ɐ", "ə"), _ROLLED, ("x", "k")),
)
_AMERICAN = (
    *(*_ENGLISH, ("oʊ", "O"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("oːɹ", "ɔɹ"), ("oː", "ɔ")),
    *(("ɾ", "T"), ("ʔ", "t"), ("ː", "")),
)
_BRITISH = (*_ENGLISH, ("əʊ", "Q"), ("eə", "ɛː"), ("iə", "ɪə"), ("ɾ", "t"), ("ʔ", "t"))
_OTHER = (("tʃ", "ʧ"), ("dʒ", "ʤ"))
_RULES = {"en-us": _AMERICAN, "en-gb": _BRITISH}


def symbols(
    words: Sequence[Sequence[str]], language: str, ending: str = "", foreign: bool = False
) -> str:
    """The symbols of an utterance.

    Args:
      words: phonemes of each word, as `Espeak.phonemes` returns them.
      language: "en-us", "en-gb" or another tag.
      ending: punctuation after the last word.
      foreign: whether "r" is a rolled one (`accents.spoken`), in English too.

    Returns:
      Symbols that Kokoro knows; others are left out.
    """
    rules = [rule for rule in _RULES.get(language, _OTHER) if not (foreign and rule == _ROLLED)]
    text = " ".join("".join(_sound(phoneme, rules) for phoneme in word) for word in words)
    return "".join(symbol for symbol in text + ending if symbol in _NUMBERS)


def numbers(text: str) -> list[int]:
    """The network's input for `symbols()`, with a boundary at both ends."""
    return [_BOUNDARY, *(_NUMBERS[symbol] for symbol in text), _BOUNDARY]


def _sound(phoneme: str, rules: Sequence[tuple[str, str]]) -> str:
    stress = phoneme[:1] if phoneme[:1] and phoneme[:1] in _STRESS else ""
    sound = phoneme[len(stress) :]
    for theirs, ours in rules:
        sound = sound.replace(theirs, ours)
    return stress + sound
