"""Runs TFLite Micro's interpreter on a model; `micro.run` starts this in a separate process.

    python probe.py MODEL.tflite INPUTS.npz OUTPUTS.npz ENDS.json

INPUTS.npz has an array [clips, ...] for each input. ENDS.json says how many outputs are wanted, and
lists [shape, zero point] of the states: if there are some, the model has the streaming form, each
clip is a sequence of inputs, and the last outputs are kept.

The interpreter trusts the file and may crash on a bad one, or in an arena that is much too small:
that must not crash the caller. Prints one line of JSON; exit status 3 means that the interpreter
could not be loaded, 4 that it rejected the model (the reason is on stderr).
"""

import json
import os
import re
import sys
import tempfile
from typing import Any

import numpy as np

_LARGEST = 1 << 28
_ALIGNMENT = 16


def _start(runtime: Any, model: bytes, arena_bytes: int) -> Any | None:
    """An interpreter with its tensors allocated, or None if the arena is too small."""
    try:
        return runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    except RuntimeError:
        return None


def _used_bytes(interpreter: Any) -> dict[str, int]:
    """Planned memory, what lasts and both, of print_allocations().

    It writes to C's stderr, which is redirected to a file.
    """
    with tempfile.TemporaryFile() as report:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(report.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        report.seek(0)
        text = report.read().decode("utf-8", errors="replace")
    found = dict(re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", text))
    if len(found) != 3:
        raise SystemExit("print_allocations() of this tflite_micro reports no total, head and tail")
    return {name: int(size) for name, size in found.items()}


def _fits(runtime: Any, model: bytes, arena_bytes: int) -> bool:
    """Whether the tensors can be allocated; in a child, as some kernels crash where they cannot."""
    child = os.fork()
    if child == 0:
        os._exit(0 if _start(runtime, model, arena_bytes) is not None else 1)
    return os.waitpid(child, 0)[1] == 0


def _smallest(runtime: Any, model: bytes, used: int) -> int:
    """The smallest arena, a multiple of 16 bytes, in which the tensors can be allocated.

    The search starts from the used bytes and goes in single steps.
    """
    size = -(-used // _ALIGNMENT) * _ALIGNMENT
    while not _fits(runtime, model, size):
        size += _ALIGNMENT
    while size > _ALIGNMENT and _fits(runtime, model, size - _ALIGNMENT):
        size -= _ALIGNMENT
    return size


def _last_outputs(
    interpreter: Any, clip: list[np.ndarray], states: list[Any], outputs: int
) -> list[np.ndarray]:
    """Pushes the frames of a clip, feeding states from outputs to inputs."""
    past = [np.full(shape, zero_point, np.int8) for shape, zero_point in states]
    for frame in zip(*clip, strict=True):
        for number, values in enumerate(frame):
            shape = interpreter.get_input_details(number)["shape"]
            interpreter.set_input(np.reshape(values, shape), number)
        for number, state in enumerate(past, len(frame)):
            interpreter.set_input(state, number)
        interpreter.invoke()
        past = [np.array(interpreter.get_output(number + 1)) for number in range(len(past))]
    return [np.array(interpreter.get_output(number)).reshape(-1) for number in range(outputs)]


def main(model_path: str, inputs_path: str, outputs_path: str, ends_path: str) -> int:
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        print(error, file=sys.stderr)
        return 3
    with open(model_path, "rb") as file:
        model = file.read()
    size = 1 << 20
    while (interpreter := _start(runtime, model, size)) is None:
        size *= 4
        if size > _LARGEST:
            return 4
    with open(ends_path) as file:
        ends = json.load(file)
    with np.load(inputs_path) as arrays:
        inputs = [arrays[f"arr_{number}"] for number in range(len(arrays.files))]
    results = []
    for clip in zip(*inputs, strict=True):
        frames = list(clip) if ends["states"] else [values[np.newaxis] for values in clip]
        results.append(_last_outputs(interpreter, frames, ends["states"], ends["outputs"]))
    np.savez(outputs_path, *(np.stack(values) for values in zip(*results, strict=True)))
    used = _used_bytes(interpreter)
    sizes = {
        "used_bytes": used["total"],
        "head_bytes": used["head"],
        "tail_bytes": used["tail"],
        "minimum_bytes": _smallest(runtime, model, used["total"]),
    }
    print(json.dumps(sizes))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
