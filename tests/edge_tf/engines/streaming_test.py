"""Networks on streams: blocks of any size give what whole windows give; others are refused."""

import builtins
import functools

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.engines import streaming as engines
from edge_tf.engines.base import UnavailableError
from edge_tf.engines.litert import LiteRTReference
from edge_tf.engines.streaming import KerasFrames, StreamingTFLiteMicro
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet, build_model
from edge_tf.settings import ModelConfig
from firmware_export.oracle import micro
from tests import shared
from tests.edge_tf.models.bc_resnet_test import randomize

TAU, CLASSES, FRAMES = 0.25, 5, 41
CONFIG = ModelConfig("bc_resnet", TAU, lookahead=0)
FRONTEND = FrontendConfig(clip_samples=(FRAMES - 1) * 160)


@functools.cache
def network() -> keras.Model:
    """A causal network as after a training."""
    keras.utils.set_random_seed(0)
    return randomize(bc_resnet.build(TAU, CLASSES, (40, FRAMES, 1), lookahead=0))


@functools.cache
def sharp_network() -> keras.Model:
    """The same, for which every class is the best one of some sounds."""
    model = bc_resnet.build(TAU, CLASSES, (40, FRAMES, 1), lookahead=0)
    model.set_weights(network().get_weights())
    logits = model(sound_features(), training=False).numpy()
    kernel, bias = model.get_layer("classifier").get_weights()
    gain = 3 / logits.std(axis=0)
    model.get_layer("classifier").set_weights([kernel * gain, (bias - logits.mean(axis=0)) * gain])
    return model


@functools.cache
def converted() -> tuple[bytes, bytes]:
    """Its int8 file, and the streaming form of that."""
    window = int8.convert(sharp_network(), sound_features(), "device")
    return window, streaming.rewrite(window).data


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Tones in noise, whose pitch and loudness change every tenth of a second."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(round(10 * seconds)):
        tone = np.sin(2 * np.pi * rng.uniform(60, 7_000) * np.arange(1_600) / 16_000)
        parts.append(10 ** rng.uniform(0, 4.3) * (tone + rng.normal(0, 0.3, 1_600)))
    return np.concatenate(parts).clip(-32_768, 32_767).astype(np.int16)


def sound_features(count: int = 40, seed: int = 9) -> np.ndarray:
    """Log-mel features of noise, as many as clips are asked for."""
    clips = noise(0.4 * count, seed).reshape(count, FRONTEND.clip_samples)
    steps = fixed_point.log_mel(clips, FRONTEND, 0.08, 45).astype(np.float32)
    return (steps - 45) * np.float32(0.08)


def in_blocks(frames: engines.FrameByFrame, lines: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Logits of all frames (n, bands), which come in blocks of these sizes, over and over."""
    at, count, logits = 0, 0, []
    while at < len(lines):
        size = sizes[count % len(sizes)]
        logits.append(frames.push(lines[at : at + size]))
        at, count = at + size, count + 1
    return np.concatenate(logits)


# Keras


@pytest.fixture(scope="module")
def keras_frames() -> KerasFrames:
    return KerasFrames(engines.keras_stream(network(), CONFIG))


@pytest.mark.parametrize("sizes", [[1], [FRAMES], [3, 1, 8], [2, 30]])
def test_keras_in_blocks_gives_the_logits_of_the_whole_window(keras_frames, sizes):
    clip = sound_features(1, seed=len(sizes))
    keras_frames.reset()
    logits = in_blocks(keras_frames, clip[0, :, :, 0].T, sizes)
    assert logits.shape == (FRAMES, CLASSES)
    np.testing.assert_allclose(logits[-1], network()(clip, training=False)[0], rtol=0, atol=1e-5)


def test_keras_remembers_until_it_is_reset(keras_frames):
    lines = sound_features(1, seed=2)[0, :, :, 0].T
    keras_frames.reset()
    first = in_blocks(keras_frames, lines, [4])
    assert not np.allclose(in_blocks(keras_frames, lines, [4])[0], first[0])
    keras_frames.reset()
    np.testing.assert_allclose(in_blocks(keras_frames, lines, [7]), first, rtol=0, atol=1e-5)


def without_stem() -> keras.Model:
    return build_model("ds_cnn", num_classes=3)


def without_blocks(filters: int = 4) -> keras.Model:
    inputs = keras.Input((40, FRAMES, 1))
    stem = keras.layers.Conv2D(filters, 5, strides=(2, 1), name="stem")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(stem)
    return keras.Model(inputs, keras.layers.Dense(3)(pooled), name="without_blocks")


def without_width() -> keras.Model:
    return without_blocks(filters=1)


def of_vectors() -> keras.Model:
    inputs = keras.Input((12,))
    return keras.Model(inputs, keras.layers.Dense(3, name="stem")(inputs), name="of_vectors")


@pytest.mark.parametrize("make", [without_stem, without_blocks, without_width, of_vectors])
def test_a_network_of_another_kind_is_refused_in_a_line(make):
    other = make()
    with pytest.raises(UserError) as caught:
        engines.keras_stream(other, CONFIG)
    message = str(caught.value)
    assert message.startswith(f"{other.name} has no streaming form (")
    assert message.endswith("; train a bc_resnet with --streaming") and "\n" not in message


@pytest.mark.parametrize(
    "config", [ModelConfig("ds_cnn"), ModelConfig("bc_resnet", TAU)], ids=["ds_cnn", "windows"]
)
def test_a_network_that_was_not_trained_for_streams_is_refused(config):
    """By what its run has recorded, even if its layers would do."""
    with pytest.raises(UserError, match="has no streaming form; train a bc_resnet with"):
        engines.keras_stream(network(), config)


def test_a_width_that_is_not_the_network_s_is_refused():
    """The settings are the run's; they are not guessed from the layers."""
    with pytest.raises(UserError, match="has no streaming form"):
        engines.keras_stream(network(), ModelConfig("bc_resnet", 1.0, lookahead=0))


# int8


def test_tflite_micro_gives_the_bytes_of_the_window():
    shared.need_tflite_micro()
    window, stream = converted()
    clips = sound_features(30, seed=5)
    clips[:5] *= 20  # far beyond the calibrated range
    found, wanted = StreamingTFLiteMicro(stream).run(clips), LiteRTReference(window).run(clips)
    np.testing.assert_array_equal(found.logits, wanted.logits)
    assert found.logits.dtype == np.int8 and len(np.unique(wanted.logits)) > 10
    assert (found.scale, found.zero_point) == (wanted.scale, wanted.zero_point)


def test_int8_frames_remember_until_they_are_reset():
    shared.need_tflite_micro()
    frames = engines.tflite_micro_frames(converted()[1])
    lines = np.random.default_rng(6).integers(-128, 128, (50, 40)).astype(np.int8)
    first = in_blocks(frames, lines, [50])
    assert first.dtype == np.int8 and first.shape == (50, CLASSES)
    assert not np.array_equal(in_blocks(frames, lines, [50]), first)
    frames.reset()
    np.testing.assert_array_equal(in_blocks(frames, lines, [1, 4, 11]), first)


def test_without_tflite_micro_the_hop_is_not_available(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.split(".")[0] == "tflite_micro":
            raise ImportError("no shared object 'tflite_micro'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    form, features = converted()[1], sound_features(1)
    for is_there, told in ((True, "tflite-micro does not load"), (False, "has wheels for Linux")):
        monkeypatch.setattr(micro, "has_wheel", lambda is_there=is_there: is_there)
        with pytest.raises(UnavailableError, match=told):
            StreamingTFLiteMicro(form).run(features)


def test_an_embedding_on_a_stream_is_that_of_the_window():
    keras.utils.set_random_seed(0)
    model = randomize(bc_resnet.build(TAU, None, (40, FRAMES, 1), lookahead=0))
    config = ModelConfig("bc_resnet", TAU, lookahead=0, embedding=True)
    frames = np.random.default_rng(0).normal(size=(FRAMES, 40)).astype(np.float32)
    pushed = KerasFrames(engines.keras_stream(model, config)).push(frames)
    window = model(frames.T[np.newaxis, :, :, np.newaxis], training=False)
    np.testing.assert_allclose(pushed[-1], window[0], atol=1e-5)
