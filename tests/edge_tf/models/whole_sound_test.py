"""A long sound in pieces has the logits of the sound at once, at every seam."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from edge_tf.audio.frontend import log_mel
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.models import bc_resnet, whole_sound
from edge_tf.models.whole_sound import WholeSound
from tests.edge_tf.conversion.conversion_fixtures import with_statistics

RATE = 16_000
WINDOW = FrontendConfig(clip_samples=RATE // 2)


@pytest.fixture(scope="module", params=[1, 4])
def network(request) -> tuple[keras.Model, int]:
    every = request.param
    keras.utils.set_random_seed(1)
    return with_statistics(bc_resnet.build_windows(0.5, 2, WINDOW.num_frames, every), 200), every


@pytest.mark.parametrize("seconds", [0.7, 2.0, 5.3])
def test_pieces_join_to_the_whole(network, monkeypatch, seconds):
    """Pieces of two seconds; the window of each row begins at frame every * row of the sound."""
    monkeypatch.setattr(whole_sound, "_PIECE_S", 2)
    model, every = network
    samples = round(seconds * RATE)
    levels = np.geomspace(3, 6000, samples)  # louder and louder, so that logits differ
    sound = np.random.default_rng(0).normal(0, levels).astype(np.int16)
    found = WholeSound(model, WINDOW, WINDOW.num_frames, every, bc_resnet.FIELD)(sound, "noise")

    lead = -(-bc_resnet.FIELD // every) * every
    padded = np.concatenate([np.zeros(lead * WINDOW.hop, np.int16), sound])
    config = dataclasses.replace(WINDOW, clip_samples=len(padded))
    features = log_mel(tf.constant(padded[np.newaxis] / np.float32(32768)), config)
    expected = model(features, training=False).numpy()[0, lead // every :]
    assert len(found) >= len(expected) > 0 and np.ptp(expected, axis=0).min() > 1e-3
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=0, atol=1e-5)
