"""flite: four diphone and statistical voices of English, from Debian's package of that name."""

import re
import shutil
import subprocess
import wave

import numpy as np

from edge_tf.audio import simulation
from edge_tf.data.synthesis.voices.synthesizer import FEMALE, MALE, RATE, Synthesizer, Voice
from edge_tf.errors import UserError
from firmware_export import children

INSTALL = "apt-get install flite"

# Left out: kal, which is kal16 at 8 kHz, and awb_time, which tells the time only.
_VOICES = {"slt": FEMALE, "awb": MALE, "kal16": MALE, "rms": MALE}
_LANGUAGE = "en-us"
_SECONDS = 60


class FliteVoices(Synthesizer):
    """Voices that Carnegie Mellon University gives away with flite."""

    name = "flite"
    licence = "BSD-like (Carnegie Mellon University)"

    def missing(self) -> str:
        if shutil.which("flite") is None:
            return f"flite is not installed; on Debian and Ubuntu: {INSTALL}"
        return ""

    def version(self) -> str:
        said = self._run("--version")
        found = re.search(r"version:?\s+flite-(\S+)", said)
        return found[1] if found else "unknown"

    def voices(self, language: str) -> list[Voice]:
        if language not in ("en", _LANGUAGE):
            return []
        installed = self._run("-lv").split()
        return [
            Voice(self.name, name, _LANGUAGE, sex, (name,))
            for name, sex in _VOICES.items()
            if name in installed
        ]

    def render(
        self, text: str, voice: Voice, seed: int, rate: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        del seed  # flite leaves nothing open
        if voice.name not in _VOICES:
            raise ValueError(f"flite has no voice '{voice.name}'")
        with children.folder() as folder:
            out = folder / "take.wav"
            # Resampling raises pitch, formants and speed together: flite speaks slower before it.
            stretch = f"duration_stretch={pitch / rate:.4f}"
            self._run("-voice", voice.name, "--setf", stretch, "-t", text, "-o", str(out))
            with wave.open(str(out)) as sound:
                samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768.0
                engine_rate = sound.getframerate()
        return simulation.resample(samples, RATE / engine_rate / pitch)

    def _run(self, *arguments: str) -> str:
        if reason := self.missing():
            raise UserError(reason)
        done = subprocess.run(
            ["flite", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        return done.stdout + done.stderr
