"""Runs compiled models on this machine: a shared library of the emitted C, called from Python."""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import building, object_cache
from firmware_export.standalone import compiler
from firmware_export.standalone.graph import ir

WARNINGS = ["-std=c99", "-Wpedantic", *building.WARNINGS]
_CHECKS = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]


def build(files: Mapping[str, str], folder: Path, options: Sequence[str] = ("-O1",)) -> Path:
    """Compiles C files to a shared library; skips the test without a compiler."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs gcc")
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = [folder / name for name in files if name.endswith(".c")]
    library = folder / "model.so"
    objects = []
    for source in sources:
        objects.append(str(source.with_suffix(".o")))
        command = [gcc, *WARNINGS, *_CHECKS, *options, "-fPIC"]
        done = object_cache.compile_object(command, source, Path(objects[-1]), _run)
        assert done.returncode == 0, done.stderr
    done = _run([gcc, *_CHECKS, "-shared", *objects, "-o", str(library)])
    assert done.returncode == 0, done.stderr
    return library


def _run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


class Host:
    """One compiled model.

    Attributes:
      library: its functions.
    """

    def __init__(self, compiled: compiler.Compiled, options: Sequence[str] = ("-O1",)) -> None:
        self._compiled = compiled
        with tempfile.TemporaryDirectory(prefix="edge_model_") as folder:
            self.library = ctypes.CDLL(str(build(compiled.files, Path(folder), options)))
        graph = compiled.graph
        self._inputs = self._ends("model_input", graph.inputs)
        self._outputs = self._ends("model_output", graph.outputs)

    def _ends(self, name: str, tensors: Sequence[ir.Tensor]) -> list[tuple[int, ir.Tensor]]:
        found = []
        for index, tensor in enumerate(tensors):
            function = self.library[name if len(tensors) == 1 else f"{name}_{index}"]
            function.restype = ctypes.c_void_p
            found.append((function(), tensor))
        return found

    def __call__(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Runs the model once; gives its outputs."""
        for (address, tensor), values in zip(self._inputs, inputs, strict=True):
            given = np.ascontiguousarray(values)
            assert (given.size, str(given.dtype)) == (tensor.size, tensor.dtype)
            ctypes.memmove(address, given.ctypes.data, given.nbytes)
        self.library.model_invoke()
        return [_read(address, tensor) for address, tensor in self._outputs]

    def activation(self, tensor: ir.Tensor) -> np.ndarray:
        """What a tensor holds after a run of a model compiled with keep=True."""
        function = self.library.model_arena
        function.restype = ctypes.c_void_p
        return _read(function() + self._compiled.plan.offset(tensor), tensor)


def _read(address: int, tensor: ir.Tensor) -> np.ndarray:
    content = ctypes.string_at(address, tensor.byte_size)
    return np.frombuffer(content, tensor.dtype).reshape(tensor.shape)
