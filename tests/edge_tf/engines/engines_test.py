"""Engines: reference kernels and TFLite Micro give the same bytes; what is missing is said."""

import builtins

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.conversion import int8
from edge_tf.engines import side_by_side
from edge_tf.engines.base import Outputs, Start, UnavailableError
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.litert import LiteRTReference, LiteRTXnnpack
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.models import build_model
from tests import shared
from tests.edge_tf.conversion.conversion_fixtures import block_model, features


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    model = block_model()
    path = tmp_path_factory.mktemp("engines") / "float.keras"
    model.save(path)
    return path, int8.convert(model, features(100)), model


def test_tflite_micro_equals_the_reference_in_every_byte(files):
    shared.need_tflite_micro()
    # Many clips: where kernels round differently, about one byte in 400 shows it.
    clips = features(2000, seed=9)
    clips[:100] *= 20  # far beyond the calibrated range: saturation at both ends
    reference, micro = LiteRTReference(files[1]).run(clips), TFLiteMicro(files[1]).run(clips)
    np.testing.assert_array_equal(micro.logits, reference.logits)
    assert micro.scale == pytest.approx(reference.scale, rel=1e-6)
    assert micro.zero_point == reference.zero_point


def test_engines_do_not_remember_the_clip_before(files):
    clips = features(6, seed=2)
    for engine in (LiteRTReference(files[1]), LiteRTXnnpack(files[1])):
        forward, backward = engine.run(clips).logits, engine.run(clips[::-1]).logits
        np.testing.assert_array_equal(forward, backward[::-1])


def test_side_by_side_gives_what_each_engine_gives_in_its_order(files):
    path, data, model = files
    clips = features(20, seed=3)
    flt, reference, missing, xnnpack = side_by_side.run_all(
        [KerasFloat(path), LiteRTReference(data), _Missing(), LiteRTXnnpack(data)],
        {"features": clips},
    )
    assert isinstance(missing, UnavailableError) and "no such board" in str(missing)
    assert isinstance(flt, Outputs)
    assert isinstance(reference, Outputs)
    assert isinstance(xnnpack, Outputs)
    np.testing.assert_allclose(flt.logits, model(clips, training=False), atol=1e-5)
    np.testing.assert_array_equal(reference.logits, LiteRTReference(data).run(clips).logits)
    np.testing.assert_array_equal(xnnpack.logits, LiteRTXnnpack(data).run(clips).logits)


class _Missing:
    id, name, bit_exact = "missing", "Missing", True
    start: Start = "features"
    most_clips = 0

    def run(self, clips: np.ndarray) -> Outputs:
        raise UnavailableError("no such board")


@pytest.mark.parametrize(
    ("engine", "package"), [(TFLiteMicro, "tflite_micro"), (LiteRTReference, "ai_edge_litert")]
)
def test_a_package_that_is_not_installed_makes_the_hop_unavailable(
    engine, package, files, monkeypatch
):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.split(".")[0] == package:
            raise ImportError(f"No module named '{package}'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnavailableError, match=package.replace("_", "[-_]")):
        engine(files[1]).run(features(1))


def test_ds_cnn_gives_the_same_bytes_on_tflite_micro():
    """BC-ResNet is judged on real speech in tests/pipelines/run_test.py."""
    shared.need_tflite_micro()
    keras.utils.set_random_seed(0)
    model = build_model("ds_cnn", num_classes=4)
    rng = np.random.default_rng(0)
    shapes = [(40, 1, 1, 1), (40, 40, 1, 1), (40, 1, 101, 1), (40, 40, 101, 1)]
    parts = [rng.normal(-1, 3, size=shape).astype(np.float32) for shape in shapes]
    clips = parts[0] + parts[1] + parts[2] + parts[3]
    for _ in range(30):  # norms get the statistics of these clips, so that logits differ
        model(clips, training=True)
    data = int8.convert(model, clips[:30])
    reference, micro = LiteRTReference(data).run(clips), TFLiteMicro(data).run(clips)
    np.testing.assert_array_equal(micro.logits, reference.logits)
    assert len(np.unique(reference.logits)) > 20  # the clips differ
