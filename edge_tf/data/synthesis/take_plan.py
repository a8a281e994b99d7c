"""Which takes make up a set: every text, who says it, and how."""

import dataclasses
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_tf.data.synthesis import lexicon, sentences, sound_alikes
from edge_tf.data.synthesis.lexicon import Pronounced
from edge_tf.data.synthesis.synthetic_speakers import allot
from edge_tf.data.synthesis.take_record import SENTENCE, UNKNOWN, WORD, Take
from edge_tf.data.synthesis.take_request import TakeRequest
from edge_tf.data.synthesis.take_speakers import TakeSpeaker, draw_take_speakers
from edge_tf.data.synthesis.voices.synthesizer import Synthesizer, Voice

_INTONATIONS = ("", ".", "?", "!", ",")
_RATE_STEPS, _PITCH_STEPS = (0.9, 1.12), (0.95, 1.05)
# Of sentences: the share in the set's language, speakers of each other one, and what takes long.
_OWN_LANGUAGE = 0.5
_FOREIGN_SPEAKERS = 24
_SLOW, _SLOW_SHARE = ("kokoro",), 0.05


@dataclasses.dataclass(frozen=True)
class Planned:
    """A take before it is made, and the voice that says it."""

    take: Take
    voice: Voice


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
) -> list[Planned]:
    """Every take of a text of `texts`. More takes of a word leave the others as they are."""
    planned = []
    splits = [speaker.split for speaker in speakers]
    for folder, kind in kinds.items():
        wanted = request.takes if kind == WORD else request.takes_per_other
        counts = allot(wanted, splits, folder, request.seed)
        for index, speaker in enumerate(speakers):
            for number in range(counts[index]):
                rng = np.random.default_rng(
                    [request.seed, 7, index, zlib.crc32(folder.encode()), number]
                )
                text = folder.replace("_", " ") + str(rng.choice(_INTONATIONS))
                planned.append(_take(rng, folder, kind, text, speaker, number))
    return planned


def plan_sentences(
    request: TakeRequest, synthesizers: Sequence[Synthesizer], speakers: Sequence[TakeSpeaker]
) -> tuple[list[Planned], list[TakeSpeaker]]:
    """The sentences of a set, in its language and in others that can be spoken here.

    Returns:
      The sentences, and the speakers of the other languages.

    Raises:
      UserError: espeak-ng or the list of words is missing.
    """
    if request.sentences == 0:
        return [], []
    own = request.language.split("-")[0]
    others = [
        language
        for language in sentences.LANGUAGES
        if language != own
        and language in lexicon.languages()
        and any(one.voices(language) for one in synthesizers)
    ]
    wanted = lexicon.pronounce((word.replace("_", " ") for word in request.words), request.language)
    count = round(request.sentences * (_OWN_LANGUAGE if others else 1.0))
    path = Path(request.word_list) if request.word_list else None
    words = lexicon.common_words(request.language, path)
    said = sentences.texts(count, request.language, words, wanted, request.seed)
    planned = _spoken(said, request.language, speakers, request.seed)
    foreign: list[TakeSpeaker] = []
    for place, language in enumerate(others):
        share = len(range(place, request.sentences - count, len(others)))
        said = sentences.texts(
            share, language, lexicon.common_words(language), wanted, request.seed
        )
        seed = zlib.crc32(language.encode()) + request.seed
        speaking = [one for one in synthesizers if one.voices(language)]
        there = draw_take_speakers(_FOREIGN_SPEAKERS, speaking, language, seed)
        planned += _spoken(said, language, there, request.seed)
        foreign += there
    return planned, foreign


def _spoken(
    said: Sequence[str], language: str, speakers: Sequence[TakeSpeaker], seed: int
) -> list[Planned]:
    """Sentences in turn of the speakers; those of slow synthesizers get fewer."""
    slow = [speaker for speaker in speakers if speaker.voice.synthesizer in _SLOW]
    fast = [speaker for speaker in speakers if speaker.voice.synthesizer not in _SLOW] or slow
    folder = f"sentences-{language}"
    planned = []
    for number, text in enumerate(said):
        rng = np.random.default_rng([seed, 8, zlib.crc32(folder.encode()), number])
        pool = slow if slow and rng.random() < _SLOW_SHARE else fast
        speaker = pool[int(rng.integers(len(pool)))]
        planned.append(_take(rng, folder, SENTENCE, text, speaker, number))
    return planned


def _take(
    rng: np.random.Generator, folder: str, kind: str, text: str, speaker: TakeSpeaker, number: int
) -> Planned:
    take = Take(
        path=f"{folder}/{speaker.name}_nohash_{number}.wav",
        kind=kind,
        word=folder,
        text=text,
        split=speaker.split,
        speaker=speaker.name,
        synthesizer=speaker.voice.synthesizer,
        voice=_named(speaker.voice),
        sex=speaker.voice.sex,
        rate=round(speaker.rate * float(rng.uniform(*_RATE_STEPS)), 3),
        pitch=round(speaker.pitch * float(rng.uniform(*_PITCH_STEPS)), 3),
        seed=int(rng.integers(2**31)),
    )
    return Planned(take, speaker.voice)


def _named(voice: Voice) -> str:
    return f"{voice.name} ({voice.accent})" if voice.accent else voice.name
