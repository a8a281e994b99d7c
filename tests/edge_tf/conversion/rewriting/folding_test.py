"""Folding changes the form of the graph, not what it computes."""

import numpy as np
import pytest

from edge_tf.conversion.rewriting.folding import inference_model
from edge_tf.layers.sub_spectral_norm import SubSpectralNorm
from edge_tf.models import build_model
from tests.edge_tf.conversion.conversion_fixtures import block_model, features, randomize


@pytest.mark.parametrize("affine", ["sub", "all", "none"])
@pytest.mark.parametrize("sub_bands", [1, 5, 10])
def test_outputs_are_those_of_the_model_in_inference_mode(affine, sub_bands):
    model = block_model(affine, sub_bands)
    folded = inference_model(model)
    clips = features(4)
    expected = model(clips, training=False).numpy()
    found = np.concatenate([folded(clip[None]).numpy() for clip in clips])
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_whole_bc_resnet_folds():
    model = randomize(build_model("bc_resnet", tau=1, num_classes=5))
    folded = inference_model(model)
    clip = np.random.default_rng(0).normal(-3, 3, size=(1, 40, 101, 1)).astype(np.float32)
    np.testing.assert_allclose(folded(clip), model(clip, training=False), atol=1e-5)
    assert folded.input_shape == (1, 40, 101, 1)
    assert not any(isinstance(layer, SubSpectralNorm) for layer in folded.layers)


def test_the_source_model_is_left_alone():
    model = block_model()
    before = [w.copy() for w in model.get_weights()]
    inference_model(model)
    assert model.input_shape[0] is None
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
