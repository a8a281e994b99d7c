"""Device translation: clips that were not seen get the statistics of the device they are meant for.

On noise with a random spectrum and a random envelope each: no two clips are alike, but all devices
record the same kind of sound.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from edge_tf.audio import devices
from edge_tf.audio.augmentation import Augmenter
from edge_tf.audio.augmentation_config import AugmentationConfig
from edge_tf.audio.frontend import log_mel, normalized
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import pipeline
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError
from edge_tf.training import device_translation
from edge_tf.training.device_translation import DeviceTranslator, distance, moments

NO_DIGESTS = np.empty((0, 16), np.uint8)
FRONTEND = FrontendConfig(clip_samples=8_000, hop=320, mel_bands=20)
SOURCE, TARGETS = "a", ("s1", "s2")
CLIPS = 60


def sounds(count: int, seed: int) -> np.ndarray:
    """(count, 8000) int16."""
    rng = np.random.default_rng(seed)
    size = FRONTEND.clip_samples
    points = np.linspace(0, 1, 8)
    found = []
    for _ in range(count):
        spectrum = np.fft.rfft(rng.normal(size=size))
        tilt = np.interp(np.linspace(0, 1, len(spectrum)), points, rng.normal(size=8))
        envelope = np.interp(np.linspace(0, 1, size), points, rng.normal(size=8))
        found.append(1_000 * np.fft.irfft(spectrum * np.exp(tilt)) * np.exp(0.5 * envelope))
    return np.clip(found, -32768, 32767).astype(np.int16)


def features(samples: np.ndarray, device: str = SOURCE) -> np.ndarray:
    if device != SOURCE:
        samples = devices.apply(samples, devices.simulated(int(device[1:]), FRONTEND.sample_rate))
    return log_mel((samples / 32768).astype(np.float32), FRONTEND).numpy()


@pytest.fixture(scope="module")
def recorded() -> tuple[np.ndarray, list[str]]:
    """Clips of three devices, no sound in two of them, and some of unknown origin."""
    parts, names = [], []
    for seed, device in enumerate([SOURCE, *TARGETS]):
        parts.append(features(sounds(CLIPS, seed), device))
        names += [device] * CLIPS
    return np.concatenate([*parts, np.full_like(parts[0][:5], 99.0)]), [*names, *[""] * 5]


@pytest.fixture(scope="module")
def translator(recorded) -> DeviceTranslator:
    return device_translation.train(recorded[0], recorded[1], SOURCE)


def to(target: int, count: int) -> tf.Tensor:
    return tf.fill([count], target)


@pytest.mark.parametrize("target", [0, 1])
def test_unseen_clips_come_closer_to_the_target(translator, recorded, target):
    """In statistics by a factor of 3, and of each clip nine tenths of the squared difference go.

    The difference of the devices' means alone, one curve for all clips, gets less far.
    """
    unseen = sounds(80, 77)
    before, truth = features(unseen), features(unseen, TARGETS[target])
    after = translator(before, to(target, 80)).numpy()
    means = recorded[0][: 3 * CLIPS].reshape(3, CLIPS, *before.shape[1:]).mean(axis=(1, 3))
    curve = before + (means[1 + target] - means[0])[:, np.newaxis]
    wanted = moments(truth)
    assert distance(moments(after), wanted) < distance(moments(before), wanted) / 3
    assert distance(moments(after), wanted) < distance(moments(curve), wanted)
    assert np.mean((after - truth) ** 2) < 0.1 * np.mean((before - truth) ** 2)
    assert np.mean((after - truth) ** 2) < np.mean((curve - truth) ** 2)


def test_each_device_gets_clips_of_its_own(translator):
    before = features(sounds(10, 78))
    one, other = (translator(before, to(target, 10)).numpy() for target in (0, 1))
    assert np.abs(one - other).mean() > 0.5


def test_clips_without_a_target_stay_and_the_others_do_not_depend_on_them(translator):
    before = features(sounds(6, 79))
    mixed = translator(before, tf.constant([-1, 0, 1, -1, 1, -1])).numpy()
    np.testing.assert_array_equal(mixed[[0, 3, 5]], before[[0, 3, 5]])
    np.testing.assert_allclose(mixed[1], translator(before, to(0, 6))[1], atol=1e-4)
    np.testing.assert_allclose(
        mixed[[2, 4]], translator(before, to(1, 6)).numpy()[[2, 4]], atol=1e-4
    )
    np.testing.assert_array_equal(translator(before, to(-1, 6)), before)


def test_a_saved_translator_is_the_same(translator, tmp_path):
    translator.save(tmp_path)
    loaded = DeviceTranslator.load(tmp_path)
    assert (loaded.source, loaded.targets) == (SOURCE, TARGETS)
    before = features(sounds(3, 80))
    np.testing.assert_array_equal(loaded(before, to(1, 3)), translator(before, to(1, 3)))


def test_what_is_not_there_or_damaged_is_told(translator, tmp_path):
    with pytest.raises(UserError, match=r"translator\.json"):
        DeviceTranslator.load(tmp_path)
    translator.save(tmp_path)
    Path(tmp_path / "translator.keras").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"is not a device translator"):
        DeviceTranslator.load(tmp_path)
    (tmp_path / "translator.json").write_text("[]")
    with pytest.raises(UserError, match=r"is not a device translator"):
        DeviceTranslator.load(tmp_path)


@pytest.mark.parametrize(
    ("names", "known"), [(["a", "a"], "a"), (["b", ""], "b"), (["", ""], "unknown")], ids=str
)
def test_one_device_alone_is_refused(names, known):
    with pytest.raises(UserError, match=f"of another one, but the devices are {known};"):
        device_translation.train(np.zeros((2, 4, 5, 1), np.float32), names, SOURCE)


def test_moments_are_those_of_numpy():
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 1)).astype(np.float32)
    mean, covariance = moments(x)
    rows = x[..., 0].transpose(1, 0, 2).reshape(4, -1)
    np.testing.assert_allclose(mean, rows.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(rows, bias=True), atol=1e-6)
    assert float(distance(moments(x), moments(x))) == 0.0


# In batches


def waves(names: tuple[str, ...]) -> Waveforms:
    labels = np.arange(len(names), dtype=np.int32)
    samples = sounds(len(names), 81)
    return Waveforms(samples, labels, names, labels < 0, names, "", {}, NO_DIGESTS)


def epoch(clips, config, translator, frontend=FRONTEND) -> np.ndarray:
    """Features of an epoch in the order of the clips."""
    count = len(clips.labels)
    augmenter = Augmenter(config, [], translator=translator)
    batches = pipeline.training_batches(clips, frontend, augmenter, count, 4, 0, 0)
    rows = {int(n): x for xs, ys in batches for x, n in zip(xs, np.argmax(ys, axis=1), strict=True)}
    return np.array([rows[n] for n in range(count)])


def test_batches_translate_clips_of_the_source_alone_before_normalization(translator):
    names = (SOURCE, "s1", SOURCE, "", SOURCE, "s2")
    clips = waves(names)
    config = AugmentationConfig(probability=0.0, translator_probability=1.0)
    before = features(clips.samples)
    frontend = dataclasses.replace(FRONTEND, normalization="residual")
    found = epoch(clips, config, translator, frontend)
    possible = [
        normalized(translator(before, to(target, 6)), frontend).numpy() for target in (-1, 0, 1)
    ]
    for row, name in enumerate(names):
        errors = [np.abs(found[row] - one[row]).max() for one in possible]
        assert min(errors) < 1e-3
        assert (int(np.argmin(errors)) > 0) == (name == SOURCE)


def test_no_probability_or_no_translator_means_no_translation(translator):
    clips = waves((SOURCE,) * 5)
    asked = AugmentationConfig(probability=0.0, translator_probability=1.0)
    unasked = AugmentationConfig(probability=0.0)
    np.testing.assert_array_equal(epoch(clips, unasked, translator), epoch(clips, asked, None))


def test_the_share_of_translated_clips_and_that_all_targets_are_drawn(translator):
    config = AugmentationConfig(translator_probability=0.4)
    augmenter = Augmenter(config, [], translator=translator)
    rng = np.random.default_rng(0)
    targets = augmenter.translations([SOURCE] * 2_000 + ["s1"] * 10, rng)
    assert targets.dtype == np.int32 and np.all(targets[2_000:] == -1)
    shares = np.bincount(targets[:2_000] + 1, minlength=3) / 2_000
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.045)  # four standard errors


# In a run


def test_a_run_trains_its_translator_once(tmp_path, monkeypatch):
    frontend = FrontendConfig(clip_samples=4_000, mel_bands=8, normalization="residual")
    draw = np.random.default_rng(0)
    samples = (3_000 * draw.normal(size=(12, 4_000))).clip(-32_768, 32_767).astype(np.int16)
    devices = ("a",) * 7 + ("b",) * 4 + ("",)
    clips = Waveforms(
        samples=samples,
        labels=np.zeros(12, np.int32),
        names=tuple("abcdefghijkl"),
        is_silence=np.zeros(12, bool),
        devices=devices,
        fingerprint="",
        notes={},
        digests=NO_DIGESTS,
    )
    made = device_translation.of_run(tmp_path, clips, frontend, seed=0)
    assert (made.source, made.targets) == ("a", ("b",))
    monkeypatch.setattr(device_translation, "train", None)  # calling it would fail
    kept = device_translation.of_run(tmp_path, clips, frontend, seed=0)
    x = draw.normal(size=(2, *frontend.feature_shape)).astype(np.float32)
    np.testing.assert_array_equal(kept(x, np.array([0, -1])), made(x, np.array([0, -1])))


def test_clips_of_one_device_have_nothing_to_be_translated_to(tmp_path):
    frontend = FrontendConfig(clip_samples=4_000, mel_bands=8)
    clips = Waveforms(
        samples=np.zeros((3, 4_000), np.int16),
        labels=np.zeros(3, np.int32),
        names=("a", "b", "c"),
        is_silence=np.zeros(3, bool),
        devices=("recorded",) * 3,
        fingerprint="",
        notes={},
        digests=NO_DIGESTS,
    )
    with pytest.raises(UserError, match="of another one, but the devices are recorded"):
        device_translation.of_run(tmp_path, clips, frontend, seed=0)
    assert not list(tmp_path.iterdir())
