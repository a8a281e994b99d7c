"""Sound to embeddings in Python: both forms against whole clips, and that of a run."""

import numpy as np
import pytest

from edge_tf.audio import fixed_point
from edge_tf.engines import embedder
from edge_tf.engines.embedder import Embedder
from tests.firmware_export import learners
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.passes_test import LIKE
from tests.pipelines import learning_run

FRAMES = learners.CONFIG.num_frames


@pytest.fixture(scope="module")
def model() -> bytes:
    return learners.model()


def embeddings(made: Embedder, pcm: np.ndarray, block: int) -> dict[int, list[int]]:
    """By the number of the frame."""
    made.reset()
    heard = [one for at in range(0, len(pcm), block) for one in made.push(pcm[at : at + block])]
    return {at: row.tolist() for at, (_, row) in enumerate(heard) if row is not None}


@pytest.mark.parametrize("streams", [True, False])
def test_the_first_window_is_a_clip_and_blocks_do_not_matter(model, streams):
    made = learners.embedder(model, streams)
    pcm = learners.SOUND[:20_000]
    found = embeddings(made, pcm, len(pcm))
    clip = fixed_point.log_mel(pcm[np.newaxis, :16_000], learners.CONFIG, *LIKE)
    assert found[FRAMES - 1] == tflm_oracle.run(model, [clip])[0][0].tolist()
    assert list(found) == list(range(FRAMES - 1, 126, made.frames))
    assert embeddings(made, pcm, 333) == found


def test_features_of_the_frames_come_along(model):
    made = learners.embedder(model, True)
    frames = [frame for frame, _ in made.push(learners.SOUND[:16_000])]
    clip = fixed_point.log_mel(learners.SOUND[np.newaxis, :16_000], learners.CONFIG, *LIKE)
    np.testing.assert_array_equal(np.stack(frames, axis=1), clip[0, :, :, 0])


def test_that_of_a_run_is_its_own_form(model, tmp_path):
    made = embedder.of_run(learning_run.make(tmp_path / "run"))
    assert made.frames == 1
    pcm = learners.SOUND[:18_000]
    assert embeddings(made, pcm, 500) == embeddings(learners.embedder(model, True), pcm, 500)
