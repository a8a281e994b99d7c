"""The float network on the streams of an evaluation: what quantization costs a detector."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edge_tf import models, run_dir
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.evaluation.streams.wake_parts import SoundPart
from edge_tf.models import loading, run_model, time_axis
from edge_tf.models.whole_sound import WholeSound
from tflite_model.info import TensorInfo


def logits(
    run: run_dir.RunDirectory,
    frontend: FrontendConfig,
    output: TensorInfo,
    parts: Sequence[SoundPart],
) -> list[np.ndarray] | None:
    """int8 (frames, classes) of each part; None if it has no form for all windows at once.

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
    return [
        _as_int8(listen(part.samples, part.kind), frontend, output, len(part.samples))
        for part in parts
    ]


def _as_int8(
    values: np.ndarray, frontend: FrontendConfig, output: TensorInfo, samples: int
) -> np.ndarray:
    """(frames, classes): a row for each frame of the sound, the first of which end no window."""
    rounded = np.rint(values / output.scales[0]) + output.zero_points[0]
    settled = np.clip(rounded, -128, 127).astype(np.int8)
    before = np.full((frontend.num_frames - 1, values.shape[1]), -128, np.int8)
    frames = dataclasses.replace(frontend, clip_samples=samples).num_frames
    return np.concatenate([before, settled])[:frames]
