"""Takes and other sound for tests, without a synthesizer: a word is a rising melody, other sound a
low tone, so that a scorer of three lines tells them apart.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from edge_tf.data.dataset import SPLITS
from edge_tf.data.streams import sound_bank
from edge_tf.data.streams.mixing import RATE, Mix, Sounds
from edge_tf.data.streams.sound_bank import Choice, SoundBank
from edge_tf.data.synthesis import take_record
from edge_tf.data.synthesis.take_record import SENTENCE, UNKNOWN, WORD, Take

WORD_HZ, OTHER_HZ = (2600.0, 3000.0, 3400.0), (300.0, 400.0, 500.0)
# Nothing but words: no other sound, room, device or noise, all at one level.
PLAIN = Mix(
    word=1.0,
    again=0.0,
    talk=0.0,
    noise=0.0,
    room=0.0,
    device=0.0,
    speed=1.0,
    silent=1.0,
    clipped=0.0,
    codec=0.0,
    level_db=(-20.0, -20.0),
)


def melody(hertz: Sequence[float], seconds: float, seed: int = 0) -> np.ndarray:
    """Tones behind each other, int16, loud to both ends; a seed's own phase."""
    length = round(seconds / len(hertz) * RATE)
    phase = np.random.default_rng(seed).uniform(0.2, 1.2)
    time = np.arange(length) / RATE
    notes = [np.cos(2 * np.pi * one * time + phase) for one in hertz]
    return np.round(np.concatenate(notes) * 0.14 * 32767).astype(np.int16)


def bank(*sounds: np.ndarray) -> SoundBank:
    return sound_bank.of(sounds)


@functools.cache
def sounds(word_s: float = 0.45, words: int = 1) -> Sounds:
    """Takes of words, other sound, and noise that is white."""
    noise = np.random.default_rng(0).normal(0, 3000, 20 * RATE).clip(-32768, 32767)
    return Sounds(
        words=[
            Choice(((1.0, bank(*(melody(WORD_HZ, word_s, 10 * one + i) for i in range(3)))),))
            for one in range(words)
        ],
        others=Choice(((1.0, bank(*(melody(OTHER_HZ, 0.5 + 0.2 * i, i) for i in range(4)))),)),
        noise=Choice(((1.0, bank(noise.astype(np.int16))),)),
    )


def write(path: Path, sound: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE, subtype="PCM_16")


def named(folder: Path, names: list[str], seconds: float = 0.1) -> Path:
    """Files each of which has a value of its own, from 1: it says which file a sample is of."""
    for value, name in enumerate(names, 1):
        write(folder / name, np.full(round(seconds * RATE), value, np.int16))
    return folder


def takes(folder: Path, words: Sequence[str] = ("lamp",), each: int = 4) -> Path:
    """A set as edge_tf.data.synthesis.takes makes it: `each` takes of a text and split."""
    rows = []
    for split in SPLITS:
        for word in words:
            rows += [_take(word, WORD, split, number) for number in range(each)]
        rows += [_take("garden", UNKNOWN, split, number) for number in range(each)]
        rows += [_take("sentences-en", SENTENCE, split, number) for number in range(each)]
    for number, take in enumerate(rows):
        hertz = WORD_HZ if take.kind == WORD else OTHER_HZ
        write(folder / take.path, melody(hertz, 2.0 if take.kind == SENTENCE else 0.45, number))
    take_record.write(folder, rows)
    return folder


def _take(folder: str, kind: str, split: str, number: int) -> Take:
    return Take(
        path=f"{folder}/{split}_nohash_{number}.wav",
        kind=kind,
        word=folder,
        text=folder,
        split=split,
        speaker=split,
        synthesizer="tones",
        voice=f"v{number}",
        sex="",
        rate=1.0,
        pitch=1.0,
        seed=number,
        samples=1,
    )
