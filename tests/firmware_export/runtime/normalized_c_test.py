"""The generated reader of a normalized window: bit for bit the NumPy reference, whatever comes."""

import dataclasses
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import fixed_normalization, fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.boards import clips, programs
from firmware_export.frontend import tables
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import render
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.runtime import compiled
from tests.firmware_export.runtime.compiled import FRONTEND
from tests.firmware_export.runtime.frontend_c_test import configs, sounds
from tests.firmware_export.runtime.render_test import M4
from tests.firmware_export.standalone.model_builder import Builder

SCALE, ZERO_POINT = 0.05, -3
RESIDUAL = FrontendConfig(normalization="residual")
RELAXED = FrontendConfig(normalization="relaxed")
BOTH = pytest.mark.parametrize("config", [RESIDUAL, RELAXED], ids=["residual", "relaxed"])


def reference(clip: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """(mel_bands, frames) int8."""
    return fixed_point.log_mel(clip[np.newaxis], config, SCALE, ZERO_POINT)[0, ..., 0]


def built(folder: Path, config: FrontendConfig) -> compiled.CompiledFrontend:
    return compiled.CompiledFrontend(folder, config.to_dict(), SCALE, ZERO_POINT)


def long_sounds(samples: int) -> list[np.ndarray]:
    """Steady and half silent noise, full scale, clicks, the last bit, and nothing."""
    draw, t = np.random.default_rng(0), np.arange(samples)
    noise = draw.normal(0, 1_000, samples)
    return [
        sound.astype(np.int16)
        for sound in (
            noise,
            noise * (t < samples // 2),
            np.where(t // 40 % 2, 32_767, -32_768),
            np.where(t == samples // 3, -32_768, 0),
            draw.integers(-1, 2, samples),
            np.zeros(samples),
        )
    ]


@pytest.mark.parametrize("kind", ["none", "residual", "relaxed"])
def test_without_padding_the_first_frames_are_left_out(tmp_path: Path, kind: str) -> None:
    config = FrontendConfig(padding="none", normalization=kind)
    causal = dataclasses.replace(config, padding="causal", normalization="none", norm_lambda=None)
    frontend = built(tmp_path, config)
    assert config.num_frames == causal.num_frames - 3
    for sound in sounds().values():
        clip = np.rint(sound).astype(np.int16)
        frontend.frames(clip)
        np.testing.assert_array_equal(frontend.window(), reference(clip, config))
        if kind == "none":
            np.testing.assert_array_equal(frontend.window(), reference(clip, causal)[:, 3:])


@BOTH
def test_equals_the_reference_bit_for_bit(tmp_path: Path, config: FrontendConfig) -> None:
    frontend = built(tmp_path, config)
    draw = np.random.default_rng(1)
    for sound in sounds().values():
        clip = np.rint(sound).astype(np.int16)
        frontend.frames(clip, draw.integers(0, 1_000, 50))
        np.testing.assert_array_equal(frontend.window(), reference(clip, config))


@pytest.mark.parametrize("kind", ["none", "residual", "relaxed"])
@pytest.mark.parametrize(
    ("window", "fft_size", "bands"), [(1_024, 1_024, 64), (1_024, 2_048, 128), (2_048, 2_048, 256)]
)
def test_sizes_of_scenes(tmp_path: Path, kind: str, window: int, fft_size: int, bands: int) -> None:
    """With filters that are narrower than a bin."""
    config = FrontendConfig(
        clip_samples=80_000,
        window=window,
        hop=480,
        fft_size=fft_size,
        mel_bands=bands,
        normalization=kind,
    )
    frontend = built(tmp_path, config)
    for clip in long_sounds(80_000):
        frontend.frames(clip)
        np.testing.assert_array_equal(frontend.window(), reference(clip, config))


@BOTH
def test_the_window_slides(tmp_path: Path, config: FrontendConfig) -> None:
    """Statistics are those of the frames in it, wherever the ring begins."""
    frontend = built(tmp_path, config)
    made = tables.make(config.to_dict(), SCALE, ZERO_POINT).normalization
    assert made is not None
    frontend.start()
    assert len(np.unique(frontend.window())) == 1
    levels = np.zeros((101, 40), np.uint16)
    sound = np.random.default_rng(4).normal(0, 2_000, 40_000).astype(np.int16)
    for start in range(0, len(sound), 777):
        levels = np.concatenate([levels, frontend.push(sound[start : start + 777])])[-101:]
        expected = fixed_normalization.normalized(levels, made)
        np.testing.assert_array_equal(frontend.window(), expected.T)


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    values=configs(),
    kind=st.sampled_from(["residual", "relaxed"]),
    lam=st.floats(0.0, 1.0),
    scale=st.floats(0.001, 2.0),
    zero_point=st.integers(-128, 127),
    amplitude=st.sampled_from([1, 30, 1_000, 32_768]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_config(
    values: dict[str, Any],
    kind: str,
    lam: float,
    scale: float,
    zero_point: int,
    amplitude: int,
    seed: int,
) -> None:
    config = FrontendConfig(**values, normalization=kind, norm_lambda=lam)
    draw = np.random.default_rng(seed)
    clip = draw.integers(-amplitude, amplitude, config.clip_samples).astype(np.int16)
    expected = fixed_point.log_mel(clip[np.newaxis], config, scale, zero_point)[0, ..., 0]
    with tempfile.TemporaryDirectory() as folder:
        ours = compiled.CompiledFrontend(Path(folder), config.to_dict(), scale, zero_point)
        ours.frames(clip)
        np.testing.assert_array_equal(ours.window(), expected)


MAIN = """
#include <stdio.h>

#include "frontend.h"

/* Levels from standard input into the window; then the model's input to the output. */
int main(void) {
  static feature_window_t window;
  static frontend_feature_t frame[FRONTEND_BANDS];
  static int8_t input[FRONTEND_BANDS * FRONTEND_FRAMES];
  feature_window_reset(&window);
  while (fread(frame, sizeof frame, 1, stdin) == 1) {
    feature_window_push(&window, frame);
  }
  feature_window_read(&window, input);
  return fwrite(input, sizeof input, 1, stdout) == 1 ? 0 : 1;
}
"""


@pytest.mark.parametrize("kind", ["residual", "relaxed"])
def test_nothing_overflows_in_the_longest_window(tmp_path: Path, kind: str) -> None:
    """Whatever levels, 65,535 frames of them, at the finest scale: no sanitizer speaks."""
    config = FrontendConfig(
        clip_samples=65_534 * 16, window=16, hop=16, fft_size=16, mel_bands=4, normalization=kind
    )
    scale = 1e-3
    sources = compiled.frontend_sources(config.to_dict(), scale, 127)
    source = compiled.write(tmp_path / "src", {**sources, "main.c": MAIN})
    compiled.build(
        compiled.tool("gcc"),
        *compiled.C99,
        *("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
        *sorted(source.glob("*.c")),
        *("-o", tmp_path / "program"),
    )
    made = tables.make(config.to_dict(), scale, 127).normalization
    assert made is not None and config.num_frames == 65_535
    t = np.arange(65_535)[:, np.newaxis]
    draw = np.random.default_rng(0)
    for levels in (
        np.full((65_535, 4), 65_535),
        np.where(t % 2, 65_535, [0, 65_534, 40_000, 65_535]),
        np.where(t == 7, [65_535, 1, 0, 2], [0, 0, 65_535, 65_535]),
        draw.integers(0, 65_536, (65_535, 4)),
    ):
        frames = levels.astype(np.uint16)
        done = subprocess.run(
            [tmp_path / "program"], input=frames.tobytes(), capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        ours = np.frombuffer(done.stdout, np.int8).reshape(4, 65_535)
        np.testing.assert_array_equal(ours.T, fixed_normalization.normalized(frames, made))


@BOTH
@pytest.mark.parametrize("compiler", ["gcc", "arm-none-eabi-gcc"])
def test_c99_without_a_warning(tmp_path: Path, config: FrontendConfig, compiler: str) -> None:
    """Nor any floating point: of the compiler's own functions only division is called."""
    source = compiled.write(tmp_path, compiled.frontend_sources(config.to_dict(), SCALE, 0))
    core = [*M4[:2], "-mfloat-abi=soft"] if compiler.startswith("arm") else []
    found = compiled.tool(compiler)
    for optimize in ("-O0", "-Os", "-O3"):
        options = [*compiled.C99, *core, optimize, "-c", source / "frontend.c"]
        compiled.build(found, *options, "-o", tmp_path / "x.o")
    if core:
        command = [compiled.tool("arm-none-eabi-nm"), "--undefined-only", tmp_path / "x.o"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        division = {"__aeabi_uldivmod", "__aeabi_ldivmod"}
        assert set(listed.split()) <= {"U", "memcpy", "memmove", "memset", *division}


def test_the_header_tells_what_it_costs() -> None:
    config = dataclasses.replace(RELAXED, norm_lambda=0.25)
    header = compiled.frontend_sources(config.to_dict(), SCALE, 0)["frontend.h"]
    assert "The last FRONTEND_FRAMES frames; 8,080 bytes." in header
    assert '"relaxed" with lambda 0.25. A Cortex-M4 needs about\n * 148,000 instructions' in header
    assert max(map(len, header.splitlines())) <= 100
    plain = compiled.frontend_sources(FRONTEND)["frontend.h"]
    assert "normalized" not in plain and "typedef int8_t frontend_feature_t;" in plain


def mean_classifier(shape: tuple[int, ...]) -> bytes:
    """The smallest model of features: their mean, times a number for each of two classes."""
    builder = Builder()
    x = builder.activation((1, *shape), SCALE, ZERO_POINT)
    mean = builder.activation((1, 1, 1, 1), SCALE, ZERO_POINT)
    builder.op("MEAN", [x, builder.numbers(1, 2)], mean, keep_dims=True)
    flat = builder.activation((1, 1), SCALE, ZERO_POINT)
    builder.op("RESHAPE", [mean, builder.numbers(1, 1)], flat)
    weights = builder.constant(np.array([[100], [-100]], np.int8), scales=[0.01])
    logits = builder.activation((1, 2), 0.1)
    builder.op("FULLY_CONNECTED", [flat, weights], logits)
    return builder.finish([x], [logits])


@pytest.mark.firmware
@pytest.mark.parametrize("board", ["cortex-m4", "rv32", "host"])
@pytest.mark.parametrize("kind", ["residual", "relaxed"])
def test_on_a_board(tmp_path: Path, board: str, kind: str) -> None:
    """The model's input after each clip; and the reader's instructions, as the header has them."""
    config = FrontendConfig(
        clip_samples=80_000, window=1_024, hop=480, fft_size=1_024, mel_bands=64, normalization=kind
    )
    spotting = Spotting(("no", "yes"), config.to_dict())
    program = programs.build(
        mean_classifier(config.feature_shape), usable(board), tmp_path / "build", spotting
    )
    pcm = np.stack(long_sounds(80_000))
    ran = clips.run_waveforms(program, pcm, tmp_path / "run", extra="input")
    assert ran.inputs is not None
    for clip, given in zip(pcm, ran.inputs, strict=True):
        np.testing.assert_array_equal(given.reshape(64, 167), reference(clip, config))
    if board == "cortex-m4":
        about = render.read_instructions(LogMel.from_dict(config.to_dict()))
        assert ran.figures["window_mean"] == pytest.approx(about, rel=0.1)
