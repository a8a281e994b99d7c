"""A run of --task=fewshot for streams with a small network, made without a training."""

from pathlib import Path

import numpy as np

from edge_tf import files, run_dir
from edge_tf.audio import fixed_point
from edge_tf.conversion.tflite import streaming
from edge_tf.fewshot import recogniser_file
from edge_tf.fewshot.recogniser_file import RecogniserFile
from edge_tf.fewshot.threshold import Chosen
from edge_tf.run_dir import RunDirectory
from edge_tf.settings import EpisodeShape, FewShotTraining, ModelConfig
from firmware_export import packing
from tests.edge_tf import recorded
from tests.firmware_export import learners
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.passes_test import LIKE

UNLIKE = 50_000


def make(folder: Path) -> RunDirectory:
    """As train, convert and evaluate leave it: of prototypes alone, every score is a word's."""
    run = RunDirectory(folder).create()
    model = learners.model()
    fewshot = FewShotTraining("proto", EpisodeShape(5, 5, 25, 25), 100, "")
    run.record(
        recorded.trained(
            model=ModelConfig(embedding=True, lookahead=0),
            frontend=learners.CONFIG,
            fewshot=fewshot,
        )
    )
    (run / run_dir.INT8_MODEL).write_bytes(model)
    (run / run_dir.STREAMING_MODEL).write_bytes(streaming.rewrite(model).data)
    (run / run_dir.LABELS).write_text("a\nb\n")
    files.write_json(run / run_dir.FRONTEND, {"frontend": learners.CONFIG.to_dict()})
    wav = np.stack([learners.SOUND[:16_000], learners.SOUND[-16_000:]])
    features = fixed_point.log_mel(wav, learners.CONFIG, *LIKE)
    logits = [tflm_oracle.run(model, [clip[np.newaxis]])[0][0] for clip in features]
    np.savez(
        run / run_dir.GOLDEN,
        wav=wav,
        features=features,
        logits=np.stack(logits),
        label_index=np.array([20, 1]),
    )
    chosen = Chosen(-(2**40), UNLIKE, 0.01, 0.5, 0.01, 0.5)
    content = RecogniserFile(
        model_sha256=packing.sha256(model), shots=5, words=("cat", "up"), chosen=chosen
    )
    recogniser_file.save(run, content)
    return run
