"""The invented speakers of a synthetic set: voice, room, microphone and split."""

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np

from edge_tf.audio.espeak import Voice
from edge_tf.audio.simulation import Microphone, Room
from edge_tf.data.dataset import SPLITS, Split
from edge_tf.data.words.splits import hash_split

# Share of the speakers held out for validation, and again for testing.
_HELD_OUT_SHARE = 0.15


@dataclasses.dataclass(frozen=True)
class Speaker:
    """Fixed parameters of one invented speaker.

    Attributes:
      name: eight hexadecimal digits, the file name's part before `_nohash_`. The official hash of
        Speech Commands assigns it to the same split as the lists do.
      split: one of SPLITS.
      voice: how it speaks on average; a clip varies rate and pitch around it.
      tract: vocal tract length relative to the voice's; above 1 lowers all formants.
      level_db: mean active speech level in dBFS.
      room: its room.
      microphone: its microphone.
    """

    name: str
    split: Split
    voice: Voice
    tract: float
    level_db: float
    room: Room
    microphone: Microphone


def speaker_name(seed: int, index: int, split: Split, taken: set[str]) -> str:
    """Eight hexadecimal digits that the official hash puts into `split`; added to `taken`."""
    attempt = 0
    while True:
        name = f"{zlib.crc32(f'{seed}/{index}/{attempt}'.encode()):08x}"
        if name not in taken and hash_split(name) == split:
            taken.add(name)
            return name
        attempt += 1


def split_sizes(speakers: int) -> dict[str, int]:
    """How many of `speakers` (at least 3) go into each split; no split is empty."""
    held_out = max(1, round(speakers * _HELD_OUT_SHARE))
    return {"training": speakers - 2 * held_out, "validation": held_out, "testing": held_out}


def allot(clips: int, splits: Sequence[Split], word: str, seed: int) -> list[int]:
    """How many of some clips of a word each speaker says.

    As even as possible, one per split first; with more clips nobody says fewer.

    Args:
      clips: of the word, over all speakers.
      splits: of each speaker.
      word: varies who comes first.
      seed: the same.
    """
    rng = np.random.default_rng([seed, 2, zlib.crc32(word.encode())])
    shuffled = [int(i) for i in rng.permutation(len(splits))]
    first = {splits[i]: i for i in reversed(shuffled)}
    served = [first[split] for split in ("training", "testing", "validation") if split in first]
    order = served + [i for i in shuffled if i not in served]
    counts = [clips // len(splits)] * len(splits)
    for i in order[: clips % len(splits)]:
        counts[i] += 1
    return counts


def _draw(rng: np.random.Generator, low: float, high: float, digits: int = 3) -> float:
    """Uniform, rounded so that the metadata shows the exact number used."""
    return round(float(rng.uniform(low, high)), digits)


def _room(rng: np.random.Generator) -> Room:
    return Room(
        rt60=_draw(rng, 0.08, 0.6),
        direct_to_reverberant_db=_draw(rng, 2.0, 18.0),
        early_reflections=int(rng.integers(3, 12)),
        seed=int(rng.integers(2**31)),
    )


def _microphone(rng: np.random.Generator) -> Microphone:
    peaks = tuple(
        (_draw(rng, 200.0, 6000.0, 0), _draw(rng, -6.0, 6.0), _draw(rng, 0.3, 1.0))
        for _ in range(int(rng.integers(1, 4)))
    )
    return Microphone(
        high_pass=_draw(rng, 60.0, 220.0, 0),
        low_pass=_draw(rng, 4500.0, 7800.0, 0),
        tilt_db=_draw(rng, -3.0, 3.0),
        peaks=peaks,
    )


def _pools(variants: Sequence[str], share: float, rng: np.random.Generator) -> dict[str, list[str]]:
    """Distributes variants over the splits; each held-out split gets `share`, at least one."""
    shuffled = [variants[i] for i in rng.permutation(len(variants))]
    part = max(1, round(len(shuffled) * share))
    return {
        "validation": shuffled[:part],
        "testing": shuffled[part : 2 * part],
        "training": shuffled[2 * part :],
    }


def draw_speakers(
    count: int, accents: Sequence[str], groups: Sequence[Sequence[str]], seed: int
) -> list[Speaker]:
    """Invents speakers; no variant (timbre) is in two splits.

    Args:
      count: how many, at least 3.
      accents: voices to speak with, at least one.
      groups: timbres, such as female and male, at least 3 in each; the speakers of a split
        alternate between the groups. Speakers that share a timbre differ in accent, pitch, tract
        length and place.
      seed: determines everything.

    Returns:
      `count` speakers, training first, then validation, then testing.
    """
    sizes = split_sizes(count)
    share = sizes["validation"] / count
    rng = np.random.default_rng([seed, 0])
    pools = [_pools(group, share, rng) for group in groups]
    speakers: list[Speaker] = []
    taken: set[str] = set()
    for split in SPLITS:
        for place in range(sizes[split]):
            index = len(speakers)
            rng = np.random.default_rng([seed, 1, index])
            pool = pools[place % len(pools)][split]
            voice = Voice(
                accent=accents[int(rng.integers(len(accents)))],
                variant=pool[place // len(pools) % len(pool)],
                rate=int(rng.integers(125, 211)),
                pitch=int(rng.integers(25, 71)),
                pitch_range=int(rng.integers(20, 86)),
            )
            speakers.append(
                Speaker(
                    name=speaker_name(seed, index, split, taken),
                    split=split,
                    voice=voice,
                    tract=_draw(rng, 0.9, 1.12),
                    level_db=_draw(rng, -32.0, -16.0, 1),
                    room=_room(rng),
                    microphone=_microphone(rng),
                )
            )
    return speakers
