"""The integer front-end against the definition in float64 and against the training graph."""

import dataclasses
import wave
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from edge_tf import tflite_runtime
from edge_tf.audio import fixed_point, frontend
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.errors import ExportError

CONFIG = FrontendConfig()
SCALE, ZERO_POINT = 0.08, 45
OTHER = FrontendConfig(
    sample_rate=22_050,
    clip_samples=10_001,
    window=701,
    hop=233,
    fft_size=1_024,
    mel_bands=64,
    low_hz=60.0,
    high_hz=10_000.0,
    log_offset=1e-4,
)


def ours(clips: np.ndarray, config: FrontendConfig = CONFIG) -> np.ndarray:
    """(n, mel_bands, frames) int."""
    features = fixed_point.log_mel(clips, config, SCALE, ZERO_POINT)
    assert features.dtype == np.int8
    assert features.shape == (len(clips), *config.feature_shape)
    return features[..., 0].astype(int)


def exact(clips: np.ndarray, config: FrontendConfig = CONFIG) -> np.ndarray:
    """Features in int8 steps, not rounded, from float64 sums."""
    starts = np.arange(config.num_frames) * config.hop
    padded = np.pad(clips / 32_768.0, ((0, 0), (config.window, 0)))
    frames = padded[:, starts[:, np.newaxis] + np.arange(config.window)]
    spectrum = np.fft.rfft(frames * frontend.hann_window(config), config.fft_size)
    mel = np.abs(spectrum) ** 2 @ frontend.mel_matrix(config)
    steps = np.log(mel + config.log_offset) / SCALE + ZERO_POINT
    return steps.clip(-128, 127).transpose(0, 2, 1)


def graph(clips: np.ndarray, config: FrontendConfig = CONFIG) -> np.ndarray:
    """What the int8 model gets from the training graph."""
    features = frontend.log_mel(tf.constant(clips.astype(np.float32) / 32_768), config).numpy()
    return tflite_runtime.quantize(features, SCALE, ZERO_POINT)[..., 0].astype(int)


def tones(hz: list[float], amplitude: float, config: FrontendConfig = CONFIG) -> np.ndarray:
    t = np.arange(config.clip_samples) / config.sample_rate
    waves = amplitude * np.sin(2 * np.pi * np.array(hz)[:, np.newaxis] * t)
    return np.rint(waves).astype(np.int16)


def noise(count: int, amplitude: float, config: FrontendConfig = CONFIG) -> np.ndarray:
    draw = np.random.default_rng(0)
    sound = draw.normal(0, amplitude, (count, config.clip_samples))
    return np.rint(sound).clip(-32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["default", "other"])
def test_silence_is_the_offset(config: FrontendConfig) -> None:
    silence = round(np.log(config.log_offset) / SCALE + ZERO_POINT)
    assert (ours(np.zeros((2, config.clip_samples), np.int16), config) == silence).all()


def test_the_first_frame_is_before_the_sound() -> None:
    assert len(np.unique(ours(noise(2, 5_000))[:, :, 0])) == 1


def test_a_tone_is_loudest_in_the_band_around_it() -> None:
    centres = frontend.mel_to_hz(np.linspace(0.0, frontend.hz_to_mel(8_000.0), 42))[1:-1]
    chosen = [5, 12, 20, 30, 38]
    features = ours(tones(list(centres[chosen]), 1_000))
    assert features[:, :, 50].argmax(axis=1).tolist() == chosen


@pytest.mark.parametrize("factor", [2, 16, 128])
def test_louder_is_a_constant_more(factor: int) -> None:
    """log(factor^2) in steps where the offset is far below, within the roundings of both."""
    quiet = noise(2, 50)
    more = ours(quiet * np.int16(factor)) - ours(quiet)
    assert np.abs(more[:, 3:, 1:] - 2 * np.log(factor) / SCALE).max() <= 2.0


@pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["default", "other"])
@pytest.mark.parametrize("amplitude", [0.5, 3, 100, 3_000, 60_000])
def test_noise_is_rounded_to_the_nearest(config: FrontendConfig, amplitude: float) -> None:
    """The error before rounding is below a fiftieth of a step, from the last bit to clipping."""
    clips = noise(5, amplitude, config)
    assert np.abs(ours(clips, config) - exact(clips, config)).max() <= 0.52


def test_beside_a_loud_tone_quiet_bands_keep_their_digits() -> None:
    """A hundred decibels below the tone, where float32 graphs have their own noise."""
    clips = tones([100.0, 440.0, 1_000.0, 3_333.0, 7_900.0], 32_767)
    assert np.abs(ours(clips) - exact(clips)).max() <= 0.6


@pytest.mark.parametrize(
    "clip",
    [
        np.full(16_000, -32_768),
        np.full(16_000, 32_767),
        np.full(16_000, -1),
        np.where(np.arange(16_000) % 2, 32_767, -32_768),
        np.where(np.arange(16_000) // 40 % 2, 32_767, -32_768),
        np.where(np.arange(16_000) == 8_000, -32_768, 0),
    ],
    ids=["lowest", "highest", "-1", "Nyquist", "square", "impulse"],
)
def test_nothing_overflows(clip: np.ndarray) -> None:
    clips = clip[np.newaxis].astype(np.int16)
    assert np.abs(ours(clips) - exact(clips)).max() <= 0.6


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    log2_fft=st.integers(4, 12),
    lengths=st.tuples(st.floats(0.1, 1.0), st.floats(0.1, 1.0)),
    bands=st.integers(1, 64),
    log_offset=st.sampled_from([1e-8, 1e-6, 1e-3, 1.0]),
    amplitude=st.floats(0.1, 5.0).map(lambda exponent: 10.0**exponent),
)
def test_any_config(
    log2_fft: int,
    lengths: tuple[float, float],
    bands: int,
    log_offset: float,
    amplitude: float,
) -> None:
    fft_size = 2**log2_fft
    window = max(4, int(lengths[0] * fft_size))
    config = dataclasses.replace(
        CONFIG,
        clip_samples=2 * fft_size,
        window=window,
        hop=max(1, int(lengths[1] * window)),
        fft_size=fft_size,
        mel_bands=bands,
        log_offset=log_offset,
    )
    clips = noise(2, amplitude, config)
    error = np.abs(ours(clips, config) - exact(clips, config)).max(axis=(0, 2))
    # Weights have 16 digits: a band that only has a bin at its very edge loses some of them.
    heaviest = frontend.mel_matrix(config).max(axis=0)
    assert (error <= 0.55 + 2.0**-17 / np.maximum(heaviest, 1e-9) / SCALE).all()


def test_clips_of_a_batch_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = noise(3, 1_000)
    together = ours(clips)
    monkeypatch.setattr(fixed_point, "_BLOCK", 512 * 7)
    np.testing.assert_array_equal(ours(clips), together)
    np.testing.assert_array_equal(ours(clips[1:2])[0], together[1])


def test_no_clips() -> None:
    assert ours(np.zeros((0, 16_000), np.int16)).size == 0


@pytest.mark.parametrize(
    "clips",
    [
        np.zeros((1, 15_999), np.int16),
        np.zeros(16_000, np.int16),
        np.zeros((1, 16_000), np.float32),
    ],
    ids=["length", "rank", "type"],
)
def test_refuses_other_clips(clips: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"not int16 \(n, 16000\)"):
        fixed_point.log_mel(clips, CONFIG, SCALE, ZERO_POINT)


@pytest.mark.parametrize("changes", [{"padding": "reflect"}, {"fft_size": 600}])
def test_refuses_what_a_device_cannot_compute(changes: dict[str, Any]) -> None:
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(ExportError, match=next(iter(changes))):
        fixed_point.log_mel(noise(1, 100), config, SCALE, ZERO_POINT)


@pytest.mark.real_data
@pytest.mark.parametrize("shift", [0, 4, 8], ids=["as recorded", "-24 dB", "-48 dB"])
def test_equals_the_training_graph_on_real_speech(real_data: Path, shift: int) -> None:
    """Never more than a step apart, and hardly ever that."""
    paths = sorted(real_data.glob("[a-z]*/*_nohash_*.wav"))[::20]
    assert len(paths) >= 50
    clips = np.stack([read(path) for path in paths]) >> shift
    apart = np.abs(ours(clips) - graph(clips))
    assert (apart <= 1).mean() >= 0.999
    assert (apart == 0).mean() >= 0.999


# Normalization: the scale is one of a model that was calibrated on such features.
SCENES = FrontendConfig(clip_samples=80_000, window=1_024, hop=480, fft_size=1_024, mel_bands=64)
NORMALIZED = pytest.mark.parametrize(
    ("kind", "lam"), [("residual", 0.1), ("relaxed", 0.5), ("relaxed", 0.0)]
)
NORMALIZED_SCALE = 0.05


def check_normalized(clips: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """Within a step of the training graph, and nearly always the same; gives the features."""
    found = fixed_point.log_mel(clips, config, NORMALIZED_SCALE, 10)
    assert found.dtype == np.int8 and found.shape == (len(clips), *config.feature_shape)
    real = frontend.log_mel(tf.constant(clips.astype(np.float32) / 32_768), config).numpy()
    apart = np.abs(found.astype(int) - tflite_runtime.quantize(real, NORMALIZED_SCALE, 10))
    assert apart.max() <= 1 and (apart == 0).mean() >= 0.985
    return found


@NORMALIZED
@pytest.mark.parametrize("sizes", [(1_024, 1_024, 64), (1_024, 2_048, 128), (2_048, 2_048, 256)])
def test_normalized_is_within_a_step_of_the_graph(kind, lam, sizes):
    """Noise of any loudness, half of it silence, clicks, and sound of the last bit.

    Of 256 bands the lowest have no bin, or one at the edge of their filter.
    """
    window, fft_size, bands = sizes
    config = dataclasses.replace(
        SCENES,
        window=window,
        fft_size=fft_size,
        mel_bands=bands,
        normalization=kind,
        norm_lambda=lam,
    )
    half = np.arange(80_000) < 40_000
    click = np.arange(80_000) % 7_919 == 0
    clips = np.concatenate(
        [
            noise(1, 3_000, config),
            noise(1, 3_000, config) * half,
            noise(1, 1, config),
            20_000 * click[np.newaxis],
            np.where(half, 1, -1)[np.newaxis],
        ]
    )
    check_normalized(clips.astype(np.int16), config)


@NORMALIZED
def test_normalized_silence_is_one_value(kind, lam):
    config = dataclasses.replace(SCENES, normalization=kind, norm_lambda=lam)
    found = check_normalized(np.zeros((1, 80_000), np.int16), config)
    value = lam * np.log(config.log_offset) if kind == "residual" else 0.0
    assert np.unique(found).tolist() == [round(value / NORMALIZED_SCALE) + 10]


def test_normalized_clips_of_a_batch_do_not_meet():
    config = dataclasses.replace(CONFIG, normalization="relaxed")
    clips = noise(3, 1_000)
    together = fixed_point.log_mel(clips, config, 0.05, 0)
    alone = fixed_point.log_mel(clips[1:2], config, 0.05, 0)
    np.testing.assert_array_equal(together[1:2], alone)
    assert fixed_point.log_mel(clips[:0], config, 0.05, 0).shape == (0, 40, 101, 1)


@pytest.mark.real_data
@NORMALIZED
@pytest.mark.parametrize("shift", [0, 8], ids=["as recorded", "-48 dB"])
def test_normalized_real_scenes(real_scenes: Path, kind, lam, shift):
    """Some clips end in digital silence."""
    paths = sorted(real_scenes.glob("*/*.wav"))[::20]
    clips = np.stack([read(path, 80_000) for path in paths]) >> shift
    assert len(clips) >= 20
    config = dataclasses.replace(SCENES, normalization=kind, norm_lambda=lam)
    check_normalized(clips, config)


def read(path: Path, length: int = 16_000) -> np.ndarray:
    """(length,) int16, zeros at the end."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(length), "<i2").astype(np.int16)
    return np.pad(samples, (0, length - len(samples)))
