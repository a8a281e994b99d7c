"""Speech from espeak-ng, called in this process through ctypes.

espeak-ng comes with the wheel `espeakng-loader` (extra `synthesis`). It is GPL-3.0, hence optional:
only edge_tf.data.synthesis imports this module.
"""

import contextlib
import ctypes
import dataclasses
import importlib
import shutil
import threading
from typing import Any

import numpy as np

from edge_tf.errors import UserError
from firmware_export import children

# The extra "synthesis" of pyproject.toml; this works wherever edge_tf was installed from.
INSTALL = "python -m pip install 'espeakng-loader>=0.2.4,<0.3'"

# Names and values of espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_PHONEME_INPUT = 0x100
_POSITION_CHARACTER = 1
_PHONEMES_IPA = 0x02
_PHONEME_SEPARATOR = "_"
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7

# Some variants clip at 100, the level that speak_lib.h calls normal.
_VOLUME_PERCENT = 50

_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

# espeak-ng draws its noise from rand() of the C library, which the whole process shares.
_lock = threading.Lock()


class _VoiceRecord(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclasses.dataclass(frozen=True)
class Voice:
    """Voice settings of espeak-ng.

    Attributes:
      accent: identifier of a voice, one of `Espeak.accents()`, such as "gmw/en-US".
      variant: one of `Espeak.variants()`, such as "f3"; "" is the plain voice.
      rate: words per minute, 80 to 450.
      pitch: 0 to 99; 50 is the variant's default.
      pitch_range: 0 (monotone) to 99; 50 is normal.
      word_gap: pause between words in units of 10 ms.
    """

    accent: str
    variant: str = ""
    rate: int = 170
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0


def _loader() -> Any:
    """The module espeakng_loader, or UserError if the extra is not installed."""
    try:
        return importlib.import_module("espeakng_loader")
    except ImportError:
        raise UserError(
            "speech synthesis needs espeak-ng, which is not installed",
            f"run: {INSTALL}",
        ) from None


class Espeak:
    """One espeak-ng engine, in the state of a fresh process.

    espeak-ng keeps static state (the phase of its pitch flutter, its noise) from one utterance to
    the next and cannot reset it, so the same call twice returns different samples. Each object
    therefore loads a private copy of the shared library (about 10 ms): its output depends only on
    `seed` and on the calls made on this object.

    Use it as a context manager, or call `close()`.
    """

    def __init__(self, seed: int = 0) -> None:
        """Loads the library.

        Args:
          seed: for espeak-ng's noise (breath, flutter).

        Raises:
          UserError: the wheel is missing, or its library does not load here.
        """
        loader = _loader()
        with children.folder() as folder:
            try:
                copy = shutil.copy(loader.get_library_path(), folder)
                self._library = ctypes.CDLL(str(copy))
            except OSError as error:
                raise UserError(
                    f"espeak-ng does not load from {folder}: {error}",
                    "set TMPDIR to a folder whose files may be executed, or run: "
                    f"{INSTALL} --force-reinstall",
                ) from None
        self._seed = seed
        self._selected = ""
        self._chunks: list[bytes] = []
        self._callback = _SynthCallback(self._collect)
        self._declare()
        data = str(loader.get_data_path()).encode()
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise UserError(
                f"espeak-ng cannot read its data in {loader.get_data_path()}",
                f"run: {INSTALL} --force-reinstall",
            )
        self._library.espeak_SetSynthCallback(self._callback)
        self._utterances = 0
        self._known = {*self.accents(), *self.variants()}

    def _declare(self) -> None:
        library = self._library
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        library.espeak_ListVoices.argtypes = [ctypes.POINTER(_VoiceRecord)]
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_Info.argtypes = [ctypes.c_void_p]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_TextToPhonemes.argtypes = [
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_int,
            ctypes.c_int,
        ]
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]

    def _collect(self, samples: Any, count: int, _: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    def _list(self, languages: bytes | None) -> list[tuple[str, str]]:
        """(identifier, first language tag) of each voice, in espeak-ng's order."""
        wanted = ctypes.byref(_VoiceRecord(languages=languages)) if languages else None
        records = self._library.espeak_ListVoices(wanted)
        voices = []
        index = 0
        while records[index]:
            record = records[index].contents
            # `languages` is a priority byte before each tag.
            voices.append((record.identifier.decode(), record.languages[1:].decode()))
            index += 1
        return voices

    def accents(self, language: str = "") -> list[str]:
        """Identifiers of the voices of a language ("en": en-us, en-gb, ...), or of all."""
        return [
            identifier
            for identifier, tag in self._list(None)
            # mb/ needs a second program, and the Shavian alphabet spells Latin letters out.
            if not identifier.startswith("mb/")
            and tag != "en-shaw"
            and (not language or tag == language or tag.startswith(f"{language}-"))
        ]

    def variants(self) -> list[str]:
        """Names of the variants (speakers' timbres) that can be combined with any accent."""
        return [identifier.split("/", 1)[1] for identifier, _ in self._list(b"variant")]

    @property
    def version(self) -> str:
        """Version of espeak-ng, such as "1.52.0"."""
        return self._library.espeak_Info(None).decode().split()[0]

    def speak(self, text: str, voice: Voice, has_phonemes: bool = False) -> tuple[np.ndarray, int]:
        """Synthesizes a text.

        Args:
          text: what to say; punctuation shapes the intonation and is not spoken.
          voice: how to say it.
          has_phonemes: whether what stands in [[double brackets]] are names of phonemes.

        Returns:
          Samples, float32 of shape [n] within [-1, 1] (n may be 0), and the sample rate in Hz.

        Raises:
          ValueError: espeak-ng has no such accent or variant.
          RuntimeError: espeak-ng refused the text.
        """
        encoded = text.encode()
        flags = _CHARS_UTF8 | (_PHONEME_INPUT if has_phonemes else 0)
        with _lock:
            self._select(voice)
            for parameter, value in (
                (_RATE, voice.rate),
                (_VOLUME, _VOLUME_PERCENT),
                (_PITCH, voice.pitch),
                (_RANGE, voice.pitch_range),
                (_WORD_GAP, voice.word_gap),
            ):
                self._library.espeak_SetParameter(parameter, int(value), 0)
            self._chunks.clear()
            # Reseeded before each utterance: other code in this process may call rand() too.
            self._utterances += 1
            self._library.espeak_ng_SetRandSeed((self._seed + self._utterances) & 0x7FFFFFFF)
            status = self._library.espeak_Synth(
                encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, flags, None, None
            )
            pcm = b"".join(self._chunks)
        if status != 0:
            raise RuntimeError(f"espeak-ng {self.version} cannot speak {text!r} ({status})")
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        return samples, self.sample_rate

    def phonemes(self, text: str, accent: str) -> list[list[str]]:
        """How an accent pronounces a text.

        Args:
          text: words; punctuation is left out.
          accent: one of `accents()`.

        Returns:
          For each word that espeak-ng sees its phonemes in IPA, stress marks before the vowel:
          [["h", "ˈeɪ"], ["l", "ˈæ", "m", "p"]].

        Raises:
          ValueError: espeak-ng has no such accent.
        """
        mode = _PHONEMES_IPA | ord(_PHONEME_SEPARATOR) << 8
        rest = ctypes.c_char_p(text.encode())
        clauses: list[str] = []
        with _lock:
            if self._selected != accent:  # loading a voice takes longer than a word
                self._select(Voice(accent))
            while rest.value:  # advances by a clause, to NULL at the end
                said = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, mode)
                clauses.append(said.decode())
        words = " ".join(clauses).split()
        return [[one for one in word.split(_PHONEME_SEPARATOR) if one] for word in words]

    def _select(self, voice: Voice) -> None:
        for name in filter(None, (voice.accent, voice.variant)):
            # espeak-ng itself silently falls back to another voice.
            if name not in self._known:
                raise ValueError(f"espeak-ng {self.version} has no voice '{name}'")
        name = f"{voice.accent}+{voice.variant}" if voice.variant else voice.accent
        status = self._library.espeak_SetVoiceByName(name.encode())
        if status != 0:
            raise ValueError(f"espeak-ng {self.version} cannot load '{name}' ({status})")
        self._selected = name

    def close(self) -> None:
        """Terminates the engine and unloads its library copy; a second call does nothing."""
        library = self.__dict__.pop("_library", None)
        if library is None:
            return
        library.espeak_Terminate()
        with contextlib.suppress(ImportError, AttributeError, OSError):
            # CPython never unloads libraries; without dlclose the copy stays until exit.
            importlib.import_module("_ctypes").dlclose(library._handle)

    def __enter__(self) -> "Espeak":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def loader_version() -> str:
    """Version of the wheel that contains espeak-ng. Raises UserError if it is missing."""
    _loader()
    return importlib.import_module("importlib.metadata").version("espeakng-loader")
