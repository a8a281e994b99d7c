"""Generated front-ends and detectors, compiled for this machine and called through ctypes."""

import ctypes
import itertools
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_export.boards import building
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import render
from firmware_export.runtime.detector import DetectorConfig

FRONTEND: dict[str, Any] = {
    "sample_rate": 16_000,
    "clip_samples": 16_000,
    "window": 480,
    "hop": 160,
    "fft_size": 512,
    "mel_bands": 40,
    "low_hz": 0.0,
    "high_hz": 8_000.0,
    "log_offset": 1e-6,
    "padding": "causal",
}
SCALE, ZERO_POINT = 0.08, 45
LABELS = ("_silence_", "_unknown_", "yes", "no", 'caf\u00e9 "au lait"??=*/')

WARNINGS = [*building.WARNINGS, "-Wdouble-promotion", "-pedantic"]
C99 = ["-std=c99", *WARNINGS]

_FRONTEND_SHIM = """
#include "frontend.h"

static frontend_t frontend;
static feature_window_t window;

void start(void);
int block(const int16_t *pcm, size_t samples, frontend_feature_t *frames);
void read_window(int8_t *features);
uint32_t pushed(void);
size_t frontend_bytes(void);

void start(void) {
  frontend_reset(&frontend);
  feature_window_reset(&window);
}

int block(const int16_t *pcm, size_t samples, frontend_feature_t *frames) {
  int count = 0;
  while (samples > 0) {
    bool ready;
    const size_t taken = frontend_push(&frontend, pcm, samples, frames, &ready);
    if (ready) {
      feature_window_push(&window, frames);
      frames += FRONTEND_BANDS;
      ++count;
    }
    pcm += taken;
    samples -= taken;
  }
  return count;
}

void read_window(int8_t *features) { feature_window_read(&window, features); }
uint32_t pushed(void) { return feature_window_pushed(&window); }
size_t frontend_bytes(void) { return sizeof frontend; }
"""

_DETECTOR_SHIM = """
#include "detector.h"

static detector_t detector;

void start(void);
int push(const int8_t *logits, uint16_t *score);
int score_of(int class_index);

void start(void) { detector_reset(&detector); }
int push(const int8_t *logits, uint16_t *score) {
  return detector_push(&detector, logits, score);
}
int score_of(int class_index) { return detector_score(&detector, class_index); }
"""


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def build(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def write(folder: Path, sources: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def frontend_sources(
    frontend: dict[str, Any] = FRONTEND, scale: float = SCALE, zero_point: int = ZERO_POINT
) -> dict[str, str]:
    return render.frontend_sources(frontend, scale, zero_point, "1.2.3")


def detector_sources(
    config: DetectorConfig | None = None,
    labels: Sequence[str] = LABELS,
    logit_scale: float = 0.15,
) -> dict[str, str]:
    return render.detector_sources(config or DetectorConfig(), labels, logit_scale, "1.2.3")


def _library(folder: Path, sources: dict[str, str], shim: str) -> ctypes.CDLL:
    write(folder, {**sources, "shim.c": shim})
    files = sorted(folder.glob("*.c"))
    build(tool("gcc"), *C99, "-O1", "-shared", "-fPIC", *files, "-o", folder / "shim.so")
    return ctypes.CDLL(str(folder / "shim.so"))


class CompiledFrontend:
    """frontend.c of a config, built into `folder`."""

    def __init__(
        self,
        folder: Path,
        frontend: dict[str, Any] = FRONTEND,
        scale: float = SCALE,
        zero_point: int = ZERO_POINT,
    ) -> None:
        self._frontend = frontend
        sources = frontend_sources(frontend, scale, zero_point)
        self._library = _library(folder, sources, _FRONTEND_SHIM)
        self._library.frontend_bytes.restype = ctypes.c_size_t
        self._library.pushed.restype = ctypes.c_uint32

    @property
    def state_bytes(self) -> int:
        return int(self._library.frontend_bytes())

    @property
    def pushed(self) -> int:
        return int(self._library.pushed())

    def start(self) -> None:
        self._library.start()

    def push(self, pcm: np.ndarray) -> np.ndarray:
        """Features of the frames that a block of samples completes, (frames, mel_bands) int8.

        With normalization they are levels, uint16.
        """
        bands = self._frontend["mel_bands"]
        kind = np.uint16 if "normalization" in self._frontend else np.int8
        frames = np.zeros((len(pcm) // self._frontend["hop"] + 2, bands), kind)
        pcm = np.ascontiguousarray(pcm, np.int16)
        count = self._library.block(_pointer(pcm), ctypes.c_size_t(len(pcm)), _pointer(frames))
        return frames[:count]

    def frames(self, pcm: np.ndarray, blocks: Iterable[int] = ()) -> np.ndarray:
        """All frames from a reset on; `blocks` are the sizes of the first blocks."""
        self.start()
        ends = np.minimum(np.cumsum([0, *blocks, len(pcm)]), len(pcm))
        parts = [self.push(pcm[a:b]) for a, b in itertools.pairwise(ends)]
        return np.concatenate(parts)

    def window(self) -> np.ndarray:
        """(mel_bands, frames) int8."""
        frames = LogMel.from_dict(self._frontend).frames
        features = np.zeros((self._frontend["mel_bands"], frames), np.int8)
        self._library.read_window(_pointer(features))
        return features


class CompiledDetector:
    """detector.c of a config, built into `folder`; it has the methods of the Python one."""

    def __init__(
        self, folder: Path, config: DetectorConfig, labels: Sequence[str], logit_scale: float
    ) -> None:
        self._classes = len(labels)
        sources = detector_sources(config, labels, logit_scale)
        self._library = _library(folder, sources, _DETECTOR_SHIM)
        self.reset()

    def reset(self) -> None:
        self._library.start()

    def push(self, logits: Sequence[int]) -> tuple[int, int]:
        score = ctypes.c_uint16()
        row = np.array(logits, np.int8)
        detected = self._library.push(_pointer(row), ctypes.byref(score))
        return int(detected), int(score.value)

    def scores(self) -> list[int]:
        return [int(self._library.score_of(index)) for index in range(self._classes)]


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
