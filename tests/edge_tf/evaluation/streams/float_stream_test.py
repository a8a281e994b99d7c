"""The float network on an evaluation's sound: its logits, rounded as the int8 network's are."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import tf_keras as keras

from edge_tf import files, keras_file
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.evaluation.streams import float_stream
from edge_tf.evaluation.streams.wake_parts import SoundPart
from edge_tf.models import bc_resnet, ds_cnn, time_axis
from edge_tf.models.whole_sound import WholeSound
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import ModelConfig
from tests.edge_tf import recorded
from tests.edge_tf.conversion.conversion_fixtures import with_statistics

FRONTEND = FrontendConfig(clip_samples=8_000)
OUTPUT: Any = SimpleNamespace(scales=[0.002], zero_points=[5])
# Louder and louder, so that logits differ.
SOUND = np.random.default_rng(0).normal(0, np.geomspace(3, 6000, 30_000)).astype(np.int16)


def run_of(folder: Path, network: keras.Model, config: ModelConfig) -> RunDirectory:
    run = RunDirectory(folder).create()
    keras_file.save(network, run / "float.keras")
    files.write_text(run / "labels.txt", "_unknown_\nlamp\n")
    run.record(recorded.trained(model=config, labels=("_unknown_", "lamp")))
    return run


def test_logits_are_the_network_s_at_each_frame_and_saturate_as_int8_ones_do(tmp_path):
    keras.utils.set_random_seed(1)
    network = bc_resnet.build(0.5, 2, FRONTEND.feature_shape, lookahead=0)
    stream = bc_resnet.build_windows(0.5, 2, FRONTEND.num_frames, 1)
    time_axis.copy_weights(with_statistics(stream, 250), network)
    logits = WholeSound(stream, FRONTEND, FRONTEND.num_frames, 1, bc_resnet.FIELD)(SOUND, "noise")
    # From the lowest to the highest logit are more steps than int8 has, some beyond either end.
    scale = float(np.ptp(logits)) / 300
    zero_point = -round(float(logits.max() + logits.min()) / 2 / scale)
    output: Any = SimpleNamespace(scales=[scale], zero_points=[zero_point])

    run = run_of(tmp_path / "run", network, ModelConfig(tau=0.5, lookahead=0))
    (found,) = float_stream.logits(run, FRONTEND, output, [SoundPart("noise", SOUND)]) or []
    assert found.dtype == np.int8
    # A frame for each hop and one at the beginning; the first ones end no window.
    assert found.shape == (1 + 30_000 // 160, 2)
    first = FRONTEND.num_frames - 1
    assert np.all(found[:first] == -128)
    rounded = np.rint(logits / scale) + zero_point
    wanted = np.clip(rounded, -128, 127)[: len(found) - first]
    np.testing.assert_array_equal(found[first:], wanted)
    assert len(np.unique(wanted)) > 10 and np.any(wanted == 127) and np.any(wanted == -128)


def test_a_network_without_a_form_for_all_windows_is_not_run(tmp_path):
    network = ds_cnn.build(num_classes=2)
    run = run_of(tmp_path / "run", network, ModelConfig(name="ds_cnn"))
    assert float_stream.logits(run, FRONTEND, OUTPUT, [SoundPart("noise", SOUND)]) is None
