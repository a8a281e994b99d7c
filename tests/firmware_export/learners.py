"""A network that learns words: small, for streams; with sounds that it tells apart."""

from pathlib import Path
from typing import Any

import numpy as np

import tflite_model
from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from edge_tf.engines import enrolment
from edge_tf.engines import streaming as frames
from edge_tf.engines.embedder import Embedder, StreamEmbedder, WindowEmbedder
from firmware_export.frontend.config import LogMel
from firmware_export.golden import Golden
from firmware_export.runtime.learning import Learning
from firmware_export.runtime.recogniser import Recogniser
from firmware_export.runtime.words import Words, identity_of
from firmware_export.standalone import package
from firmware_export.standalone.enrolling import Enrolling
from firmware_export.standalone.spotting import Sound
from tests.firmware_export.runtime import generators
from tests.firmware_export.runtime.enroller_c_test import HIGH, LOW, spoken
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.passes_test import LIKE
from tests.firmware_export.standalone.states_test import WindowModel

CONFIG = FrontendConfig()
SIZE = 8
DUMMIES = Recogniser(generators.generator((SIZE, 8, 3), 3, (32, 30), (35, 40)), 700)
TAKES = [spoken(*LOW, seed=1), spoken(seed=3), spoken(*LOW, seed=8, gain=0.04)]
SOUND = np.concatenate([spoken(*LOW, seed=21), spoken(*HIGH, seed=22), spoken(*LOW, seed=23)])


def model() -> bytes:
    """The whole-window form: two convolutions over time and a mean."""
    made = WindowModel((1, *CONFIG.feature_shape))
    x = made.pointwise(made.input, 3)
    x = made.over_time(x, 3, rows=CONFIG.mel_bands)
    return made.end(made.mean(made.pointwise(x, 6), 1), SIZE)


def learning(content: bytes, streams: bool, threshold: int = -(2**62)) -> Learning:
    return Learning.of(
        *(DUMMIES, SIZE, identity_of(content), LogMel.from_dict(CONFIG.to_dict()), LIKE[0]),
        *(3 if streams else 10, threshold, 2**31 - 1, "The threshold was chosen by a test."),
    )


def export(content: bytes, out: Path, streams: bool, **options: Any) -> None:
    """Writes the folder, with golden vectors."""
    features = fixed_point.log_mel(np.stack([SOUND[:16_000], SOUND[-16_000:]]), CONFIG, *LIKE)
    logits = [tflm_oracle.run(content, [clip[np.newaxis]])[0][0] for clip in features]
    sound = Sound(SOUND[np.newaxis, :16_000], features[:1])
    package.export(
        content,
        out,
        "1.2.3",
        enrolling=Enrolling(learning(content, streams), CONFIG.to_dict(), sound),
        golden=Golden(features, np.stack(logits), np.zeros(2, int)),
        streaming=streaming.rewrite(content).data if streams else None,
        **options,
    )


def embedder(content: bytes, streams: bool) -> Embedder:
    if streams:
        form = streaming.rewrite(content).data
        return StreamEmbedder(CONFIG, *LIKE, frames.litert_frames(form))

    def network(window: np.ndarray) -> np.ndarray:
        embedding: np.ndarray = tflm_oracle.run(content, [window])[0][0]
        return embedding

    tflite_model.parse(content)
    return WindowEmbedder(CONFIG, *LIKE, network, 10)


def expected(content: bytes, streams: bool) -> tuple[list[str], Words, list[tuple[int, int, int]]]:
    """Verdicts of TAKES, the words, and what is told in SOUND: sample, distance and score."""
    made, given = embedder(content, streams), learning(content, streams)
    enroller, verdicts = enrolment.enrol(made, given, TAKES)
    words = Words(SIZE, given.identity).with_word("lights", enroller.prototype())
    told = enrolment.recognise(made, given, words.prototypes, SOUND)
    rows = [(at * CONFIG.hop, found.distance, found.score) for at, found in told]
    return [verdict.name for verdict in verdicts], words, rows
