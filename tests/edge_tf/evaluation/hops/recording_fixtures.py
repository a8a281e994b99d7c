"""A hop table of scenes: 20 sources, each as recorded and through two simulated devices."""

from typing import Any

import numpy as np

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_table import HopTable
from edge_tf.evaluation.hops.recording_devices import Devices

SOURCES, CLASSES = 20, 4
GRID: dict[str, Any] = {"scale": 0.1, "zero_point": 0}
DEVICES = Devices(("recorded", "sim1", "sim2") * SOURCES, frozenset({"recorded"}))
LABELS = np.repeat(np.arange(SOURCES) % CLASSES, 3)
NAMES = [f"scene/{source}.wav" for source in range(SOURCES) for _ in range(3)]


def logits(wrong_unseen: int, seed: int = 0) -> np.ndarray:
    """(60, 4) float32: right for all clips but `wrong_unseen` of those of each unseen device."""
    outputs = np.random.default_rng(seed).uniform(0, 0.4, (3 * SOURCES, CLASSES))
    given = LABELS.copy()
    for device in ("sim1", "sim2"):
        of_device = np.flatnonzero(np.array(DEVICES.of_clips) == device)
        given[of_device[:wrong_unseen]] += 1
    outputs[np.arange(len(given)), given % CLASSES] += 1.0
    return outputs.astype(np.float32)


def hops(float_logits: np.ndarray, int8_wrong: int = 0) -> list[HopResult]:
    """Float, the bit reference, a hop with its bytes, one of few clips, and one that did not run.

    The bit reference gives its last `int8_wrong` clips another class.
    """
    outputs = np.clip(np.rint(float_logits / 0.1), -128, 127).astype(np.int8)
    if int8_wrong:
        outputs[-int8_wrong:] = np.roll(outputs[-int8_wrong:], 1, axis=1)
    picked = np.arange(0, 60, 4)
    exact: dict[str, Any] = {"bit_exact": True, **GRID}
    return [
        HopResult(name="Keras float", engine="keras", outputs=float_logits),
        HopResult(name="Reference", engine="litert_reference", outputs=outputs, **exact),
        HopResult(name="Micro", engine="tflite_micro", outputs=outputs.copy(), **exact),
        HopResult(
            name="Board", engine="board", outputs=outputs[picked], clip_indices=picked, **exact
        ),
        HopResult(name="Away", engine="away", unavailable="not here"),
    ]


def table(wrong_unseen: int = 5, int8_wrong: int = 0) -> HopTable:
    return hop_table.build(
        hops(logits(wrong_unseen), int8_wrong), LABELS, devices=DEVICES, max_drop=50
    )
