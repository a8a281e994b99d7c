"""TFLite Micro in a process of its own, which may crash, hang or take too much memory.

The process serves many models; one that ends it costs a restart.
"""

import dataclasses
import json
import multiprocessing
import os
import resource
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np

_ARENA_BYTES = 1 << 20
_MEMORY_BYTES = 2 << 30
_TIMEOUT_S = 20

Ending = Literal["ran", "refused", "aborted", "hung"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What TFLite Micro made of a model.

    Attributes:
      ending: it ran, refused the model, ended its process, or did not end.
      outputs: for each set of inputs the content of every output; () unless it ran.
    """

    ending: Ending
    outputs: tuple[tuple[bytes, ...], ...] = ()


class Reference:
    """A handle on the process; restarts it when needed."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Any = None

    def run(self, model: bytes, sets: Sequence[Sequence[np.ndarray]]) -> Answer:
        """Runs a model, for each set of inputs once.

        Args:
          model: any bytes.
          sets: for each run the inputs, int8.
        """
        if self._process is None:
            self._start()
        shapes = [[array.shape for array in given] for given in sets]
        body = b"".join(array.tobytes() for given in sets for array in given)
        head = json.dumps({"model": len(model), "shapes": shapes}).encode()
        try:
            for part in (head, model, body):
                self._pipe.send_bytes(part)
            if not self._pipe.poll(_TIMEOUT_S):
                self.close()
                return Answer("hung")
            reply = json.loads(self._pipe.recv_bytes())
            content = self._pipe.recv_bytes()
        except (EOFError, OSError, ValueError):
            self.close()
            return Answer("aborted")
        if reply is None:
            return Answer("refused")
        outputs, start = [], 0
        for sizes in reply:
            made = []
            for size in sizes:
                made.append(content[start : start + size])
                start += size
            outputs.append(tuple(made))
        return Answer("ran", tuple(outputs))

    def fresh(self, model: bytes, sets: Sequence[Sequence[np.ndarray]]) -> Answer:
        """The same in a new process, whose memory no earlier model has touched."""
        self.close()
        return self.run(model, sets)

    def close(self) -> None:
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()


def _serve(pipe: Connection) -> None:
    """The process: answers until the pipe is closed."""
    from tflite_micro.python.tflite_micro import runtime

    # The interpreter tells its errors there, millions of them in the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            head = json.loads(pipe.recv_bytes())
            model, body = pipe.recv_bytes(), pipe.recv_bytes()
        except EOFError:
            return
        try:
            outputs = _run(runtime, model, head["shapes"], body)
        except (RuntimeError, ValueError, MemoryError):
            pipe.send_bytes(b"null")
            pipe.send_bytes(b"")
            continue
        pipe.send_bytes(json.dumps([[len(one) for one in made] for made in outputs]).encode())
        pipe.send_bytes(b"".join(one for made in outputs for one in made))


def _run(runtime: Any, model: bytes, shapes: list[Any], body: bytes) -> list[list[bytes]]:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=_ARENA_BYTES)
    outputs, start = [], 0
    for given in shapes:
        for number, shape in enumerate(given):
            size = int(np.prod(shape))
            values = np.frombuffer(body, np.int8, size, start).reshape(shape)
            interpreter.set_input(values, number)
            start += size
        interpreter.invoke()
        made: list[bytes] = []
        while True:
            try:
                made.append(np.array(interpreter.get_output(len(made))).tobytes())
            except (IndexError, ValueError):
                break
        outputs.append(made)
    return outputs
