"""Runs TFLite Micro's interpreter on a model; `micro.run` starts this in a separate process.

    python probe.py MODEL.tflite FEATURES.npy LOGITS.npy [STATES.json]

With STATES.json, a list of [shape, zero point] of the further inputs, the model has the streaming
form: each clip is a sequence of inputs, of which the last logits are kept.

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


def _used_bytes(interpreter: Any) -> int:
    """The total of print_allocations(). It writes to C's stderr, which is redirected to a file."""
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
    found = re.search(r"Arena allocation total (\d+) bytes", text)
    if found is None:
        raise SystemExit("print_allocations() of this tflite_micro reports no total")
    return int(found[1])


def _smallest(runtime: Any, model: bytes, used: int) -> int:
    """The smallest arena, a multiple of 16 bytes, in which the tensors can be allocated.

    The search starts from the used bytes and goes in single steps: far below them the interpreter
    crashes instead of failing.
    """
    size = -(-used // _ALIGNMENT) * _ALIGNMENT
    while _start(runtime, model, size) is None:
        size += _ALIGNMENT
    while size > _ALIGNMENT and _start(runtime, model, size - _ALIGNMENT) is not None:
        size -= _ALIGNMENT
    return size


def _last_logits(interpreter: Any, clip: np.ndarray, states: list[Any]) -> np.ndarray:
    """Pushes the frames of a clip, feeding states from outputs to inputs."""
    past = [np.full(shape, zero_point, np.int8) for shape, zero_point in states]
    for frame in clip:
        interpreter.set_input(frame[np.newaxis], 0)
        for number, state in enumerate(past, 1):
            interpreter.set_input(state, number)
        interpreter.invoke()
        past = [np.array(interpreter.get_output(number + 1)) for number in range(len(past))]
    logits: np.ndarray = np.array(interpreter.get_output(0)).reshape(-1)
    return logits


def main(model_path: str, features_path: str, logits_path: str, states_path: str = "") -> int:
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
    states = []
    if states_path:
        with open(states_path) as file:
            states = json.load(file)
    logits = []
    for clip in np.load(features_path):
        frames = clip if states_path else clip[np.newaxis]
        logits.append(_last_logits(interpreter, frames, states))
    np.save(logits_path, np.stack(logits))
    used = _used_bytes(interpreter)
    print(json.dumps({"used_bytes": used, "minimum_bytes": _smallest(runtime, model, used)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
