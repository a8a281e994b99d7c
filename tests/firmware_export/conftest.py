"""A model as the converter makes it, and one that needs no TensorFlow."""

import os
from pathlib import Path

import numpy as np
import pytest

from firmware_export.golden import Golden
from firmware_export.tflm import arena
from tests.firmware_export import models

LABELS = ("yes", "no", 'caf\u00e9 "au lait"??=', "_unknown_")
FRONTEND = {"sample_rate": 16000, "mel_bands": 40, "padding": "causal"}


@pytest.fixture(scope="session")
def converted_model() -> bytes:
    """A fully-int8 .tflite from TensorFlow's converter: [1, 40, 101, 1] -> [1, 4]."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    features = tf_keras.Input((40, 101, 1), batch_size=1, name="features")
    x = layers.Conv2D(8, 5, strides=2, padding="same", activation="relu")(features)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Add()([x, layers.Activation("sigmoid")(x)])
    x = layers.GlobalAveragePooling2D()(x)
    model = tf_keras.Model(features, layers.Dense(len(LABELS))(x))

    rng = np.random.default_rng(0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(size=(1, 40, 101, 1)).astype(np.float32)] for _ in range(4)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


@pytest.fixture(scope="session")
def converted_golden(converted_model: bytes) -> Golden:
    """Golden vectors of `converted_model`, from LiteRT's reference kernels."""
    return golden_of(converted_model, clips=4)


@pytest.fixture(scope="session")
def small_model() -> bytes:
    return models.fully_connected()


@pytest.fixture(scope="session")
def small_golden(small_model: bytes) -> Golden:
    return golden_of(small_model, clips=3)


@pytest.fixture
def no_tflite_micro(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that tflite_micro has no wheel for."""
    monkeypatch.setattr(arena.importlib.util, "find_spec", lambda name: None)


def golden_of(model: bytes, clips: int) -> Golden:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    features = np.random.default_rng(2).integers(
        -128, 128, (clips, *given["shape"][1:]), dtype=np.int8
    )
    logits = []
    for clip in features:
        interpreter.set_tensor(given["index"], clip[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(result["index"])[0])
    stacked = np.stack(logits)
    return Golden(features, stacked, np.arange(clips) % stacked.shape[1])


def folder_content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
