"""Folders of words for tests: tiny clips in the Speech Commands layout."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tests.edge_tf.audio.wav_files import tone, write

# By the official hash, whatever the word: two speakers a split.
SPEAKERS = {
    "training": ("00000001", "00000003"),
    "validation": ("00000000", "00000007"),
    "testing": ("00000002", "00000018"),
}


def make(
    root: Path,
    words: Iterable[str],
    speakers: Mapping[str, Iterable[str]] = SPEAKERS,
    takes: int = 1,
    noise: bool = True,
    seconds: float = 0.01,
) -> Path:
    """A clip a word, speaker and take; by default two of each word in every split."""
    for number, word in enumerate(words):
        for names in speakers.values():
            for speaker in names:
                for take in range(takes):
                    path = root / word / f"{speaker}_nohash_{take}.wav"
                    write(path, tone(200.0 + 50 * number + take, seconds=seconds))
    if noise:
        sound = np.random.default_rng(0).uniform(-0.1, 0.1, 24_000)
        write(root / "_background_noise_" / "hum.wav", sound)
    return root
