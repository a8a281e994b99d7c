"""MediaPipe's AudioClassifier says of real clips what LiteRT says, with the labels of the file."""

import numpy as np
import pytest

from edge_tf.android import models
from edge_tf.audio import wav
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import waveform
from edge_tf.engines import mediapipe_audio
from edge_tf.engines.base import UnavailableError
from edge_tf.engines.litert import AndroidWaveform
from edge_tf.engines.mediapipe_audio import MediaPipe

pytestmark = pytest.mark.android
LABELS = ("go", "stop", "naïve", "_unknown_")


@pytest.fixture(autouse=True)
def needs_mediapipe():
    if mediapipe_audio.python() is None:
        pytest.skip("MediaPipe is not installed: make android-tools")


@pytest.fixture(scope="module")
def clips(real_data):
    """Real words as the model takes them, (clips, 16000) int16."""
    paths = [path for word in ("yes", "stop") for path in sorted((real_data / word).iterdir())[:10]]
    sounds = [wav.read(path, 16_000).samples for path in paths]
    return np.stack([np.resize(sound, 16_000) for sound in sounds])


@pytest.fixture(scope="module")
def model(converted_model):
    return models.make(converted_model, FrontendConfig(), LABELS).waveform


def test_real_clips_get_litert_s_scores(model, clips):
    found = MediaPipe(model, LABELS, 16_000).run(clips)
    expected = AndroidWaveform(model).run(clips)
    assert found.logits.std() > 0.01
    # Two releases of XNNPACK may differ by a step of the logits.
    np.testing.assert_allclose(np.exp(found.logits), np.exp(expected.logits), atol=0.01)
    assert found.are_shifted and found.seconds_per_inference


def test_scores_are_found_by_the_labels_in_the_file(model, clips):
    straight = MediaPipe(model, LABELS, 16_000).run(clips[:3]).logits
    backwards = MediaPipe(model, LABELS[::-1], 16_000).run(clips[:3]).logits
    np.testing.assert_array_equal(straight, backwards[:, ::-1])
    with pytest.raises(UnavailableError, match=r"MediaPipe reads the labels .*naïve"):
        MediaPipe(model, ("a", "b", "c", "d"), 16_000).run(clips[:1])


def test_a_model_without_metadata_is_refused_with_mediapipe_s_reason(converted_model, clips):
    bare = waveform.convert(converted_model, FrontendConfig(), LABELS)
    with pytest.raises(UnavailableError, match=r"MediaPipe: .*[Mm]etadata"):
        MediaPipe(bare, LABELS, 16_000).run(clips[:1])


def test_an_interpreter_that_is_not_there(model, clips, monkeypatch):
    monkeypatch.setenv(mediapipe_audio.PYTHON_VARIABLE, "/no/such/python")
    with pytest.raises(UnavailableError, match="/no/such/python cannot be started"):
        MediaPipe(model, LABELS, 16_000).run(clips[:1])


def test_clips_that_are_not_one_window_are_told(model, clips):
    long = np.concatenate([clips[:1], clips[:1]], axis=1)
    with pytest.raises(UnavailableError, match="produces 2 results, not one"):
        MediaPipe(model, LABELS, 16_000).run(long)
