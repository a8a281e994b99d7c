"""The speakers of a set of takes: voices of several synthesizers, no timbre in two splits."""

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np

from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.synthesis import accents
from edge_tf.data.synthesis.synthetic_speakers import speaker_name, split_sizes
from edge_tf.data.synthesis.voices.synthesizer import FEMALE, MALE, Synthesizer, Voice
from edge_tf.errors import UserError

_HELD_OUT_SHARE = 0.15
_BLENDED_SHARE = 0.6  # of the speakers of a synthesizer that can blend
_LEAST_BLENDED, _MOST_BLENDED = 0.3, 0.5  # share of the second voice
# Relative to the voice's own: people speak slower than synthesizers, the more so to a machine.
_RATES, _PITCHES = (0.6, 1.2), (0.88, 1.14)


@dataclasses.dataclass(frozen=True)
class TakeSpeaker:
    """A speaker: `name` is eight hexadecimal digits, rate and pitch are relative to the voice's."""

    name: str
    split: Split
    voice: Voice
    rate: float
    pitch: float


def split_timbres(voices: Sequence[Voice]) -> dict[str, Split]:
    """Assigns the timbres of one synthesizer to splits, the same whatever the seed.

    Sets made with other seeds can so be joined. Women and men are divided alike if there are three
    of each. Fewer than three timbres are all for training.
    """
    sexes = {voice.timbres[0]: voice.sex for voice in voices}
    groups = [
        [timbre for timbre, sex in sexes.items() if sex == wanted]
        for wanted in dict.fromkeys(sexes.values())
    ]
    if min(map(len, groups), default=0) < 3:
        groups = [list(sexes)]
    found: dict[str, Split] = {}
    for group in groups:
        ordered = sorted(group, key=lambda timbre: (zlib.crc32(timbre.encode()), timbre))
        part = max(1, round(len(group) * _HELD_OUT_SHARE)) if len(group) >= 3 else 0
        for place, timbre in enumerate(ordered):
            found[timbre] = (
                "validation" if place < part else "testing" if place < 2 * part else "training"
            )
    return found


def draw_take_speakers(
    count: int,
    synthesizers: Sequence[Synthesizer],
    language: str,
    seed: int,
    accents_share: float = 0.0,
) -> list[TakeSpeaker]:
    """Invents speakers, in turn of each synthesizer and of each sex.

    Args:
      count: how many, at least 3.
      synthesizers: those to speak with.
      language: tag.
      seed: determines everything but the split of a timbre.
      accents_share: of the speakers of English whose synthesizer can, so many have an accent; the
        others are the same whatever it is.

    Returns:
      `count` speakers, training first, then validation, then testing.

    Raises:
      UserError: a split would have no voice.
    """
    pools: dict[tuple[Split, str, str], list[Voice]] = {}
    for synthesizer in synthesizers:
        voices = synthesizer.voices(language)
        split_of = split_timbres(voices)
        for voice in voices:
            key = (split_of[voice.timbres[0]], synthesizer.name, voice.sex)
            pools.setdefault(key, []).append(voice)
    by_name = {synthesizer.name: synthesizer for synthesizer in synthesizers}
    speakers: list[TakeSpeaker] = []
    taken: set[str] = set()
    for split, size in split_sizes(count).items():
        assert split in SPLITS
        # Synthesizers alternate faster than sexes.
        turns = [
            pools[split, name, sex]
            for sex in (FEMALE, MALE, "")
            for name, synthesizer in by_name.items()
            if (split, name, sex) in pools
            for _ in range(synthesizer.turns)
        ]
        if not turns:
            raise UserError(
                f"--synthesizers={','.join(by_name)} has too few voices for three splits",
                "add espeak to them",
            )
        for place in range(size):
            index = len(speakers)
            rng = np.random.default_rng([seed, 6, index])
            pool = turns[place % len(turns)]
            synthesizer = by_name[pool[0].synthesizer]
            turn = place // len(turns) * synthesizer.turns + turns[: place % len(turns)].count(pool)
            voice = _voice(synthesizer, pool, turn, rng)
            if synthesizer.has_accents and _is_english(language):
                dice = np.random.default_rng([seed, 9, index])
                voice = _with_accent(voice, accents_share, dice)
            speakers.append(
                TakeSpeaker(
                    name=speaker_name(seed, index, split, taken),
                    split=split,
                    voice=voice,
                    rate=round(float(rng.uniform(*_RATES)), 3),
                    pitch=round(float(rng.uniform(*_PITCHES)), 3),
                )
            )
    return speakers


def _is_english(language: str) -> bool:
    return language.split("-")[0] == accents.LANGUAGE


def _with_accent(voice: Voice, share: float, rng: np.random.Generator) -> Voice:
    if rng.random() >= share:
        return voice
    return dataclasses.replace(voice, accent=accents.draw(rng))


def _voice(
    synthesizer: Synthesizer, pool: Sequence[Voice], turn: int, rng: np.random.Generator
) -> Voice:
    """One of a pool, or a blend of two: every timbre once, then as the dice fall."""
    timbres: dict[str, list[Voice]] = {}
    for voice in pool:
        timbres.setdefault(voice.timbres[0], []).append(voice)
    names = list(timbres)
    same = timbres[names[turn % len(names)]]
    first = same[int(rng.integers(len(same)))]
    if turn < len(names) and rng.random() >= _BLENDED_SHARE:
        return first
    others = [voice for voice in pool if voice.language == first.language and voice != first]
    if not others:
        return first
    share = round(float(rng.uniform(_LEAST_BLENDED, _MOST_BLENDED)), 2)
    return synthesizer.blend(first, others[int(rng.integers(len(others)))], share) or first
