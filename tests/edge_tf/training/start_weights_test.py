"""A training begins with another run's layers where they fit, and says where they do not."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge_tf import files, keras_file, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.models import bc_resnet
from edge_tf.settings import ModelConfig
from edge_tf.training import start_weights
from tests.edge_tf import recorded

MODEL = ModelConfig(tau=0.25, lookahead=0)
FRONTEND = FrontendConfig(padding="causal")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> tuple[Path, keras.Model]:
    """A run with a network of three classes."""
    folder = tmp_path_factory.mktemp("learnt")
    model = bc_resnet.build(0.25, 3, FRONTEND.feature_shape, lookahead=0)
    keras_file.save(model, folder / "float.keras")
    files.write_json(folder / "config.json", {"format_version": 1, "stages": {}})
    run_dir.RunDirectory(folder).record(recorded.trained(model=MODEL, frontend=FRONTEND))
    return folder, model


@pytest.mark.parametrize(("classes", "fresh"), [(3, 0), (2, 1)])
def test_layers_that_fit_are_copied_and_others_are_told(learnt, caplog, classes, fresh):
    folder, source = learnt
    keras.utils.set_random_seed(5)
    model = bc_resnet.build_windows(0.25, classes, 101, every=4)
    with caplog.at_level(logging.INFO):
        start_weights.copy(folder, model)
    kept = [layer for layer in model.layers if layer.weights]
    same = [
        all(map(np.array_equal, layer.get_weights(), source.get_layer(layer.name).get_weights()))
        for layer in kept
    ]
    assert len(kept) - sum(same) == fresh
    told = caplog.text.split("new: ")[1].strip()
    assert told == (kept[same.index(False)].name if fresh else "none")


def test_a_network_without_any_such_layer_is_refused(learnt):
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(2, name="alone")(inputs))
    with pytest.raises(UserError, match="has no layer of this network; name another run"):
        start_weights.copy(learnt[0], other)


def test_the_digest_is_that_of_the_network(learnt):
    folder, _ = learnt
    assert start_weights.digest(folder, MODEL, FRONTEND) == keras_file.digest(
        folder / "float.keras"
    )


def test_another_network_or_front_end_is_named(learnt):
    folder, _ = learnt
    wide = dataclasses.replace(MODEL, tau=1.5)
    with pytest.raises(UserError, match=r"tau 0\.25, lookahead 0, not bc_resnet, tau 1\.5, look"):
        start_weights.digest(folder, wide, FRONTEND)
    whole = dataclasses.replace(MODEL, lookahead=None)
    with pytest.raises(UserError, match=r"tau 0\.25, for whole windows\); name a run"):
        start_weights.digest(folder, whole, FRONTEND)
    bands = dataclasses.replace(FRONTEND, mel_bands=32)
    with pytest.raises(UserError, match=r"different front-end \(mel_bands\); train both with"):
        start_weights.digest(folder, MODEL, bands)
    with pytest.raises(UserError, match=r"has no float\.keras; name a run whose training"):
        start_weights.digest(folder / "none", MODEL, FRONTEND)
