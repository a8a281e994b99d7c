"""espeak-ng: many accents and timbres that sound synthetic; one take in milliseconds."""

import functools
import re

import numpy as np

from edge_tf.audio import espeak, simulation
from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis import accents
from edge_tf.data.synthesis.voices.synthesizer import FEMALE, MALE, RATE, Synthesizer, Voice
from edge_tf.errors import UserError

# The variants of espeak-ng 1.52 that sound human, female and male. Left out: robots, whispers,
# effects, near-copies, and those that clip or lack a formant that distinguishes vowels.
FEMALE_VARIANTS = (
    *("f1", "f2", "f3", "f4", "f5", "Andrea", "Annie", "anika", "aunty", "belinda", "grandma"),
    *("linda", "shelby"),
)
MALE_VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Alex", "Denis", "Gene", "Henrique"),
    *("Marco", "Mario", "Michael", "Mike", "Nguyen", "Reed", "adam", "benjamin", "boris"),
    *("david", "ed", "edward", "grandpa", "gustave", "ian", "iven3", "john", "klatt3", "klatt4"),
    *("klatt5", "klatt6", "marcelo", "max", "michel", "mike2", "norbert", "pablo", "paul"),
    *("pedro", "quincy", "rob", "robert", "sandro", "travis", "victor"),
)

# Of an English voice: the names of what accents.py makes. espeak-ng has no open [a] there but a
# long one, and swallows an approximant r at a syllable's end unless it is part of the vowel.
_NAMES = {
    **{"ɑːɹ": "A@", "ɑɹ": "A@", "aɹ": "A@", "ɔːɹ": "O@", "ɔɹ": "O@", "oːɹ": "o@", "ɛɹ": "e@"},
    **{"eɹ": "e@", "iɹ": "i@3", "ɪɹ": "i@3", "uɹ": "U@", "ʊɹ": "U@", "əɹ": "3", "aɪɚ": "aI3"},
    **{"tʃ": "tS", "dʒ": "dZ", "eɪ": "eI", "aɪ": "aI", "aʊ": "aU", "ɔɪ": "OI", "oʊ": "oU"},
    **{"əʊ": "oU", "iə": "i@", "eə": "e@", "ʊə": "U@", "iː": "i:", "uː": "u:", "ɑː": "A:"},
    **{
        "ɔː": "O:",
        "ɜː": "3:",
        "ɜ": "3:",
        "oː": "o:",
        "eː": "e:",
        "æ": "a",
        "a": "a:",
        "ɑ": "A:",
        "ɐ": "a#",
    },
    **{"ɪ": "I", "ʊ": "U", "ʌ": "V", "ə": "@", "ɚ": "3", "ɛ": "E", "ɔ": "O", "ɒ": "0", "ᵻ": "I2"},
    **{"n̩": "@n", "m̩": "@m", "l̩": "@L", "ɡ": "g", "ŋ": "N", "θ": "T", "ð": "D", "ʃ": "S"},
    **{"ʒ": "Z", "r": "R", "ɹ": "r", "ɾ": "t#", "ʔ": "?", "ˈ": "'", "ˌ": ",", "ː": "", ":": ""},
    # Scottish and Caribbean sounds.
    **{"ʌʉ": "aU", "ʉɹ": "U@", "ʉ": "u", "ʍ": "w", "ʲ": "", "\u032a": ""},
    **{letter: letter for letter in "bdefhijklmnopstuvwxz"},
}
_PIECE = re.compile("|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True)))

_WORDS_PER_MINUTE = 165
_PITCH = 50


class EspeakVoices(Synthesizer):
    """Accents x variants of espeak-ng; the timbre is the variant."""

    name = "espeak"
    licence = "GPL-3.0 (the program, not its output)"
    has_accents = True

    def missing(self) -> str:
        try:
            espeak.loader_version()
        except UserError as error:
            return str(error)
        return ""

    def version(self) -> str:
        return _version()

    def voices(self, language: str) -> list[Voice]:
        return [
            Voice(self.name, f"{accent}+{variant}", language, sex, (variant,))
            for sex, variants in ((FEMALE, FEMALE_VARIANTS), (MALE, MALE_VARIANTS))
            for variant in variants
            for accent in _accents(language)
        ]

    def render(
        self, text: str, voice: Voice, seed: int, rate: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        accent, _, variant = voice.name.partition("+")
        settings = espeak.Voice(
            accent,
            variant,
            rate=round(min(max(_WORDS_PER_MINUTE * rate, 80), 450)),
            pitch=round(min(max(_PITCH * pitch, 0), 99)),
            pitch_range=int(np.random.default_rng(seed).integers(20, 86)),
        )
        if voice.accent:
            text = _in_phonemes(text, accent, voice.accent)
        with Espeak(seed) as engine:  # the engine remembers what it said before
            samples, engine_rate = engine.speak(text, settings, has_phonemes=bool(voice.accent))
        return simulation.resample(samples, RATE / engine_rate)


@functools.lru_cache(maxsize=4096)
def _in_phonemes(text: str, voice: str, accent: str) -> str:
    """A text as espeak-ng's names of what an accent makes of it, with its last punctuation."""
    words = text.rstrip(" .,;:!?")
    with Espeak() as engine:
        phonemes = engine.phonemes(words, voice)
    named = [
        "".join(_NAMES[piece] for sound in word for piece in _PIECE.findall(sound))
        for word in accents.spoken(phonemes, words, accent)
    ]
    return f"[[{' '.join(named)}]]{text[len(words) :]}"


@functools.lru_cache(maxsize=8)
def _accents(language: str) -> tuple[str, ...]:
    with Espeak() as engine:
        return tuple(engine.accents(language))


@functools.lru_cache(maxsize=1)
def _version() -> str:
    with Espeak() as engine:
        return engine.version
