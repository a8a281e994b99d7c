"""Batches of streams: they depend on seed, epoch and number only, and have the shapes they say."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.streams import mixing, stream_batches
from edge_tf.data.streams.mixing import Mix, Mixer, Spoken
from edge_tf.data.streams.targets import Classes, Windows
from tests.edge_tf.data.streams.wake_folders import PLAIN, sounds

WINDOWS = Windows(frames=200, window=50, every=4, unsettled=30)
FRONTEND = FrontendConfig(clip_samples=WINDOWS.samples)
CLASSES = Classes.of(("_unknown_", "lamp"))


@pytest.fixture(autouse=True)
def few_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "_ROOMS", 2)
    monkeypatch.setattr(mixing, "_DEVICES", 2)


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams as they are mixed."""
    for name in ("_WARP", "_MASK_SHARE"):
        monkeypatch.setattr(stream_batches, name, 0.0)


def batches(
    steps: int,
    seed: int = 0,
    epoch: int = 0,
    mix: Mix = Mix(),  # noqa: B008
    slow: float = 0.5,
    classes: Classes = CLASSES,
    size: int = 3,
) -> list:
    mixer = Mixer(sounds(), mix, WINDOWS.samples)
    made = stream_batches.training_batches(
        mixer, WINDOWS, FRONTEND, classes, size, steps, seed, epoch, slow
    )
    return [(features.numpy(), targets.numpy()) for features, targets in made]


def test_shapes():
    found = batches(2)
    assert len(found) == 2
    for features, targets in found:
        assert features.shape == (3, 40, 200, 1) and features.dtype == np.float32
        assert targets.shape == (3, len(WINDOWS.ends), 2) and targets.dtype == np.float32
        assert np.isfinite(features).all() and set(targets.sum(axis=-1).ravel()) <= {0.0, 1.0}


def test_a_batch_depends_on_seed_epoch_and_number_only():
    four, two = batches(4, seed=5, epoch=2), batches(2, seed=5, epoch=2)
    for mine, theirs in zip(four, two, strict=False):
        np.testing.assert_array_equal(mine[0], theirs[0])
        np.testing.assert_array_equal(mine[1], theirs[1])
    others = [*four[1:], *batches(1, seed=6, epoch=2), *batches(1, seed=5, epoch=3)]
    assert not any(np.array_equal(other[0], four[0][0]) for other in others)


def test_targets_are_those_of_the_stream_that_is_heard(monkeypatch):
    """Without warp, masks and tempo, features are the front-end's of the very stream."""
    plain(monkeypatch)
    ((features, targets),) = batches(1, seed=7, epoch=1, mix=PLAIN, slow=0.0)
    rng = np.random.default_rng([7, 1, 0])
    mixer = Mixer(sounds(), PLAIN, WINDOWS.samples)
    for row in range(3):
        wave, words = mixer(rng)
        rng.random()  # whether it is slowed
        assert len(words) == 1
        expected = log_mel(tf.constant(wave[np.newaxis]), FRONTEND).numpy()[0]
        np.testing.assert_allclose(features[row], expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(targets[row], WINDOWS.targets(words, CLASSES))


def test_two_streams_follow_each_other_in_an_example(monkeypatch):
    """As if they were one long stream: all windows of the second one are asked about."""
    plain(monkeypatch)
    ((features, targets),) = batches(1, seed=7, epoch=1, mix=PLAIN, slow=0.0, size=4)
    rng = np.random.default_rng([7, 1, 0])
    mixer = Mixer(sounds(), PLAIN, WINDOWS.samples)
    long = dataclasses.replace(WINDOWS, frames=399)
    frontend = dataclasses.replace(FRONTEND, clip_samples=long.samples)
    for row in range(2):
        (first, [one]), (second, [two]) = mixer(rng), mixer(rng)
        rng.random()  # whether it is slowed
        wave = np.concatenate([first, second])
        expected = log_mel(tf.constant(wave[np.newaxis]), frontend).numpy()[0]
        np.testing.assert_allclose(features[row], expected, rtol=0, atol=1e-5)
        two = dataclasses.replace(two, start=two.start + len(first), end=two.end + len(first))
        np.testing.assert_array_equal(targets[row], long.targets([one, two], CLASSES))
    assert features.shape == (2, 40, 399, 1)


def test_a_slowed_stream_is_the_stream_at_a_slower_pace_and_its_word_with_it(monkeypatch):
    """At half the pace, frame 2 t is frame t, an odd one is between two, the word lasts twice."""
    plain(monkeypatch)
    monkeypatch.setattr(stream_batches, "_TEMPOS", (0.5, 0.5))
    ((features, targets),) = batches(1, seed=7, epoch=1, mix=PLAIN, slow=1.0)
    rng = np.random.default_rng([7, 1, 0])
    mixer = Mixer(sounds(), PLAIN, WINDOWS.samples)
    for row in range(3):
        wave, (word,) = mixer(rng)
        rng.random(2)  # of the tempo
        heard = log_mel(tf.constant(wave[np.newaxis]), FRONTEND).numpy()[0]
        np.testing.assert_allclose(features[row][:, ::2], heard[:, :100], rtol=0, atol=1e-5)
        between = (heard[:, :99] + heard[:, 1:100]) / 2
        np.testing.assert_allclose(features[row][:, 1:198:2], between, rtol=0, atol=1e-5)
        slow = Spoken(2 * word.start, 2 * word.end, word.label)
        np.testing.assert_array_equal(targets[row], WINDOWS.targets([slow], CLASSES))


def test_other_sound_is_told_from_silence_at_any_pace(monkeypatch):
    plain(monkeypatch)
    monkeypatch.setattr(stream_batches, "_TEMPOS", (0.8, 0.8))
    classes = Classes.of(("_silence_", "_unknown_", "lamp"))
    mix = dataclasses.replace(PLAIN, word=0.0, talk=0.5)
    ((_, targets),) = batches(1, seed=3, mix=mix, slow=1.0, classes=classes)
    rng = np.random.default_rng([3, 0, 0])
    mixer = Mixer(sounds(), mix, WINDOWS.samples)
    seen = set()
    for row in range(3):
        stream = mixer.stream(rng)
        rng.random(2)  # of the tempo
        slow = [Spoken(round(x.start / 0.8), round(x.end / 0.8), 0) for x in stream.others]
        expected = WINDOWS.targets([], classes, slow)
        np.testing.assert_array_equal(targets[row], expected)
        seen |= set(expected.argmax(axis=-1)[expected.any(axis=-1)].tolist())
    assert seen == {0, 1}


def test_streams_differ_in_tempo(monkeypatch):
    """Some as they are, none faster, none slower than the slowest."""
    plain(monkeypatch)
    asked: list[float] = []
    slowed = stream_batches._slowed_words

    def noted(words: Sequence[Spoken], tempo: float) -> list[Spoken]:
        asked.append(tempo)
        return slowed(words, tempo)

    monkeypatch.setattr(stream_batches, "_slowed_words", noted)
    batches(12, mix=PLAIN)
    assert asked.count(1.0) > 3 and min(asked) >= stream_batches._TEMPOS[0] and max(asked) == 1.0
    assert len(set(asked)) > 10


def test_the_front_end_may_have_another_hop():
    windows = dataclasses.replace(WINDOWS, hop=320, frames=100, window=25)
    frontend = dataclasses.replace(FRONTEND, hop=320, clip_samples=windows.samples)
    mixer = Mixer(sounds(), Mix(), windows.samples)
    made = stream_batches.training_batches(mixer, windows, frontend, CLASSES, 2, 1, 0, 0, 0.0)
    assert next(iter(made))[0].shape == (1, 40, 199, 1)


@given(st.integers(2, 60), st.floats(-0.3, 0.3))
def test_a_warp_reads_each_band_from_two_neighbours_and_none_without_one(bands, by):
    np.testing.assert_array_equal(stream_batches._warp(bands, 0.0), np.eye(bands))
    warp = stream_batches._warp(bands, by)
    np.testing.assert_allclose(warp.sum(axis=1), 1.0, rtol=1e-6)
    assert warp.min() >= 0 and np.all((warp > 0).sum(axis=1) <= 2)
    # A ramp over the bands becomes a steeper or flatter one, held at its end.
    source = np.clip(np.arange(bands) * (1 + by), 0, bands - 1)
    np.testing.assert_allclose(warp @ np.arange(bands), source, atol=1e-4)


@given(st.integers(0, 10**6))
def test_masks_are_one_run_of_bands_and_one_of_frames_within_bounds(seed):
    mask = stream_batches._mask(40, 200, np.random.default_rng(seed))
    bands, frames = (mask == 0).all(axis=1), (mask == 0).all(axis=0)
    np.testing.assert_array_equal(mask == 0, bands[:, None] | frames[None, :])
    for run, most in ((bands, 4), (frames, 12)):
        assert run.sum() <= most and np.abs(np.diff(run.astype(int))).sum() <= 2
