"""A synthesizer for tests: each text is a melody, each voice an octave of it."""

import threading
import zlib

import numpy as np

from edge_tf.audio import simulation
from edge_tf.data.synthesis.voices.synthesizer import FEMALE, MALE, RATE, Synthesizer, Voice


class Tones(Synthesizer):
    """`renders` counts the takes; the one with number `stop_at` is interrupted."""

    licence = "none"

    def __init__(self, name: str = "tones", voices: int = 9, blends: bool = True) -> None:
        self.name = name
        self._count = voices
        self.blends_voices = blends
        self.renders = 0
        self.stop_at = -1
        self.silent = ""  # a voice that says nothing
        self.wrong = ""  # a voice that says something else
        self.accent = ""  # another one has other melodies for all texts
        self.languages: tuple[str, ...] = ("en",)
        self.shifts = True  # pitch moves the whole melody, as no real voice's does
        self._counting = threading.Lock()  # takes are made in threads

    def missing(self) -> str:
        return ""

    def version(self) -> str:
        return "1"

    def voices(self, language: str) -> list[Voice]:
        if language.split("-")[0] not in self.languages:
            return []
        return [
            Voice(self.name, f"v{i}", language, (FEMALE, MALE)[i % 2], (f"v{i}",))
            for i in range(self._count)
        ]

    def blend(self, first: Voice, second: Voice, share: float) -> Voice | None:
        if not self.blends_voices:
            return None
        name = f"{first.name}+{second.name}*{share}"
        timbres = (*first.timbres, *second.timbres)
        return Voice(self.name, name, first.language, first.sex, timbres)

    def render(
        self, text: str, voice: Voice, seed: int, rate: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        with self._counting:
            if 0 <= self.stop_at <= self.renders:
                raise KeyboardInterrupt
            self.renders += 1
        if voice.name == self.silent:
            return np.zeros(RATE, np.float32)
        words = "something else" if voice.name == self.wrong else text.rstrip("?!.,")
        said = f"{self.accent}{words}".encode()
        melody = np.random.default_rng(zlib.crc32(said)).uniform(300, 3000, 5)
        length = int(0.12 * RATE / rate)
        time = np.arange(length) / RATE
        shift = pitch if self.shifts else 1.0
        notes = [np.sin(2 * np.pi * hertz * shift * time) for hertz in melody]
        noise = 0.01 * np.random.default_rng(seed).standard_normal(5 * length)
        return simulation.set_rms(np.concatenate(notes) + noise, 0.2)
