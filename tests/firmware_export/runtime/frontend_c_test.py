"""The generated front-end, compiled and run: bit for bit the NumPy reference, in any blocks."""

import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from tests.firmware_export.runtime import compiled
from tests.firmware_export.runtime.compiled import FRONTEND, SCALE, ZERO_POINT


@pytest.fixture(scope="module")
def frontend(tmp_path_factory: pytest.TempPathFactory) -> compiled.CompiledFrontend:
    return compiled.CompiledFrontend(tmp_path_factory.mktemp("frontend") / "src")


def reference(clip: np.ndarray) -> np.ndarray:
    """(frames, mel_bands) int8 of one clip of the default config."""
    return fixed_point.log_mel(clip[np.newaxis], FrontendConfig(), SCALE, ZERO_POINT)[0, ..., 0].T


def sounds() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    t = np.arange(16_000)
    square = np.where(t // 40 % 2, 32_767, -32_768)
    return {
        "noise": draw.normal(0, 3_000, 16_000).clip(-32_768, 32_767),
        "white, full scale": draw.integers(-32_768, 32_768, 16_000),
        "last bit": draw.integers(-1, 2, 16_000),
        "silence": np.zeros(16_000),
        "minus one": np.full(16_000, -1),
        "lowest": np.full(16_000, -32_768),
        "highest": np.full(16_000, 32_767),
        "square": square,
        "Nyquist": np.where(t % 2, 32_767, -32_768),
        "tone": 32_767 * np.sin(2 * np.pi * 1_000 * t / 16_000),
        "impulse": np.where(t == 1_000, -32_768, 0),
        "fading": square / 2.0 ** (t / 1_000),
    }


@pytest.mark.parametrize("name", sounds())
def test_equals_the_reference_bit_for_bit(frontend: compiled.CompiledFrontend, name: str) -> None:
    clip = np.rint(sounds()[name]).astype(np.int16)
    draw = np.random.default_rng(1)
    blocks = draw.integers(0, 1_000, 100) // draw.integers(1, 300, 100)
    expected = reference(clip)
    assert expected.shape == (101, 40)
    np.testing.assert_array_equal(frontend.frames(clip, blocks), expected)
    np.testing.assert_array_equal(frontend.window(), expected.T)


@pytest.mark.real_data
def test_real_speech(frontend: compiled.CompiledFrontend, real_data: Path) -> None:
    paths = sorted(real_data.glob("[a-z]*/*_nohash_*.wav"))[::50]
    assert len(paths) >= 20
    draw = np.random.default_rng(7)
    for path in paths:
        with wave.open(str(path)) as file:
            clip = np.frombuffer(file.readframes(16_000), "<i2").astype(np.int16)
        clip = np.pad(clip, (0, 16_000 - len(clip)))
        blocks = draw.integers(0, 2_000, 20)
        np.testing.assert_array_equal(frontend.frames(clip, blocks), reference(clip))


@pytest.mark.parametrize("block", [1, 7, 159, 160, 161, 480, 481, 16_000])
def test_blocks_do_not_matter(frontend: compiled.CompiledFrontend, block: int) -> None:
    clip = np.random.default_rng(2).normal(0, 500, 16_000).astype(np.int16)
    blocks = [block] * (16_000 // block)
    np.testing.assert_array_equal(frontend.frames(clip, blocks), reference(clip))


def test_when_frames_come(frontend: compiled.CompiledFrontend) -> None:
    """Frame 0 with the first sample, the next when a hop is complete; 0 samples are allowed."""
    frontend.start()
    counts = [len(frontend.push(np.ones(n, np.int16))) for n in (0, 1, 158, 1, 0, 159, 1, 320)]
    assert counts == [0, 1, 0, 1, 0, 0, 1, 2]
    assert frontend.pushed == 5


def test_a_reset_forgets(frontend: compiled.CompiledFrontend) -> None:
    clip = np.random.default_rng(3).normal(0, 500, 16_000).astype(np.int16)
    first = frontend.frames(clip[:1_234]).copy()
    np.testing.assert_array_equal(frontend.frames(clip[:1_234]), first)


def test_the_window_slides(frontend: compiled.CompiledFrontend) -> None:
    """Before sound it holds silence; then always the last 101 frames, oldest first."""
    frontend.start()
    silence = reference(np.zeros(16_000, np.int16))
    assert frontend.pushed == 0
    np.testing.assert_array_equal(frontend.window(), silence.T)

    sound = np.random.default_rng(4).normal(0, 2_000, 40_000).astype(np.int16)
    seen = silence
    for start in range(0, len(sound), 777):
        seen = np.concatenate([seen, frontend.push(sound[start : start + 777])])
        np.testing.assert_array_equal(frontend.window(), seen[-101:].T)
    assert frontend.pushed == len(seen) - 101 == 251


def test_long_sound_is_what_it_was_in_clips(frontend: compiled.CompiledFrontend) -> None:
    """Behind its first window a frame does not know where a clip began."""
    sound = np.random.default_rng(5).normal(0, 2_000, 20_000).astype(np.int16)
    late = reference(sound[4_000:])
    np.testing.assert_array_equal(frontend.frames(sound)[25 + 3 :], late[3:])


def test_state_fits_its_budget(frontend: compiled.CompiledFrontend) -> None:
    """The frame's scratch memory is part of it."""
    assert frontend.state_bytes <= 3_100


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    fft_size = 2 ** draw(st.integers(4, 11))
    window = draw(st.integers(1, fft_size))
    hop = draw(st.integers(1, window))
    sample_rate = draw(st.integers(4_000, 48_000))
    low_hz = draw(st.floats(0.0, sample_rate / 4))
    high_hz = draw(st.floats(low_hz + 1.0, sample_rate / 2))
    return {
        "sample_rate": sample_rate,
        "clip_samples": fft_size + draw(st.integers(0, 10)) * hop,
        "window": window,
        "hop": hop,
        "fft_size": fft_size,
        "mel_bands": draw(st.integers(1, 80)),
        "low_hz": low_hz,
        "high_hz": high_hz,
        "log_offset": 10.0 ** draw(st.integers(-18, 0)),
        "padding": "causal",
    }


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    frontend=configs(),
    scale=st.floats(0.01, 1.0),
    zero_point=st.integers(-128, 127),
    amplitude=st.sampled_from([1, 30, 1_000, 32_768]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_config(
    frontend: dict[str, Any], scale: float, zero_point: int, amplitude: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    clip = draw.integers(-amplitude, amplitude, frontend["clip_samples"]).astype(np.int16)
    config = FrontendConfig(**frontend)
    expected = fixed_point.log_mel(clip[np.newaxis], config, scale, zero_point)[0, ..., 0]
    with tempfile.TemporaryDirectory() as folder:
        ours = compiled.CompiledFrontend(Path(folder), frontend, scale, zero_point)
        blocks = draw.integers(0, 2 * frontend["hop"], 20)
        np.testing.assert_array_equal(ours.frames(clip, blocks).T, expected)
        np.testing.assert_array_equal(ours.window(), expected)


def test_bands_without_a_bin_in_loud_sound(tmp_path: Path) -> None:
    """The smallest offset vanishes there, and the logarithm of nothing is that of the last bit."""
    config = {**FRONTEND, "window": 64, "hop": 32, "fft_size": 64, "log_offset": 1e-18}
    clip = np.where(np.arange(16_000) // 10 % 2, 32_767, -32_768).astype(np.int16)
    ours = compiled.CompiledFrontend(tmp_path, config, 0.5, 0).frames(clip)
    expected = fixed_point.log_mel(clip[np.newaxis], FrontendConfig(**config), 0.5, 0)
    np.testing.assert_array_equal(ours.T, expected[0, ..., 0])
    assert (ours[10] == round(-50 * np.log(2) / 0.5)).any()


MAIN = """
#include <stdio.h>
#include <stdlib.h>

#include "detector.h"
#include "frontend.h"

/* Sound from standard input, in blocks of changing size; then the model's input to the output. */
int main(void) {
  static frontend_t frontend;
  static feature_window_t window;
  static detector_t detector;
  int8_t frame[FRONTEND_BANDS];
  int8_t *input = malloc(FRONTEND_BANDS * FRONTEND_FRAMES);
  uint32_t state = 1;
  if (input == NULL) return 1;
  frontend_reset(&frontend);
  feature_window_reset(&window);
  detector_reset(&detector);
  for (;;) {
    state = state * 1664525u + 1013904223u;
    const size_t size = 1 + (state >> 16) % 700;
    int16_t *block = malloc(size * sizeof *block); /* so that the sanitizer knows its ends */
    if (block == NULL) return 1;
    const size_t samples = fread(block, sizeof *block, size, stdin);
    for (size_t at = 0; at < samples;) {
      bool ready;
      at += frontend_push(&frontend, block + at, samples - at, frame, &ready);
      if (ready) {
        uint16_t score;
        feature_window_push(&window, frame);
        if (detector_push(&detector, frame, &score) >= DETECTOR_CLASSES) return 2;
      }
    }
    free(block);
    if (samples < size) break;
  }
  feature_window_read(&window, input);
  fwrite(input, 1, FRONTEND_BANDS * FRONTEND_FRAMES, stdout);
  free(input);
  return 0;
}
"""


@pytest.mark.parametrize("optimize", ["-O0", "-O3"])
def test_sanitizers_are_silent(tmp_path: Path, optimize: str) -> None:
    sources = {**compiled.frontend_sources(), **compiled.detector_sources(), "main.c": MAIN}
    source = compiled.write(tmp_path / "src", sources)
    sanitizers = "-fsanitize=address,undefined"
    compiled.build(
        compiled.tool("gcc"),
        *compiled.C99,
        *(optimize, "-g", sanitizers, "-fno-sanitize-recover=all"),
        *sorted(source.glob("*.c")),
        *("-o", tmp_path / "program"),
    )
    clips = [np.rint(sound).astype(np.int16) for sound in sounds().values()]
    for clip in clips:
        done = subprocess.run(
            [tmp_path / "program"], input=clip.tobytes(), capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        ours = np.frombuffer(done.stdout, np.int8).reshape(40, 101)
        np.testing.assert_array_equal(ours, reference(clip).T)


def test_another_scale_shifts_features(tmp_path: Path) -> None:
    clip = np.random.default_rng(6).normal(0, 2_000, 16_000).astype(np.int16)
    wide = compiled.CompiledFrontend(tmp_path / "wide", FRONTEND, 2 * SCALE, 0).frames(clip)
    fine = compiled.CompiledFrontend(tmp_path / "fine", FRONTEND, SCALE, 0).frames(clip)
    inside = np.abs(fine.astype(int)) < 127
    assert (np.abs(2 * wide.astype(int) - fine)[inside] <= 1).all()
