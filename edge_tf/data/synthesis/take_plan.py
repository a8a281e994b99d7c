"""Which takes make up a set: every text, who says it, and how."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf.data.synthesis import lexicon, sound_alikes
from edge_tf.data.synthesis.lexicon import Pronounced
from edge_tf.data.synthesis.synthetic_speakers import allot
from edge_tf.data.synthesis.take_record import UNKNOWN, WORD, Take
from edge_tf.data.synthesis.take_request import TakeRequest
from edge_tf.data.synthesis.take_speakers import TakeSpeaker

_INTONATIONS = ("", ".", "?", "!", ",")
_RATE_STEPS, _PITCH_STEPS = (0.9, 1.12), (0.95, 1.05)


def texts(request: TakeRequest) -> dict[str, str]:
    """What is said, as folder names, and its kind: a wanted word or why else it is said.

    Raises:
      UserError: espeak-ng or the list of words is missing.
    """
    found = {word: WORD for word in request.words}
    found |= {word: UNKNOWN for word in request.unknown_words}
    if request.soundalikes == 0:
        return found
    path = Path(request.word_list) if request.word_list else None
    common = lexicon.common_words(request.language, path)
    words = lexicon.pronounce(common, request.language)
    taken = {folder.casefold() for folder in found}
    for folder in request.words:
        for other in _others(folder.replace("_", " "), words, request):
            name = other.text.replace(" ", "_")
            if name.casefold() not in taken:
                taken.add(name.casefold())
                found[name] = other.kind
    return found


def _others(
    wanted: str, words: Sequence[Pronounced], request: TakeRequest
) -> list[sound_alikes.OtherText]:
    runs = sound_alikes.part_texts(wanted)
    own = lexicon.pronounce(dict.fromkeys((wanted, *wanted.split(), *runs)), request.language)
    count = request.soundalikes
    replaced = sound_alikes.replaced(wanted, own, words, count // 4, request.seed)
    alike = sound_alikes.sound_alikes(own[0], words, count - len(replaced))
    return [*sound_alikes.parts(wanted, own), *alike, *replaced]


def plan(
    request: TakeRequest, kinds: dict[str, str], speakers: Sequence[TakeSpeaker]
) -> list[Take]:
    """Every take of a set, before it is made. More takes of a word leave the others as they are."""
    takes = []
    splits = [speaker.split for speaker in speakers]
    for folder, kind in kinds.items():
        wanted = request.takes if kind == WORD else request.takes_per_other
        counts = allot(wanted, splits, folder, request.seed)
        for index, speaker in enumerate(speakers):
            for number in range(counts[index]):
                takes.append(_take(request.seed, folder, kind, speaker, index, number))
    return takes


def _take(seed: int, folder: str, kind: str, speaker: TakeSpeaker, index: int, number: int) -> Take:
    rng = np.random.default_rng([seed, 7, index, zlib.crc32(folder.encode()), number])
    return Take(
        path=f"{folder}/{speaker.name}_nohash_{number}.wav",
        kind=kind,
        word=folder,
        text=folder.replace("_", " ") + str(rng.choice(_INTONATIONS)),
        split=speaker.split,
        speaker=speaker.name,
        synthesizer=speaker.voice.synthesizer,
        voice=speaker.voice.name,
        sex=speaker.voice.sex,
        rate=round(speaker.rate * float(rng.uniform(*_RATE_STEPS)), 3),
        pitch=round(speaker.pitch * float(rng.uniform(*_PITCH_STEPS)), 3),
        seed=int(rng.integers(2**31)),
    )
