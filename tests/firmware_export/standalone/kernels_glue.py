"""Runs the C kernels from Python: a shared library of them, structs as the headers declare them.

The structs are read from the headers, so what `op.lower()` gives is checked against it: names,
order and ranges of members.
"""

import ctypes
import functools
import itertools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import tflite_model
from firmware_export.boards import building
from firmware_export.standalone import compiler, reader
from firmware_export.standalone.graph import calls, ir
from firmware_export.standalone.target import KernelSet
from tests.firmware_export.standalone import tflm_oracle

KERNELS = compiler.KERNELS
WARNINGS = ["-std=c99", "-Wpedantic", *building.WARNINGS]
_GUARD = 64
_PATTERN = 0x5A

zero_points = st.one_of(st.sampled_from([-128, 0, 127]), st.integers(-128, 127))

_SCALARS: dict[str, Any] = {
    "int8_t": ctypes.c_int8,
    "int16_t": ctypes.c_int16,
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "float": ctypes.c_float,
}


@functools.cache
def library() -> ctypes.CDLL:
    """The portable kernels with checks for undefined behaviour; skips without a compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc")
    folder = tempfile.mkdtemp(prefix="edge_kernels_")
    path = Path(folder) / "kernels.so"
    sources = sorted(str(source) for source in (KERNELS / "portable").glob("*.c"))
    checks = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    command = [compiler, "-O2", "-g", "-fPIC", "-shared", *WARNINGS, *checks, f"-I{KERNELS}"]
    subprocess.run([*command, *sources, "-o", str(path)], check=True)
    try:
        return ctypes.CDLL(str(path))
    finally:
        shutil.rmtree(folder)


@functools.cache
def structs() -> dict[str, type[ctypes.Structure]]:
    """The parameter structs of the headers by name; those that others contain come first."""
    first = KERNELS / calls.KERNELS_HEADER
    headers = [first, *sorted(path for path in KERNELS.glob("*.h") if path != first)]
    text = re.sub(r"/\*.*?\*/", "", "".join(path.read_text() for path in headers), flags=re.S)
    found: dict[str, type[ctypes.Structure]] = {}
    for body, name in re.findall(r"typedef struct \{(.*?)\} (\w+);", text, flags=re.S):
        if "(*" in body:
            continue  # Functions: of kernels among themselves.
        members: list[tuple[str, Any]] = []
        if "(*" in body:  # functions that kernels give to each other
            continue
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            kind, names = re.findall(r"(?:const )?(\w+)\s+(.*)", declaration, re.S)[0]
            for member in (part.strip() for part in names.split(",")):
                base = _SCALARS.get(kind) or found[kind]
                if member.startswith("*"):
                    members.append((member[1:], ctypes.c_void_p))
                elif "[" in member:
                    plain, count = re.findall(r"(\w+)\[(\d+)\]", member)[0]
                    members.append((plain, base * int(count)))
                else:
                    members.append((member, base))
        found[name] = type(name, (ctypes.Structure,), {"_fields_": members})
    return found


class Buffer:
    """Memory of an exact size between guards."""

    def __init__(self, size: int, content: np.ndarray | None = None) -> None:
        self._all = np.full(size + 2 * _GUARD + 16, _PATTERN, np.uint8)
        # A multiple of 8 is promised for scratch; other places get no more than they need.
        start = -self._all.ctypes.data % 8 + _GUARD
        self._start, self._stop = start, start + size
        self.bytes = self._all[start : start + size].view(np.int8)
        if content is not None:
            self.bytes[:] = np.ascontiguousarray(content).reshape(-1).view(np.int8)

    @property
    def address(self) -> int:
        return self.bytes.ctypes.data if self.bytes.size else 0

    def check(self) -> None:
        outside = np.r_[self._all[: self._start], self._all[self._stop :]]
        assert (outside == _PATTERN).all(), "a kernel wrote outside of its memory"


def make_struct(call_fields: Mapping[str, Any], name: str, keep: list[Any]) -> ctypes.Structure:
    """A struct filled as the emitted initializer would fill it; arrays are added to `keep`."""
    made = structs()[name]()
    declared = [member for member, *_ in made._fields_]
    assert declared == list(call_fields), f"{name} has other members"
    kinds: list[Any] = [kind for _, kind, *_ in made._fields_]
    for member, kind, value in zip(declared, kinds, call_fields.values(), strict=True):
        if value is None:
            setattr(made, member, None)
        elif isinstance(value, calls.Array):
            values = np.ascontiguousarray(value.values)
            keep.append(values)
            setattr(made, member, values.ctypes.data)
        elif isinstance(value, Mapping):
            setattr(made, member, make_struct(value, kind.__name__, keep))
        elif isinstance(value, Sequence):
            for number in value:
                _check_range(member, kind._type_, number)
            setattr(made, member, kind(*value))
        elif isinstance(value, float):
            assert kind is ctypes.c_float, f"{member} is no float"
            setattr(made, member, value)
        else:
            _check_range(member, kind, value)
            setattr(made, member, int(value))
    return made


def _check_range(member: str, kind: Any, value: int) -> None:
    assert kind(int(value)).value == value, f"{member} cannot hold {value}"


def _address(place: calls.Place, places: dict[int, Buffer]) -> int:
    return places[id(place.tensor)].address + place.offset


def run_op(
    op: ir.Op,
    places: dict[int, Buffer],
    kernels: KernelSet = "portable",
    in_place: int | None = None,
) -> calls.Lowered:
    """Runs one op.

    Args:
      op: to be lowered and run.
      places: the tensors' memory by identity; the output's is added.
      kernels: whose scratch and order of weights; the code is the portable one.
      in_place: position of the input over which the output is written.
    """
    if in_place is None:
        places[id(op.output)] = Buffer(op.output.byte_size)
    else:
        places[id(op.output)] = places[id(op.inputs[in_place])]
    return run_calls(op, places, kernels)


def run_calls(
    op: ir.Op,
    places: dict[int, Buffer],
    kernels: KernelSet = "portable",
    output: ir.Tensor | None = None,
) -> calls.Lowered:
    """The same with all places given; `output` is the tensor whose place the output has."""
    if output is not None:
        places[id(op.output)] = places[id(output)]
    lowered = op.lower(kernels)
    for call in lowered.calls:
        keep: list[Any] = []
        params = make_struct(call.fields, call.struct, keep)
        scratch = Buffer(call.scratch)
        arguments: list[Any] = [ctypes.byref(params)]
        for argument in call.arguments:
            if isinstance(argument, calls.Scratch):
                arguments.append(ctypes.c_void_p(scratch.address))
            elif isinstance(argument, calls.Array):
                values = np.ascontiguousarray(argument.values)
                keep.append(values)
                arguments.append(ctypes.c_void_p(values.ctypes.data))
            elif isinstance(argument, calls.Places):
                rows = [_address(place, places) for place in argument.places]
                arguments.append((ctypes.c_void_p * len(rows))(*rows))
            else:
                arguments.append(ctypes.c_void_p(_address(argument, places)))
        function = library()[call.function]
        function.restype = None
        for source in call.sources:
            assert (KERNELS / "portable" / f"{source}.c").is_file()
        function(*arguments)
        scratch.check()
    for place in places.values():
        place.check()
    return lowered


def run_graph(
    graph: ir.Graph,
    inputs: Sequence[np.ndarray],
    in_place: bool = False,
    states: Mapping[int, Buffer] | None = None,
) -> list:
    """Runs all ops, each tensor in memory of its own, or outputs over inputs where allowed.

    Args:
      graph: as read from a file.
      inputs: one for each of its inputs.
      in_place: whether outputs are written over inputs where that is allowed.
      states: from `new_states`, to go on from an earlier run.

    Returns:
      arrays, one for each output of the graph.
    """
    places = {
        id(tensor): Buffer(tensor.byte_size, values)
        for tensor, values in zip(graph.inputs, inputs, strict=True)
    }
    places.update(new_states(graph) if states is None else states)
    for op in graph.ops:
        allowed = op.lower().in_place if in_place else ()
        run_op(op, places, in_place=allowed[0] if allowed else None)
    return [
        places[id(t)].bytes[: t.byte_size].view(t.dtype).reshape(t.shape) for t in graph.outputs
    ]


def new_states(graph: ir.Graph) -> dict[int, Buffer]:
    """Memory of the graph's states by identity, as before the first run."""
    made = {}
    for state in graph.states:
        content = np.full(state.shape, state.zero_point, state.dtype)
        made[id(state)] = Buffer(
            state.byte_size, content if state.initial is None else state.initial
        )
    return made


def check_sequence(model: bytes, inputs: Sequence[np.ndarray]) -> list[str]:
    """Compares a model that keeps state with TFLite Micro, on one input after the other.

    Returns:
      Which kernels it took.
    """
    graph = read(model)
    states = new_states(graph)
    made = [run_graph(graph, [values], states=states)[0].copy() for values in inputs]
    np.testing.assert_array_equal(np.stack(made), tflm_oracle.run_sequence(model, inputs))
    return kernels_of(graph)


def read(model: bytes) -> ir.Graph:
    return reader.read(tflite_model.parse(model))


def kernels_of(graph: ir.Graph) -> list[str]:
    """Which kernels the graph's ops are lowered to."""
    lowered = [op.lower().calls for op in graph.ops]
    return [call.kernel for call in itertools.chain.from_iterable(lowered)]


def check(model: bytes, *inputs: np.ndarray) -> list[str]:
    """Compares a model's bytes with TFLite Micro's, also with outputs written over inputs.

    Returns:
      Which kernels it took.
    """
    (expected,) = tflm_oracle.run(model, inputs)
    graph = read(model)
    (result,) = run_graph(graph, inputs)
    np.testing.assert_array_equal(result, expected)
    (result,) = run_graph(graph, inputs, in_place=True)
    np.testing.assert_array_equal(result, expected)
    return kernels_of(graph)


def random_bytes(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Values all over, at both ends, or near one."""
    kind = rng.integers(6)
    if kind == 0:
        return rng.choice(np.array([-128, 127], np.int8), tuple(shape))
    if kind == 1:
        return rng.integers(100, 128, tuple(shape), dtype=np.int8)
    return rng.integers(-128, 128, tuple(shape), dtype=np.int8)
