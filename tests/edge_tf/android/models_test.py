"""Both files for apps: the same networks as model_int8.tflite, and metadata that is right."""

import io
import json
import zipfile

import numpy as np
import pytest

import tflite_model
from edge_tf.android import models
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.litert import AndroidWaveform, LiteRTReference, LiteRTXnnpack
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from edge_tf.tflite_runtime import quantize
from tests.edge_tf import recorded

LABELS = ("go", "stop", "up", "_unknown_")


@pytest.fixture(scope="module")
def made(converted_model):
    return models.make(converted_model, FrontendConfig(), LABELS, "a title")


def archive(model: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(model)) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_the_int8_file_gives_the_bytes_of_the_run_s(made, converted_model):
    clips = np.random.default_rng(0).normal(size=(20, 40, 101, 1)).astype(np.float32)
    for engine in (LiteRTReference, LiteRTXnnpack):
        found, expected = engine(made.features).run(clips), engine(converted_model).run(clips)
        np.testing.assert_array_equal(found.logits, expected.logits)
        assert (found.scale, found.zero_point) == (expected.scale, expected.zero_point)


def compiled(model: bytes, clip: np.ndarray) -> np.ndarray:
    """What LiteRT's newer interface gives, which Kotlin's CompiledModel is of."""
    from ai_edge_litert.compiled_model import CompiledModel

    runner = CompiledModel.from_buffer(model)
    inputs, outputs = runner.create_input_buffers(0), runner.create_output_buffers(0)
    inputs[0].write(np.ascontiguousarray(clip).reshape(-1))
    runner.run_by_index(0, inputs, outputs)
    return np.array(outputs[0].read(len(LABELS), clip.dtype.type))


def test_compiled_model_runs_both_files(made):
    rng = np.random.default_rng(1)
    samples = rng.integers(-9_000, 9_000, (6, 16_000)).astype(np.int16)
    expected = np.exp(AndroidWaveform(made.waveform).run(samples).logits)
    sound = samples.astype(np.float32) / 32768
    found = np.stack([compiled(made.waveform, clip) for clip in sound])
    np.testing.assert_allclose(found, expected, atol=1e-6)

    clips = rng.normal(size=(6, 40, 101, 1)).astype(np.float32)
    source = tflite_model.parse(made.features).inputs[0]
    values = quantize(clips, source.scales[0], source.zero_points[0])
    found = np.stack([compiled(made.features, clip) for clip in values])
    np.testing.assert_array_equal(found, LiteRTXnnpack(made.features).run(clips).logits)


def test_front_end_and_labels_are_in_the_files(made, converted_model):
    given = tflite_model.parse(converted_model).inputs[0]
    files = archive(made.features)
    assert json.loads(files["frontend.json"]) == {
        "frontend": FrontendConfig().to_dict(),
        "input": {"scale": given.scales[0], "zero_point": given.zero_points[0]},
    }
    assert files["labels.txt"] == "go\nstop\nup\n_unknown_\n"
    assert list(archive(made.waveform)) == ["labels.txt"]
    for content in (made.waveform, made.features):
        assert b"a title" in content


def test_the_same_run_gives_the_same_bytes(made, converted_model):
    again = models.make(converted_model, FrontendConfig(), LABELS, "a title")
    assert again == made


def test_labels_that_repeat_or_are_missing_are_refused(converted_model):
    with pytest.raises(UserError, match="label 'go', so an app could not tell them apart"):
        models.make(converted_model, FrontendConfig(), ("go", "up", "go", "x"))
    with pytest.raises(UserError, match="needs labels"):
        models.make(converted_model, FrontendConfig(), ())


def test_titles(tmp_path):
    run = RunDirectory(tmp_path / "run").create()
    assert models.title(run) == "edge_tf"
    run.record(recorded.trained(model=ModelConfig("bc_resnet", 1.0)))
    assert models.title(run) == "edge_tf bc_resnet, tau 1"
    run.record(recorded.trained(model=ModelConfig("bc_resnet_asc", 1.5)))
    assert models.title(run) == "edge_tf bc_resnet_asc, tau 1.5"
