"""Texts that a detector must not take for its wake word: what sounds like it, and parts of it."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from edge_tf.data.synthesis import phonetics
from edge_tf.data.synthesis.lexicon import Pronounced

# Kinds of texts.
SOUND_ALIKE = "soundalike"
PART = "part"
REPLACED = "replaced"

# Nearer than this, or with a part as near, is the word itself to most ears: one vowel or one voiced
# consonant for another.
SAME = 0.3
# Pairs of words are made of common ones; of each, so many may hold the same word.
_COMMON = 4_000
_MOST_WITH_A_WORD = 2
_NEAREST_PARTS = 12
_SHORTEST_PART = 2  # phonemes
# A replaced word differs so much from the one in its place, relative to the latter's length.
_OTHER_WORD = 0.3


@dataclasses.dataclass(frozen=True)
class OtherText:
    """Something to say that is not the wake word.

    Attributes:
      text: words with spaces.
      kind: SOUND_ALIKE, PART or REPLACED.
      distance: phonetics.distance to the wake word.
    """

    text: str
    kind: str
    distance: float


def sound_alikes(wanted: Pronounced, words: Sequence[Pronounced], count: int) -> list[OtherText]:
    """Words, and pairs of words, that sound most like a wake word; the nearest first.

    Args:
      wanted: the wake word or phrase.
      words: of the language, the most frequent first.
      count: how many; half of them pairs if there are.

    Returns:
      At most `count`. Left out are those that hold the wake word ("computers").
    """
    single = _nearest(wanted, words, count)
    pairs = _apart(wanted, list(_pairs(wanted, words[:_COMMON])), count)
    texts = {one.text for one in single}
    pairs = [one for one in pairs if one.text not in texts]
    of_pairs = min(len(pairs), max(count // 2, count - len(single)))
    chosen = single[: count - of_pairs] + pairs[:of_pairs]
    return sorted(chosen, key=lambda one: (one.distance, one.text))


def _nearest(wanted: Pronounced, words: Sequence[Pronounced], count: int) -> list[OtherText]:
    spoken = [word for word in words if word.phonemes and word.text != wanted.text]
    if not spoken:
        return []
    sequences = [word.phonemes for word in spoken]
    whole = phonetics.distances(wanted.phonemes, sequences)[-1]
    inside = phonetics.distances(wanted.phonemes, sequences, anywhere=True)[-1]
    found, heard = [], set()
    for place in np.argsort(whole, kind="stable"):
        if inside[place] < SAME or sequences[place] in heard:
            continue
        heard.add(sequences[place])  # of words that sound alike, the most frequent
        found.append(OtherText(spoken[place].text, SOUND_ALIKE, round(float(whole[place]), 3)))
        if len(found) == count:
            break
    return found


def _pairs(wanted: Pronounced, words: Sequence[Pronounced]) -> Iterator[Pronounced]:
    """Two words each, near to the wake word cut in two between any two phonemes."""
    spoken = [word for word in words if word.phonemes]
    target = wanted.phonemes
    if not spoken:
        return
    sequences = [word.phonemes for word in spoken]
    left = phonetics.distances(target, sequences)
    backwards = [tuple(reversed(sequence)) for sequence in sequences]
    right = phonetics.distances(tuple(reversed(target)), backwards)
    for cut in range(_SHORTEST_PART, len(target) - _SHORTEST_PART + 1):
        first = np.argsort(left[cut], kind="stable")[:_NEAREST_PARTS]
        second = np.argsort(right[len(target) - cut], kind="stable")[:_NEAREST_PARTS]
        for a in first:
            for b in second:
                joined = sequences[a] + sequences[b]
                yield Pronounced(f"{spoken[a].text} {spoken[b].text}", joined)


def _apart(wanted: Pronounced, texts: Sequence[Pronounced], count: int) -> list[OtherText]:
    """The nearest of some texts, with no word in many of them."""
    unique = list({text.text: text for text in texts}.values())
    used: Counter[str] = Counter()
    found = []
    for one in _nearest(wanted, unique, len(unique)):
        parts = one.text.split()
        if all(used[part] < _MOST_WITH_A_WORD for part in parts):
            used.update(parts)
            found.append(one)
        if len(found) == count:
            break
    return found


def parts(wanted: str, pronounced: Sequence[Pronounced]) -> list[OtherText]:
    """Every proper run of words of a phrase: "hey" and "lamp" of "hey lamp"; none of a word.

    Args:
      wanted: words with spaces.
      pronounced: the texts that `part_texts` names, and `wanted`.
    """
    phonemes = {text.text: text.phonemes for text in pronounced}
    return [
        OtherText(text, PART, round(phonetics.distance(phonemes[wanted], phonemes[text]), 3))
        for text in part_texts(wanted)
    ]


def part_texts(wanted: str) -> list[str]:
    """Every proper run of words of a phrase, the longest first, each once."""
    words = wanted.split()
    runs = [
        " ".join(words[start : start + length])
        for length in range(len(words) - 1, 0, -1)
        for start in range(len(words) - length + 1)
    ]
    return list(dict.fromkeys(runs))


def replaced(
    wanted: str,
    pronounced: Sequence[Pronounced],
    words: Sequence[Pronounced],
    count: int,
    seed: int,
) -> list[OtherText]:
    """Phrases with one word replaced by a common one: "hey water" of "hey lamp"; none of a word.

    Args:
      wanted: words with spaces.
      pronounced: each of its words, and `wanted`.
      words: of the language, the most frequent first.
      count: at most so many.
      seed: for the words chosen.
    """
    own = wanted.split()
    if len(own) < 2 or not words:
        return []
    phonemes = {text.text: text.phonemes for text in pronounced}
    rng = np.random.default_rng(seed)
    found: dict[str, OtherText] = {}
    for turn in range(4 * count):
        place = turn % len(own)
        other = words[int(rng.integers(min(len(words), _COMMON)))]
        away = phonetics.distance(phonemes[own[place]], other.phonemes)
        if away < _OTHER_WORD * len(phonemes[own[place]]):
            continue
        text = " ".join((*own[:place], other.text, *own[place + 1 :]))
        found.setdefault(text, OtherText(text, REPLACED, round(away, 3)))
        if len(found) == count:
            break
    return list(found.values())
