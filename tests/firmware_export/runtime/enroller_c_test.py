"""Embedder, enroller and recogniser in C against Python, from sound on, with a toy network."""

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines import enrolment
from edge_tf.engines.embedder import Embedder, StreamEmbedder, WindowEmbedder
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import render_words
from firmware_export.runtime.enroller import Enroller, Told
from firmware_export.runtime.learning import Learning
from firmware_export.runtime.recogniser import Recogniser
from firmware_export.runtime.takes import Verdict
from firmware_export.runtime.words import Words
from tests.firmware_export.c_style_test import check_format
from tests.firmware_export.runtime import compiled, generators
from tests.firmware_export.runtime.words_c_test import FoundInC

SIZE, BANDS = 20, 40
NETWORK = bytes(range(16))
CONFIG = LogMel.from_dict(compiled.FRONTEND)
DUMMIES = generators.generator((SIZE, 8, 3), 3, (32, 30), (35, 40))
UNLIKE, THRESHOLD = 100_000, -60_000

_NETWORKS = {
    # A mean that forgets, of every other band.
    True: """
#include "model.h"
#include <string.h>

static int32_t state[20];

void model_reset(void) { memset(state, 0, sizeof state); }
void model_push_frame(const int8_t *features, int8_t *logits) {
  for (int i = 0; i < 20; ++i) {
    state[i] += features[2 * i] - state[i] / 16;
    const int32_t value = state[i] / 16;
    logits[i] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
  }
}
""",
    # Means of pairs of rows.
    False: """
#include "model.h"

static int8_t input[40 * 101], output[20];

int8_t *model_input(void) { return input; }
void model_invoke(void) {
  for (int i = 0; i < 20; ++i) {
    int32_t sum = 0;
    for (int t = 0; t < 202; ++t) sum += input[202 * i + t];
    output[i] = (int8_t)(sum / 202);
  }
}
const int8_t *model_output(void) { return output; }
""",
}
_HEADER = """
#include <stdint.h>

void model_reset(void);
void model_push_frame(const int8_t *features, int8_t *logits);
int8_t *model_input(void);
void model_invoke(void);
const int8_t *model_output(void);
"""
_SHIM = """
#include "enroller.h"
#include "recogniser.h"

static embedder_t embedder;
static words_t words;
static enroller_t enroller;
static recogniser_t recogniser;

void start(void);
void sound(void);
void begin(void);
void again(void);
void push(const int16_t *pcm, size_t samples);
int add_take(void);
int finish(const char *name);
int save(uint8_t *blob, size_t room, size_t *bytes);
void listen(void);
size_t hear(const int16_t *pcm, size_t samples, words_found_t *found);

void start(void) { words_reset(&words); }
void sound(void) { embedder_reset(&embedder); }
void begin(void) { enroller_begin(&enroller, &embedder); }
void again(void) { enroller_begin_take(&enroller); }
void push(const int16_t *pcm, size_t samples) { enroller_push(&enroller, pcm, samples); }
int add_take(void) { return enroller_add_take(&enroller); }
int finish(const char *name) { return enroller_finish(&enroller, &words, name); }
int save(uint8_t *blob, size_t room, size_t *bytes) {
  return words_save(&words, blob, room, bytes);
}
void listen(void) { recogniser_reset(&recogniser, &embedder, &words); }
size_t hear(const int16_t *pcm, size_t samples, words_found_t *found) {
  return recogniser_push(&recogniser, pcm, samples, found);
}
"""


class Frames:
    """The toy network for streams in Python."""

    def reset(self) -> None:
        self._state = [0] * SIZE

    def push(self, frames: np.ndarray) -> np.ndarray:
        rows = []
        for frame in frames:
            for i in range(SIZE):
                self._state[i] += int(frame[2 * i]) - int(self._state[i] / 16)
            rows.append([max(-128, min(127, int(value / 16))) for value in self._state])
        return np.array(rows, np.int8)


def of_window(window: np.ndarray) -> np.ndarray:
    sums = window.reshape(SIZE, 202).astype(np.int32).sum(axis=1)
    return np.array([int(value / 202) for value in sums], np.int8)


def learning(streaming: bool, dummies: bool) -> Learning:
    recogniser = Recogniser(DUMMIES, 700) if dummies else Recogniser()
    frames = 3 if streaming else 10
    about = "Chosen by a test."
    return Learning.of(
        *(recogniser, SIZE, NETWORK, CONFIG, compiled.SCALE, frames),
        *(-(10**9) if dummies else THRESHOLD, UNLIKE, about),
    )


class Device:
    """The C of one form, built for this machine with sanitizers of undefined behaviour."""

    def __init__(self, folder: Path, streaming: bool, dummies: bool) -> None:
        self.learning = learning(streaming, dummies)
        sources = render_words.sources(self.learning, CONFIG, "1.2.3", streaming)
        compiled.write(folder, sources)
        check_format(sorted(folder.iterdir()))
        own = {"model.h": _HEADER, "model.c": _NETWORKS[streaming], "shim.c": _SHIM}
        compiled.write(folder, {**compiled.frontend_sources(), **own})
        safe = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-static-libubsan")
        compiled.build(
            *(compiled.tool("gcc"), *compiled.C99, "-O1", *safe, "-shared", "-fPIC"),
            *(*sorted(folder.glob("*.c")), "-o", folder / "shim.so"),
        )
        self.library = ctypes.CDLL(str(folder / "shim.so"))
        self.library.hear.restype = ctypes.c_size_t
        self.library.start()

    def take(self, pcm: np.ndarray, blocks: Iterator[int]) -> Verdict:
        at = 0
        while at < len(pcm):
            block = np.ascontiguousarray(pcm[at : at + next(blocks)])
            pointer = ctypes.c_void_p(block.ctypes.data)
            self.library.push(pointer, ctypes.c_size_t(len(block)))
            at += len(block)
        return Verdict(self.library.add_take())

    def blob(self) -> bytes:
        blob, written = ctypes.create_string_buffer(2_000), ctypes.c_size_t()
        assert self.library.save(blob, ctypes.c_size_t(2_000), ctypes.byref(written)) == 0
        return blob.raw[: written.value]

    def hear(self, pcm: np.ndarray, blocks: Iterator[int]) -> list[tuple[int, Told]]:
        """The words in a sound, each with the samples that had been taken."""
        self.library.sound()
        self.library.listen()
        told, at, found = [], 0, FoundInC()
        while at < len(pcm):
            end = at + next(blocks)
            while at < min(end, len(pcm)):
                block = np.ascontiguousarray(pcm[at:end])
                pointer, size = ctypes.c_void_p(block.ctypes.data), ctypes.c_size_t(len(block))
                at += self.library.hear(pointer, size, ctypes.byref(found))
                if found.word >= 0:
                    told.append((at, Told(found.word, found.distance, found.score)))
        return told


class InPython:
    """The same in Python."""

    def __init__(self, streaming: bool, dummies: bool) -> None:
        self.learning = learning(streaming, dummies)
        given = FrontendConfig(), compiled.SCALE, compiled.ZERO_POINT
        self.embedder: Embedder
        if streaming:
            self.embedder = StreamEmbedder(*given, Frames())
        else:
            self.embedder = WindowEmbedder(*given, of_window, 10)
        self.words = Words(SIZE, NETWORK)

    def enrol(self, name: str, takes: Sequence[np.ndarray]) -> list[Verdict]:
        enroller = Enroller(self.learning.takes, UNLIKE)
        verdicts = []
        for pcm in takes:
            take = enroller.begin_take()
            take.hear(pcm)
            for frame, embedding in self.embedder.push(pcm):
                take.push(frame, embedding)
            verdicts.append(enroller.add_take(take))
        self.words = self.words.with_word(name, enroller.prototype())
        return verdicts

    def hear(self, pcm: np.ndarray) -> list[tuple[int, Told]]:
        words = self.words.prototypes
        told = enrolment.recognise(self.embedder, self.learning, words, pcm)
        return [(frame * CONFIG.hop, found) for frame, found in told]


def spoken(*hz: float, gain: float = 0.05, seconds: float = 1.5, seed: int = 0) -> np.ndarray:
    """Tones for 0.4 s in soft noise."""
    rng = np.random.default_rng(seed)
    samples = round(16_000 * seconds)
    time = np.arange(6_400) / 16_000
    sound = 0.002 * rng.normal(size=samples)
    first = (samples - 6_400) // 2 + int(rng.integers(-500, 500))
    for one in hz:
        sound[first : first + 6_400] += gain * np.sin(2 * np.pi * one * time)
    return np.clip(sound * 32_768, -32_768, 32_767).astype(np.int16)


LOW, HIGH = tuple(range(150, 1_800, 150)), tuple(range(1_800, 7_000, 400))
TAKES = {
    "low": [
        spoken(*LOW, seed=1),
        spoken(*LOW, gain=0.5, seed=2),
        spoken(seed=3),
        spoken(*LOW, seed=4)[10_000:],
        spoken(*LOW, seed=5)[4_000:-2_000],
        spoken(*LOW, seed=6, seconds=2.0)[14_000:],
        spoken(*HIGH, seed=7),
        spoken(*LOW, gain=0.04, seed=8),
    ],
    "high": [spoken(*HIGH, seed=11), spoken(*HIGH, seed=12, seconds=2.3)],
}
VERDICTS = {
    "low": [
        *(Verdict.TAKEN, Verdict.CLIPPED, Verdict.SILENT, Verdict.SHORT),
        *(Verdict.TAKEN, Verdict.CUT_OFF, Verdict.UNLIKE, Verdict.TAKEN),
    ],
    "high": [Verdict.TAKEN, Verdict.TAKEN],
}
STREAM = np.concatenate(
    [
        spoken(*LOW, seed=21),
        spoken(*HIGH, seed=22),
        spoken(*LOW, *HIGH, seed=23),
        spoken(*HIGH, seed=24, gain=0.03),
        spoken(seed=25),
    ]
)


def blocks(seed: int) -> Iterator[int]:
    """Sizes of blocks, from a sample to some frames."""
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.choice([1, 7, 159, 160, 161, 480, 1_000]))


@pytest.fixture(scope="module", params=[(True, True), (True, False), (False, True)])
def both(request, tmp_path_factory) -> tuple[Device, InPython]:
    """Both with the words learnt, and every verdict compared on the way."""
    folder = tmp_path_factory.mktemp("enroller")
    device, python = Device(folder, *request.param), InPython(*request.param)
    device.library.sound()
    python.embedder.reset()
    for name, takes in TAKES.items():
        device.library.begin()
        sizes = blocks(len(name))
        verdicts = [device.take(pcm, sizes) for pcm in takes]
        assert device.library.finish(name.encode()) == 0
        assert verdicts == python.enrol(name, takes) == VERDICTS[name]
    return device, python


def test_words_learnt_from_sound_are_the_same_bytes(both):
    device, python = both
    assert python.words.names == ["low", "high"]
    assert device.blob() == python.words.to_bytes()


def test_words_are_told_at_the_same_sample_with_the_same_integers(both):
    device, python = both
    told = python.hear(STREAM)
    assert [found.word for _, found in told][:2] == [0, 1]
    for seed in (1, 2):
        assert device.hear(STREAM, blocks(seed)) == told
    assert device.hear(STREAM, iter([len(STREAM)])) == told


def test_a_take_that_is_begun_anew_forgets_its_sound(both):
    device, _ = both
    sizes = blocks(5)
    device.library.sound()
    device.library.begin()
    loud = np.ascontiguousarray(TAKES["low"][1])
    device.library.push(ctypes.c_void_p(loud.ctypes.data), ctypes.c_size_t(len(loud)))
    device.library.again()
    assert device.take(spoken(*LOW, seed=1), sizes) == Verdict.TAKEN


def test_without_a_take_there_is_no_word(both):
    device, _ = both
    device.library.begin()
    assert device.library.finish(b"nothing") == 2
