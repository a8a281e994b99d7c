"""Features of sound in blocks of any size: those of the whole clip, byte for byte."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from edge_tf.audio import fixed_point
from edge_tf.audio.fixed_point import FrameStream
from edge_tf.audio.frontend_config import FrontendConfig
from firmware_export.errors import ExportError
from tests.edge_tf.audio.fixed_point_test import CONFIG, OTHER, SCALE, ZERO_POINT, noise

CONFIGS = pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["default", "other"])


def whole(pcm: np.ndarray, config: FrontendConfig) -> np.ndarray:
    """(frames, mel_bands) of sound of any length as one clip."""
    config = dataclasses.replace(config, clip_samples=len(pcm))
    return fixed_point.log_mel(pcm[np.newaxis], config, SCALE, ZERO_POINT)[0, :, :, 0].T


def pushed(stream: FrameStream, pcm: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Frames of sound that comes in blocks of these sizes, over and over."""
    at, count, frames = 0, 0, []
    while at < len(pcm):
        size = sizes[count % len(sizes)]
        frames.append(stream.push(pcm[at : at + size]))
        at, count = at + size, count + 1
    return np.concatenate(frames)


def sound(samples: int, config: FrontendConfig = CONFIG) -> np.ndarray:
    """Noise whose loudness changes, so that frames differ."""
    loud = dataclasses.replace(config, clip_samples=samples)
    swell = 1 + np.sin(np.arange(samples) / 700)
    return (noise(1, 3_000, loud)[0] * swell).clip(-32_768, 32_767).astype(np.int16)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    sizes=st.lists(st.integers(1, 4_096), min_size=1, max_size=20),
    samples=st.integers(1_024, 9_000),
    config=st.sampled_from([CONFIG, OTHER]),
)
def test_blocks_of_any_size_give_the_frames_of_the_whole(sizes, samples, config):
    pcm = sound(samples, config)
    got = pushed(FrameStream(config, SCALE, ZERO_POINT), pcm, sizes)
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got, whole(pcm, config))


@CONFIGS
def test_sample_by_sample(config):
    pcm = sound(1_500, config)
    got = pushed(FrameStream(config, SCALE, ZERO_POINT), pcm, [1])
    np.testing.assert_array_equal(got, whole(pcm, config))
    assert len(np.unique(got[1:])) > 10


def test_a_frame_comes_with_the_sample_that_completes_it():
    stream = FrameStream(CONFIG, SCALE, ZERO_POINT)
    pcm = sound(600)
    counts = [len(stream.push(sample[np.newaxis])) for sample in pcm]
    assert np.flatnonzero(counts).tolist() == [0, 159, 319, 479]
    assert set(counts) == {0, 1}


def test_frame_0_is_silence_even_without_sound():
    stream = FrameStream(CONFIG, SCALE, ZERO_POINT)
    nothing = np.zeros(0, np.int16)
    first = stream.push(nothing)
    silence = round(np.log(CONFIG.log_offset) / SCALE + ZERO_POINT)
    assert first.shape == (1, CONFIG.mel_bands) and (first == silence).all()
    assert stream.push(nothing).shape == (0, CONFIG.mel_bands)


def test_reset_gives_the_first_state():
    """Whatever was heard before, and wherever within a hop it ended."""
    pcm = sound(5_000)
    stream = FrameStream(CONFIG, SCALE, ZERO_POINT)
    first = pushed(stream, pcm, [777])
    assert not np.array_equal(pushed(stream, pcm, [777])[: len(first)], first)
    stream.push(pcm[:93])
    stream.reset()
    np.testing.assert_array_equal(pushed(stream, pcm, [1_001]), first)


def test_many_frames_at_once_are_worked_on_in_parts(monkeypatch):
    pcm = sound(9_000)
    expected = whole(pcm, CONFIG)
    monkeypatch.setattr(fixed_point, "_BLOCK", CONFIG.fft_size * 7)
    got = FrameStream(CONFIG, SCALE, ZERO_POINT).push(pcm)
    np.testing.assert_array_equal(got, expected)


def test_refuses_what_needs_the_whole_window():
    config = dataclasses.replace(CONFIG, normalization="relaxed")
    with pytest.raises(ExportError, match="normalization=relaxed needs statistics over a whole"):
        FrameStream(config, SCALE, ZERO_POINT)


@pytest.mark.parametrize("changes", [{"padding": "reflect"}, {"fft_size": 600}])
def test_refuses_what_a_device_cannot_compute(changes):
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(ExportError, match=next(iter(changes))):
        FrameStream(config, SCALE, ZERO_POINT)
