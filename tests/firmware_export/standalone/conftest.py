"""Exports of plain C that several tests read."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.conversion.tflite import streaming
from firmware_export.golden import Golden
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Sound, Spotting
from tests.firmware_export.models import LABELS
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.exports import CONFIG
from tests.firmware_export.standalone.passes_test import LIKE
from tests.firmware_export.standalone.states_test import WindowModel


@pytest.fixture(scope="session")
def spotting(converted_model: bytes) -> tuple[Spotting, Golden]:
    """Four clips of noise as a run has them."""
    tensor = tflite_model.parse(converted_model).inputs[0]
    loudness = np.array([10, 300, 3000, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(4, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, CONFIG, tensor.scales[0], tensor.zero_points[0])
    logits = [tflm_oracle.run(converted_model, [clip[np.newaxis]])[0][0] for clip in features]
    golden = Golden(features, np.stack(logits), np.arange(4))
    sound = Sound(wav[:2], features[:2])
    return Spotting(LABELS, CONFIG.to_dict(), sound=sound), golden


@pytest.fixture(scope="session")
def exported(
    converted_model: bytes, spotting: tuple[Spotting, Golden], tmp_path_factory: Any
) -> Path:
    out = tmp_path_factory.mktemp("export") / "firmware"
    words, golden = spotting
    package.export(converted_model, out, "1.2.3", spotting=words, golden=golden)
    return out


@pytest.fixture(scope="session")
def streaming_model() -> bytes:
    """The whole-window form of a classifier of one convolution over three frames."""
    model = WindowModel((1, *CONFIG.feature_shape))
    x = model.pointwise(model.input, 3)
    x = model.over_time(x, 3, rows=CONFIG.mel_bands)
    return model.end(model.mean(model.pointwise(x, 6), 1), len(LABELS))


@pytest.fixture(scope="session")
def streamed(streaming_model: bytes, tmp_path_factory: Any) -> Path:
    """An export with sound that goes with the front-end, and golden vectors of whole windows."""
    scale, zero_point = LIKE
    loudness = np.array([10, 300, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(3, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, CONFIG, scale, zero_point)
    logits = [tflm_oracle.run(streaming_model, [clip[np.newaxis]])[0][0] for clip in features]
    assert len(np.unique(logits, axis=0)) == 3
    out = tmp_path_factory.mktemp("export") / "firmware"
    sound = Sound(wav[1:], features[1:])
    package.export(
        streaming_model,
        out,
        "1.2.3",
        spotting=Spotting(LABELS, CONFIG.to_dict(), sound=sound),
        golden=Golden(features, np.stack(logits), np.arange(3)),
        streaming=streaming.rewrite(streaming_model).data,
    )
    return out


@pytest.fixture(scope="session")
def normalized(converted_model: bytes, tmp_path_factory: Any) -> Path:
    """An export whose front-end normalizes, with sound for its self-test."""
    config = dataclasses.replace(CONFIG, normalization="residual")
    tensor = tflite_model.parse(converted_model).inputs[0]
    loudness = np.array([10, 300, 9000])[:, np.newaxis]
    wav = (np.random.default_rng(0).normal(size=(3, 16000)) * loudness).astype(np.int16)
    features = fixed_point.log_mel(wav, config, tensor.scales[0], tensor.zero_points[0])
    logits = [tflm_oracle.run(converted_model, [clip[np.newaxis]])[0][0] for clip in features]
    words = Spotting(LABELS, config.to_dict(), sound=Sound(wav, features))
    golden = Golden(features, np.stack(logits), np.arange(3))
    out = tmp_path_factory.mktemp("export") / "firmware"
    package.export(converted_model, out, "1.2.3", spotting=words, golden=golden)
    return out
