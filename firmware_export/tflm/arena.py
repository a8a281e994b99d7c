"""How large TFLite Micro's tensor arena must be: measured where it can run, else estimated."""

import dataclasses
import importlib.metadata
import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_export.errors import ExportError
from tflite_model.info import ModelInfo, TensorInfo

# What a measured arena is enlarged by. Kernels made for a device may ask for scratch memory that
# the reference kernels on the host do not need; its pointers, half as long, give some back.
MARGIN_PERCENT = 10
# An estimate knows neither the planner's gaps nor what the kernels keep.
ESTIMATE_MARGIN_PERCENT = 25

_ALIGNMENT = 16
_PROBE = Path(__file__).with_name("arena_probe.py")
_TIMEOUT_S = 300


@dataclasses.dataclass(frozen=True)
class Arena:
    """The arena that the generated code reserves, and where the figure comes from.

    Attributes:
      bytes: size to reserve, a multiple of 16.
      source: "measured" or "estimated".
      used_bytes: what the interpreter reported (or the estimate) before the margin.
      minimum_bytes: smallest arena that worked on this machine; None for an estimate.
      margin_percent: what was added.
      measured_with: runtime and machine of a measurement; for an estimate why there is none.
    """

    bytes: int
    source: str
    used_bytes: int
    minimum_bytes: int | None
    margin_percent: int
    measured_with: str


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One run of TFLite Micro on this machine.

    Attributes:
      arena: what it needed, margin added.
      logits: int8 [n, classes], its outputs for the features it was given.
    """

    arena: Arena
    logits: np.ndarray


def unavailable_reason() -> str:
    """Why TFLite Micro cannot run here, or "" when it can."""
    if importlib.util.find_spec("tflite_micro") is None:
        return (
            f"not available here (no tflite_micro on {platform.system()} {platform.machine()}; "
            "it has wheels for Linux x86-64)"
        )
    return ""


def measure(
    model: bytes, features: np.ndarray, states: Sequence[TensorInfo] = ()
) -> Measurement | None:
    """Runs the model in TFLite Micro's interpreter and takes the arena it used.

    A host of 64 bits needs more than a device of 32: the figure is on the safe side.

    Args:
      model: a .tflite file that `tflite_model.parse` accepted.
      features: int8 [n, ...input shape without batch], n >= 1; of a streaming model
        [n, frames, ...input shape without batch].
      states: of a streaming model: its inputs behind the first.

    Returns:
      None when tflite_micro is not installed or does not load.

    Raises:
      ExportError: TFLite Micro refuses the model, crashes on it or does not come to an end.
    """
    if unavailable_reason():
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("model.tflite", "features.npy", "logits.npy")]
        paths[0].write_bytes(model)
        np.save(paths[1], features)
        if states:
            paths.append(Path(folder) / "states.json")
            paths[-1].write_text(json.dumps([[s.shape, s.zero_points[0]] for s in states]))
        try:
            result = subprocess.run(
                [sys.executable, str(_PROBE), *map(str, paths)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ExportError(
                f"TFLite Micro has not finished this model after {_TIMEOUT_S} s; "
                "check the model, or try again on a machine that is less busy"
            ) from None
        if result.returncode == 3:
            return None
        if result.returncode != 0:
            raise ExportError(_refusal(result.returncode, result.stderr))
        sizes = json.loads(result.stdout)
        logits = np.load(paths[2])
    arena = Arena(
        bytes=_enlarged(sizes["minimum_bytes"], MARGIN_PERCENT),
        source="measured",
        used_bytes=sizes["used_bytes"],
        minimum_bytes=sizes["minimum_bytes"],
        margin_percent=MARGIN_PERCENT,
        measured_with=f"tflite_micro {importlib.metadata.version('tflite_micro')}, reference "
        f"kernels, {platform.system()} {platform.machine()}",
    )
    return Measurement(arena=arena, logits=logits)


def estimate(model: ModelInfo) -> Arena:
    """An arena from the graph alone: what is alive at once at most, and the interpreter's share."""
    activations = peak_activation_bytes(model)
    # Seen with tflite_micro: 24 B a tensor, 64 B an op and, with what kernels keep, up to 250 B.
    interpreter = 1024 + 24 * len(model.tensors) + 256 * len(model.ops)
    used = activations + interpreter
    return Arena(
        bytes=_enlarged(used, ESTIMATE_MARGIN_PERCENT),
        source="estimated",
        used_bytes=used,
        minimum_bytes=None,
        margin_percent=ESTIMATE_MARGIN_PERCENT,
        measured_with=unavailable_reason() or "not available here (tflite_micro does not load)",
    )


def peak_activation_bytes(model: ModelInfo) -> int:
    """The most bytes of tensors that are alive during one op; no planner can do with less."""
    last_use = {tensor.index: len(model.ops) for tensor in model.outputs}
    first_use = {tensor.index: 0 for tensor in model.inputs}
    for op in model.ops:
        for index in op.inputs:
            last_use[index] = max(last_use.get(index, 0), op.index)
        for index in op.outputs:
            first_use.setdefault(index, op.index)
            last_use.setdefault(index, op.index)
    changes = [0] * (len(model.ops) + 2)
    for index, first in first_use.items():
        if model.tensors[index].is_constant:
            continue
        size = _aligned(model.tensors[index].byte_size)
        changes[first] += size
        changes[max(last_use.get(index, first), first) + 1] -= size
    alive, peak = 0, 0
    for change in changes:
        alive += change
        peak = max(peak, alive)
    return peak


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _enlarged(size: int, percent: int) -> int:
    return _aligned(-(-size * (100 + percent) // 100))


def _refusal(status: int, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # A kernel says what it does not like, then the interpreter which node that was.
    reason = ": ".join(reversed(lines[-2:] if status == 4 else lines[-1:]))
    if status < 0:
        return (
            f"TFLite Micro crashes on this model (signal {-status}); the file is probably damaged: "
            "convert the model again"
        )
    return (
        f"TFLite Micro cannot run this model ({reason or f'exit status {status}'}); convert it to "
        "int8 with ops that it has int8 kernels for"
    )
