"""What a device needs of a run: its own threshold, dummies and scales, and nothing of another."""

import numpy as np
import pytest

from edge_tf import run_dir
from edge_tf.errors import UserError
from edge_tf.fewshot import device
from firmware_export.runtime.words import identity_of
from tests.firmware_export import learners
from tests.pipelines import learning_run


@pytest.fixture
def run(tmp_path) -> run_dir.RunDirectory:
    return learning_run.make(tmp_path / "run")


def test_both_forms_take_the_words_of_the_other(run):
    streams, windows = device.learning(run, True), device.learning(run, False)
    assert streams.identity == windows.identity == identity_of(learners.model())
    assert (streams.size, streams.unlike) == (learners.SIZE, learning_run.UNLIKE)
    assert streams.stream.threshold == windows.stream.threshold == -(2**40)
    assert (streams.stream.frames, windows.stream.frames) == (3, 10)
    assert device.learning(run, True, 7).stream.frames == 7
    assert streams.recogniser.dummies is None
    assert streams.about.startswith("The threshold was chosen on cat, up with 5 takes each")


def test_forms_of_other_scales_are_refused(run):
    other = learners.WindowModel((1, *learners.CONFIG.feature_shape))
    x = other.mean(other.pointwise(other.input, 3), 1)
    (run / run_dir.STREAMING_MODEL).write_bytes(other.end(x, learners.SIZE))
    data = bytearray((run / run_dir.STREAMING_MODEL).read_bytes())
    scale = np.float32(device.tflite_model.parse(bytes(data)).outputs[0].scales[0]).tobytes()
    changed = bytes(data).replace(scale, np.float32(0.123).tobytes())
    (run / run_dir.STREAMING_MODEL).write_bytes(changed)
    with pytest.raises(UserError, match=r"have other scales; make them again .*pipelines\.convert"):
        device.learning(run, True)
