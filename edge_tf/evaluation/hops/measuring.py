"""Runs test clips through engines; each one returns a HopResult."""

from collections.abc import Sequence

import numpy as np

from edge_tf.engines import side_by_side
from edge_tf.engines.base import Engine, Outputs, UnavailableError
from edge_tf.engines.emitted_c import EmittedC, IntegerFrontend
from edge_tf.evaluation.hops import recording_devices
from edge_tf.evaluation.hops.hop_result import HopResult


def run(
    engines: Sequence[Engine],
    features: np.ndarray,
    samples: np.ndarray,
    labels: np.ndarray,
    devices: Sequence[str],
) -> list[HopResult]:
    """Runs all engines in parallel.

    Args:
      engines: in the order of the hop table.
      features: (clips, mel_bands, frames, 1) float32.
      samples: (clips, samples) int16, the same clips.
      labels: (clips,) class indices; slow engines run a balanced subset of the clips.
      devices: (clips,) recording devices, for the same subset.
    """
    picks = [_rows_for(engine, labels, devices) for engine in engines]
    outputs = side_by_side.run_all(engines, {"features": features, "waveform": samples}, picks)
    return [_result(*each) for each in zip(engines, outputs, picks, strict=True)]


def _rows_for(engine: Engine, labels: np.ndarray, devices: Sequence[str]) -> np.ndarray | None:
    """The clips that an engine runs; None: all."""
    if not engine.most_clips or engine.most_clips >= len(labels):
        return None
    return recording_devices.spread(labels, devices, engine.most_clips)


def _result(
    engine: Engine, output: Outputs | UnavailableError, rows: np.ndarray | None
) -> HopResult:
    whole = isinstance(engine, EmittedC) and engine.start == "waveform"
    compare_to = IntegerFrontend.name if whole else ""
    if isinstance(output, UnavailableError):
        return HopResult(
            name=engine.name,
            engine=engine.id,
            start=engine.start,
            bit_exact=engine.bit_exact,
            unavailable=str(output),
            compare_to=compare_to,
        )
    return HopResult(
        name=engine.name,
        engine=engine.id,
        start=engine.start,
        bit_exact=engine.bit_exact,
        outputs=output.logits,
        scale=output.scale,
        zero_point=output.zero_point,
        seconds_per_inference=output.seconds_per_inference,
        are_shifted=output.are_shifted,
        compare_to=compare_to,
        clip_indices=rows,
    )
