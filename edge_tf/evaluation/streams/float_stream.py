"""The float network on the streams of an evaluation: what quantization costs a detector."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edge_tf import models, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.evaluation.streams.judging import HeardPart
from edge_tf.evaluation.streams.wake_parts import SoundPart
from edge_tf.models import loading, run_model, time_axis
from edge_tf.models.whole_sound import WholeSound
from tflite_model.info import TensorInfo


def heard(
    run: run_dir.RunDirectory,
    frontend: FrontendConfig,
    output: TensorInfo,
    parts: Sequence[SoundPart],
) -> list[HeardPart] | None:
    """What the float network makes of each part; None if it has no form for all windows at once.

    Its logits are rounded to the int8 ones' step, so that the same detector judges both: what
    differs is the network.

    Args:
      run: with its float network.
      frontend: of the run.
      output: the int8 network's logits.
      parts: the sound.
    """
    config = run_model.config_of(run)
    spec = models.spec(config.name)
    if spec.build_windows is None:
        return None
    network = spec.build_windows(
        num_classes=len(run.labels()),
        window_frames=frontend.num_frames,
        every=1,
        **run_model.arguments(config),
    )
    time_axis.copy_weights(loading.load(run.require(run_dir.FLOAT_MODEL)), network)
    listen = WholeSound(network, frontend, frontend.num_frames, every=1, unsettled=spec.field)
    rate = frontend.sample_rate
    return [
        HeardPart(
            part.kind,
            len(part.samples) / rate / 3600,
            _as_int8(listen(part.samples, part.kind), frontend, output, len(part.samples)),
            part.events,
        )
        for part in parts
    ]


def _as_int8(
    logits: np.ndarray, frontend: FrontendConfig, output: TensorInfo, samples: int
) -> np.ndarray:
    """(frames, classes): a row for each frame of the sound, the first of which end no window."""
    rounded = np.rint(logits / output.scales[0]) + output.zero_points[0]
    values = np.clip(rounded, -128, 127).astype(np.int8)
    before = np.full((frontend.num_frames - 1, logits.shape[1]), -128, np.int8)
    frames = dataclasses.replace(frontend, clip_samples=samples).num_frames
    return np.concatenate([before, values])[:frames]
