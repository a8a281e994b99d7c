"""The model for phones is front-end, int8 network and softmax, and nothing else."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tflite_model
from edge_tf.audio import frontend
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import waveform
from edge_tf.conversion.tflite import tflite_edit
from edge_tf.engines.litert import (
    AndroidWaveform,
    LiteRTReference,
    LiteRTXnnpack,
    values_between,
)
from edge_tf.errors import UserError
from edge_tf.evaluation import metrics
from edge_tf.tflite_runtime import quantize
from firmware_export.errors import ExportError

LABELS = ("go", "stop", "up", "_unknown_")
CONFIGS = {
    "causal": FrontendConfig(),
    "reflect": FrontendConfig(padding="reflect"),
    "none": FrontendConfig(padding="none", clip_samples=16_480),
    "residual": FrontendConfig(normalization="residual"),
    "relaxed": FrontendConfig(normalization="relaxed"),
    "another rate": FrontendConfig(
        sample_rate=8_000, clip_samples=8_000, window=256, hop=80, fft_size=256, high_hz=4_000
    ),
}


def sound(config: FrontendConfig, clips: int) -> np.ndarray:
    """Noise and tones at all levels, (clips, samples) int16; the last clip is silence."""
    rng = np.random.default_rng(3)
    time = np.arange(config.clip_samples) / config.sample_rate
    tones = np.sin(2 * np.pi * rng.uniform(50, 3_900, (clips, 1)) * time)
    level = 10 ** rng.uniform(-4, 0, (clips, 1))
    sound = level * (0.7 * tones + rng.normal(0, 0.1, tones.shape))
    sound[-1] = 0
    return np.clip(np.rint(32768 * sound), -32768, 32767).astype(np.int16)


def features(samples: np.ndarray, config: FrontendConfig) -> np.ndarray:
    return frontend.log_mel(tf.constant(samples, tf.float32) / 32768, config).numpy()


@pytest.mark.parametrize("name", CONFIGS)
def test_scores_are_the_softmax_of_the_int8_model_s_logits(converted_model, name):
    config = CONFIGS[name]
    assert config.feature_shape == (40, 101, 1)
    samples = sound(config, 40)
    model = waveform.convert(converted_model, config, LABELS)
    scores = np.exp(AndroidWaveform(model).run(samples).logits)
    expected = metrics.softmax(
        LiteRTXnnpack(converted_model).run(features(samples, config)).real_logits()
    )
    # LOG rounds differently from TensorFlow's: about once per hundred clips a feature is on the
    # other side of a half, which may move a logit by a step.
    assert np.mean(np.abs(scores - expected).max(axis=1) < 1e-6) >= 0.9
    step = tflite_model.parse(converted_model).outputs[0].scales[0]
    np.testing.assert_allclose(scores, expected, atol=2 * step)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_features_inside_are_training_s_within_one_int8_step(converted_model, name):
    config = CONFIGS[name]
    samples = sound(config, 20)
    model = waveform.convert(converted_model, config, LABELS)
    inside = values_between(model, "QUANTIZE", samples.astype(np.float32) / 32768)
    source = tflite_model.parse(converted_model).inputs[0]
    outside = quantize(features(samples, config), source.scales[0], source.zero_points[0])
    distance = np.abs(inside.astype(int) - outside)
    assert distance.max() <= 1
    assert np.mean(distance == 0) > 0.999


def test_the_network_is_carried_over_op_by_op_and_byte_by_byte(converted_model):
    network = tflite_model.parse(converted_model)
    model = tflite_model.parse(waveform.convert(converted_model, CONFIGS["causal"], LABELS))
    names = [op.name for op in model.ops]
    first = names.index("QUANTIZE") + 1
    inner = model.ops[first : first + len(network.ops)]
    assert names[first + len(network.ops) :] == ["DEQUANTIZE", "SOFTMAX"]
    for mine, theirs in zip(inner, network.ops, strict=True):
        assert (mine.name, mine.version, mine.options) == (
            theirs.name,
            theirs.version,
            theirs.options,
        )
        for a, b in zip(
            (*mine.inputs, *mine.outputs), (*theirs.inputs, *theirs.outputs), strict=True
        ):
            if b < 0:  # a missing optional input
                assert a < 0
                continue
            here, there = model.tensors[a], network.tensors[b]
            assert (here.type, here.shape, here.data) == (there.type, there.shape, there.data)
            assert (here.scales, here.zero_points) == (there.scales, there.zero_points)


def test_what_the_file_promises(converted_model):
    data = waveform.convert(converted_model, CONFIGS["causal"], LABELS)
    info = tflite_model.parse(data)
    assert [(t.name, t.type, t.shape) for t in (*info.inputs, *info.outputs)] == [
        ("waveform", "FLOAT32", (1, 16_000)),
        ("scores", "FLOAT32", (1, 4)),
    ]
    assert not any(op.is_custom or op.name.startswith("Flex") for op in info.ops)
    assert all(tensor.is_static for tensor in info.tensors)
    assert data == waveform.convert(converted_model, CONFIGS["causal"], LABELS)
    used = {t.buffer for t in tflite_edit.unpack(data).subgraphs[0].tensors}
    assert used | {0} == set(range(len(tflite_edit.unpack(data).buffers)))


def test_litert_s_signature_names_both_ends(converted_model):
    from ai_edge_litert import interpreter as litert

    model = waveform.convert(converted_model, CONFIGS["causal"], LABELS)
    run = litert.Interpreter(model_content=model).get_signature_runner("serving_default")
    assert run(waveform=np.zeros((1, 16_000), np.float32))["scores"].shape == (1, 4)


def test_reference_kernels_run_it_too(converted_model):
    samples = sound(CONFIGS["causal"], 8)
    network = LiteRTReference(converted_model).run(features(samples, CONFIGS["causal"]))
    assert network.scale is not None
    model = waveform.convert(converted_model, CONFIGS["causal"], LABELS)
    from ai_edge_litert import interpreter as litert

    run = litert.Interpreter(
        model_content=model, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF
    ).get_signature_runner()
    scores = [run(waveform=c[np.newaxis] / np.float32(32768))["scores"][0] for c in samples]
    np.testing.assert_allclose(
        np.stack(scores), metrics.softmax(network.real_logits()), atol=2 * network.scale
    )


class TestRefusals:
    def test_an_fft_that_tflite_does_not_have(self, converted_model):
        config = dataclasses.replace(FrontendConfig(), fft_size=500)
        with pytest.raises(UserError, match="fft_size=500 is not a power of two"):
            waveform.convert(converted_model, config, LABELS)

    def test_another_front_end(self, converted_model):
        config = dataclasses.replace(FrontendConfig(), mel_bands=64)
        with pytest.raises(UserError, match=r"expects \(1, 40, 101, 1\), the front-end produces"):
            waveform.convert(converted_model, config, LABELS)

    def test_other_labels(self, converted_model):
        with pytest.raises(ExportError, match="there are 3 labels"):
            waveform.convert(converted_model, CONFIGS["causal"], LABELS[:3])

    def test_a_custom_op(self, converted_model):
        model = tflite_edit.unpack(waveform.convert(converted_model, CONFIGS["causal"], LABELS))
        schema = tflite_edit.schema.BuiltinOperator
        code = next(c for c in model.operatorCodes if c.builtinCode == schema.LOG)
        code.builtinCode = code.deprecatedBuiltinCode = schema.CUSTOM
        code.customCode = b"FlexLog"
        with pytest.raises(UserError, match=r"CUSTOM:FlexLog\) is not a TFLite builtin"):
            waveform.check(tflite_edit.pack(model))

    def test_a_shape_that_is_not_fixed(self, converted_model):
        model = tflite_edit.unpack(waveform.convert(converted_model, CONFIGS["causal"], LABELS))
        model.subgraphs[0].tensors[5].shapeSignature = np.array([-1, 2], np.int32)
        model.subgraphs[0].tensors[5].shape = np.array([1, 2], np.int32)
        model.subgraphs[0].tensors[5].buffer = 0
        with pytest.raises(UserError, match="has no fixed shape"):
            waveform.check(tflite_edit.pack(model))

    def test_the_int8_model_itself(self, converted_model):
        with pytest.raises(UserError, match=r"is INT8 .*, not float32 \[1, n\]"):
            waveform.check(converted_model)
