"""Runs a model in TFLite Micro's interpreter: the bytes that C must output, the memory it needs."""

import dataclasses
import importlib.metadata
import importlib.util
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firmware_export import children
from firmware_export.errors import ExportError
from tflite_model.info import TensorInfo

_PROBE = Path(__file__).with_name("probe.py")
_TIMEOUT_S = 300


@dataclasses.dataclass(frozen=True)
class Run:
    """Outputs and memory of the interpreter.

    Attributes:
      outputs: its outputs for the given features: [n, values] each, of their types.
      used_bytes: used bytes of its tensor arena, as it reports.
      head_bytes: of these, activations and scratch, which have the same size on any core; the rest
        are structs whose pointers are half as long on a microcontroller.
      tail_bytes: of them, what lasts: tensors, ops, the kernels' own data.
      minimum_bytes: smallest arena that worked on this machine.
      runtime: version of the interpreter, its kernels, and the machine.
    """

    outputs: tuple[np.ndarray, ...]
    used_bytes: int
    head_bytes: int
    tail_bytes: int
    minimum_bytes: int
    runtime: str

    @property
    def logits(self) -> np.ndarray:
        """The first output."""
        return self.outputs[0]


def has_wheel() -> bool:
    """Whether there is a tflite-micro for this machine and Python."""
    here = platform.system(), platform.machine(), platform.python_implementation()
    return here == ("Linux", "x86_64", "CPython") and (3, 10) <= sys.version_info < (3, 13)


def remedy(error: ImportError | None = None) -> str:
    """What is wrong if tflite_micro cannot be imported, and what to do, where that helps."""
    if not has_wheel():
        python = ".".join(map(str, sys.version_info[:2]))
        return (
            "tflite-micro has wheels for Linux x86-64 and Python 3.10 to 3.12 only; this is "
            f"{platform.system()} {platform.machine()} and Python {python}"
        )
    if error is None or isinstance(error, ModuleNotFoundError):
        return f"tflite-micro is not installed in {sys.prefix}; run: make setup"
    return f"tflite-micro does not load ({error}); run: make clean setup"


def unavailable_reason() -> str:
    """Why TFLite Micro cannot run here, or "" when it can."""
    if importlib.util.find_spec("tflite_micro") is None:
        return f"not available here ({remedy()})"
    return ""


def run(
    model: bytes,
    features: np.ndarray | Sequence[np.ndarray],
    states: Sequence[TensorInfo] = (),
    outputs: int = 1,
) -> Run | None:
    """Runs a model with the reference kernels, on one clip after the other.

    Args:
      model: a .tflite file that `tflite_model.parse` accepted.
      features: [n, ...input shape without batch], n >= 1; for a streaming model
        [n, frames, ...input shape without batch]; a sequence of these for several inputs.
      states: of a streaming model: its inputs after the first.
      outputs: how many outputs are wanted.

    Returns:
      The run; None if tflite_micro is not installed or does not load.

    Raises:
      ExportError: TFLite Micro rejects the model, crashes on it or does not finish.
    """
    if unavailable_reason():
        return None
    with children.folder() as folder:
        names = ("model.tflite", "inputs.npz", "outputs.npz", "ends.json")
        paths = [folder / name for name in names]
        paths[0].write_bytes(model)
        np.savez(paths[1], *([features] if isinstance(features, np.ndarray) else features))
        ends = {"outputs": outputs, "states": [[s.shape, s.zero_points[0]] for s in states]}
        paths[3].write_text(json.dumps(ends))
        try:
            command = [sys.executable, str(_PROBE), *map(str, paths)]
            result = children.run(command, _TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise ExportError(
                f"TFLite Micro has not finished this model after {_TIMEOUT_S} s; "
                "check the model, or try again on a less busy machine"
            ) from None
        if result.returncode == 3:
            return None
        if result.returncode != 0:
            raise ExportError(_refusal(result.returncode, result.stderr))
        sizes = json.loads(result.stdout)
        with np.load(paths[2]) as arrays:
            results = tuple(arrays[f"arr_{number}"] for number in range(outputs))
    return Run(
        outputs=results,
        **sizes,
        runtime=f"tflite_micro {importlib.metadata.version('tflite_micro')}, reference "
        f"kernels, {platform.system()} {platform.machine()}",
    )


def _refusal(status: int, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # A kernel says what is wrong, then the interpreter says in which node.
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
