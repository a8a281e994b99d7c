"""Mutation of .tflite files, by field of the FlatBuffer and by byte.

    mutant = mutants.make(seed=1, index=17)

is the same file in every run. A mutant is a base, a legal model, and a few steps; each step has a
seed of its own, so that a find can be made smaller by leaving steps out.
"""

import collections
import copy
import dataclasses
import functools
import pickle
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from firmware_export.standalone import registry
from fuzzing.campaign import Find
from fuzzing.differential import Comparison
from tests.firmware_export.standalone import one_op, random_models

# Bases of random ops; beside them there is one for each op.
_RANDOM_BASES = 60
_NUMBERS: tuple[int, ...] = (
    *(-(2**31), -32_769, -129, -128, -2, -1, 0, 1, 2, 3, 7, 127, 128, 255, 256, 65_536),
    *(16_777_216, 2**31 - 1),
)
_FLOATS = (0.0, -0.0, -1.0, 1.0, 0.5, 1e-9, 1e-30, 1e-45, 3e38, float("inf"), float("nan"))
_TEXTS = (b"", b"\xff\xfe", b"\x1b[2J", b"*/", b"a" * 300, b"%s%n")
_OPTIONS = [
    number
    for name, number in vars(schema.BuiltinOptions).items()
    if isinstance(number, int) and number and hasattr(schema, f"{name}T")
]
_OPTION_NAMES = {
    number: name for name, number in vars(schema.BuiltinOptions).items() if isinstance(number, int)
}
_OPS = [number for number in vars(schema.BuiltinOperator).values() if isinstance(number, int)]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A file and how it came about.

    Attributes:
      base: number of the base.
      steps: seed of each step.
      data: the file; b"" if no file can be written of it.
    """

    base: int
    steps: tuple[int, ...]
    data: bytes

    def legal(self) -> bytes:
        """The base that it was made of."""
        return bases()[self.base]

    def smaller(self) -> "list[Mutant]":
        """The same with one step less."""
        kept = [self.steps[:i] + self.steps[i + 1 :] for i in range(len(self.steps))]
        return [Mutant(self.base, steps, apply(self.base, steps)) for steps in kept if steps]


class Mutants:
    """The fuzzer; see campaign.Fuzzer.

    Args:
      seed: of the mutants.
      folder: for programs.
    """

    name = "mutants"
    share = 6.0
    batch = 500

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._comparison = Comparison(folder)

    @property
    def counts(self) -> collections.Counter[str]:
        return self._comparison.counts

    def run(self, cases: range) -> list[Find]:
        made = {index: make(self._seed, index) for index in cases}
        whole = {index: mutant.data for index, mutant in made.items() if mutant.data}
        self.counts["cannot be written"] += len(made) - len(whole)
        return [
            self._minimized(
                problem.kind, made[problem.case], f"mutants {self._seed}/{problem.case}"
            )
            for problem in self._comparison.run(whole)
        ]

    def _minimized(self, kind: str, mutant: Mutant, name: str) -> Find:
        """The same with as few steps as still show a problem of this kind."""
        detail, smaller = "", True
        while smaller:
            smaller = False
            options = [mutant, *mutant.smaller()]
            problems = self._again({i: one.data for i, one in enumerate(options) if one.data}, kind)
            detail = problems.get(0, detail)
            if left := [index for index in problems if index]:
                mutant, smaller = options[left[0]], True
        detail = detail or "not seen again"
        return Find(
            name, kind, detail, {"model.tflite": mutant.data, "base.tflite": mutant.legal()}
        )

    def _again(self, files: dict[int, bytes], kind: str) -> dict[int, str]:
        """The details of the problems of a kind; does not count."""
        before = self.counts.copy()
        problems = self._comparison.run(files)
        self.counts.clear()
        self.counts.update(before)
        return {one.case: one.detail for one in problems if one.kind == kind}

    def close(self) -> None:
        self._comparison.close()


def make(seed: int, index: int) -> Mutant:
    """The mutant of this number."""
    rng = np.random.default_rng((seed, index))
    base = int(rng.integers(len(bases())))
    count = min(int(rng.geometric(0.5)), 6)
    steps = tuple(int(rng.integers(2**31)) for _ in range(count))
    return Mutant(base, steps, apply(base, steps))


@functools.cache
def bases() -> tuple[bytes, ...]:
    """The legal models that are mutated, all small."""
    single = [one_op.make(name) for name in one_op.OPTIONS]
    made = [random_models.make(seed, 1 + seed % 8)[0] for seed in range(_RANDOM_BASES)]
    return (*single, *made)


def apply(base: int, steps: Sequence[int]) -> bytes:
    """Applies steps to a base; b"" if the result cannot be written as a FlatBuffer."""
    model = pickle.loads(_unpacked()[base])
    rngs = [np.random.default_rng(step) for step in steps]
    late = []
    for rng in rngs:
        # One step in five is by byte, and comes last.
        if rng.random() < 0.2:
            late.append(rng)
            continue
        change = _CHANGES[int(rng.choice(len(_CHANGES), p=_SHARES))]
        change(model, rng)
    try:
        data = pack(model)
    except (struct.error, OverflowError, TypeError, ValueError, AttributeError, IndexError):
        return b""
    for rng in late:
        data = _bytes(data, rng)
    return data


@functools.cache
def _unpacked() -> tuple[bytes, ...]:
    """The bases as objects of the schema; pickled, which copies them fastest."""
    return tuple(pickle.dumps(unpack(data)) for data in bases())


def unpack(data: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))


def pack(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _any(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Flips, replaced words, a cut-off end, a part copied elsewhere."""
    content = bytearray(data)
    if not content:
        return data
    kind = rng.random()
    if kind < 0.1:
        return bytes(content[: int(rng.integers(len(content)))])
    if kind < 0.2:
        start, to = rng.integers(len(content), size=2)
        part = content[start : start + int(rng.integers(1, 32))]
        content[to : to + len(part)] = part
        return bytes(content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(content)))
        if kind < 0.6:
            content[place] ^= 1 << int(rng.integers(8))
        elif kind < 0.8:
            content[place] = int(rng.integers(256))
        else:
            word = struct.pack("<q", _any(rng, _NUMBERS))[: _any(rng, (2, 4))]
            place &= ~3
            content[place : place + len(word)] = word[: len(content) - place]
    return bytes(content)


def _field(model: Any, rng: np.random.Generator) -> None:
    """Any field of any table; every table is equally likely, however many of its kind there are."""
    tables: dict[str, list[Any]] = {}
    _collect(model, tables)
    holder = _any(rng, tables[_any(rng, sorted(tables))])
    fields = sorted(vars(holder))
    if not fields:
        return
    name = _any(rng, fields)
    setattr(holder, name, _changed(getattr(holder, name), name, rng))


def _collect(table: Any, found: dict[str, list[Any]]) -> None:
    found.setdefault(type(table).__name__, []).append(table)
    for value in vars(table).values():
        for one in value if isinstance(value, list) else [value]:
            if hasattr(one, "Pack"):
                _collect(one, found)


def _changed(value: Any, name: str, rng: np.random.Generator) -> Any:
    """Another value of the same type, or none."""
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, int | np.integer):
        return _number(int(value), rng)
    if isinstance(value, float | np.floating):
        return _real(float(value), rng)
    if isinstance(value, bytes | str):
        return _any(rng, _TEXTS)
    if isinstance(value, np.ndarray):
        return _array(value, rng)
    if isinstance(value, list):
        return _list(value, rng)
    if value is None:
        return _made(name, rng)
    return None if rng.random() < 0.5 else value


def _number(value: int, rng: np.random.Generator) -> int:
    kind = rng.random()
    if kind < 0.4:
        return value + _any(rng, (-1, 1))
    if kind < 0.7:
        return int(rng.integers(0, 12))
    return int(_any(rng, _NUMBERS))


def _real(value: float, rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.3:
        return float(_any(rng, _FLOATS))
    if kind < 0.6:
        return value * float(_any(rng, (-1, 0.5, 2, 1.0000001, 1e3, 1e-3, 1e6, 1e-6)))
    return float(np.float32(10 ** rng.uniform(-6, 4)))


def _array(value: np.ndarray, rng: np.random.Generator) -> Any:
    kind = rng.random()
    if kind < 0.1 or not value.size:
        return None if rng.random() < 0.5 else np.append(value, value[:1]).astype(value.dtype)
    if kind < 0.2:
        return np.delete(value, int(rng.integers(value.size)))
    if kind < 0.3:
        return np.insert(value, int(rng.integers(value.size)), value[int(rng.integers(value.size))])
    changed = value.copy()
    place = int(rng.integers(value.size))
    if value.dtype.kind == "f":
        changed[place] = np.float32(_real(float(value[place]), rng))
    else:
        limits = np.iinfo(value.dtype)
        number = _number(int(value[place]), rng)
        changed[place] = min(max(number, limits.min), limits.max)
    return changed


def _list(value: list[Any], rng: np.random.Generator) -> list[Any]:
    kind = rng.random()
    if not value:
        return value
    changed = list(value)
    place, other = rng.integers(len(value), size=2)
    if kind < 0.25:
        del changed[place]
    elif kind < 0.5:
        changed.insert(place, copy.deepcopy(value[other]))
    elif kind < 0.75:
        changed[place], changed[other] = changed[other], changed[place]
    else:
        changed[place] = copy.deepcopy(value[other])
    return changed


def _made(name: str, rng: np.random.Generator) -> Any:
    """What was not there: only arrays of tensors' fields, which are the ones that are read."""
    if name in ("shapeSignature",):
        return rng.integers(-1, 9, int(rng.integers(5))).astype(np.int32)
    if name in ("scale", "min", "max"):
        return rng.uniform(0.01, 1, int(rng.integers(1, 4))).astype(np.float32)
    if name == "zeroPoint":
        return rng.integers(-128, 128, int(rng.integers(1, 4))).astype(np.int64)
    if name == "quantization":
        made = schema.QuantizationParametersT()
        made.scale = np.array([0.1], np.float32)
        made.zeroPoint = np.array([int(rng.integers(-128, 128))])
        return made
    if name == "data":
        return rng.integers(0, 256, int(rng.integers(1, 40))).astype(np.uint8)
    return None


def _graph(model: Any) -> Any:
    return model.subgraphs[0] if model.subgraphs else schema.SubGraphT()


def _op(model: Any, rng: np.random.Generator) -> Any:
    """Any op of the graph, or one that is not in it."""
    return _any(rng, _graph(model).operators or [schema.OperatorT()])


def _tensor(model: Any, rng: np.random.Generator) -> Any:
    return _any(rng, _graph(model).tensors or [schema.TensorT()])


def _options(model: Any, rng: np.random.Generator) -> None:
    """Options of another op's type: only by name, whole, or with the same fields."""
    op = _op(model, rng)
    kind = rng.random()
    if kind < 0.4:
        op.builtinOptionsType = int(_any(rng, _OPTIONS))
    elif kind < 0.8:
        others = [one.builtinOptions for one in _graph(model).operators or []]
        number = int(_any(rng, _OPTIONS))
        made = getattr(schema, f"{_OPTION_NAMES[number]}T")()
        given = op.builtinOptions or _any(rng, others or [None])
        for name in vars(made):
            if hasattr(given, name):
                setattr(made, name, getattr(given, name))
        op.builtinOptionsType, op.builtinOptions = number, made
    else:
        op.builtinOptionsType, op.builtinOptions = 0, None


def _option(model: Any, rng: np.random.Generator) -> None:
    """A field of an op's own options."""
    options = _op(model, rng).builtinOptions
    if options is not None and vars(options):
        name = _any(rng, sorted(vars(options)))
        setattr(options, name, _changed(getattr(options, name), name, rng))


def _opcode(model: Any, rng: np.random.Generator) -> None:
    """Another op, most often one that plain C has, or another version."""
    if not model.operatorCodes:
        return
    code = _any(rng, model.operatorCodes)
    kind = rng.random()
    if kind < 0.3:
        code.version = _number(code.version, rng)
        return
    known = [getattr(schema.BuiltinOperator, name) for name in registry.rules()]
    code.builtinCode = int(_any(rng, known if kind < 0.9 else _OPS))
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def _type(model: Any, rng: np.random.Generator) -> None:
    tensor = _tensor(model, rng)
    tensor.type = int(rng.integers(0, 20))


def _quantization(model: Any, rng: np.random.Generator) -> None:
    """Scales and zero points, also those of another tensor and of other lengths."""
    tensor, other = _tensor(model, rng), _tensor(model, rng)
    kind = rng.random()
    if kind < 0.2:
        tensor.quantization = copy.deepcopy(other.quantization)
        return
    given = tensor.quantization
    if given is None:
        tensor.quantization = _made("quantization", rng)
        return
    if kind < 0.3 and tensor.shape is not None and len(tensor.shape):
        axis = int(rng.integers(len(tensor.shape)))
        count = min(int(tensor.shape[axis]), 64)
        given.quantizedDimension = axis
        given.scale = rng.uniform(0.001, 0.1, max(count, 0)).astype(np.float32)
        given.zeroPoint = np.zeros(max(count, 0), np.int64)
        return
    name = _any(rng, ("scale", "scale", "zeroPoint", "zeroPoint", "quantizedDimension"))
    setattr(given, name, _changed(getattr(given, name), name, rng))


def _shape(model: Any, rng: np.random.Generator) -> None:
    """A shape, with or without a buffer that fits."""
    tensor = _tensor(model, rng)
    if tensor.shape is None:
        return
    before = int(np.prod(tensor.shape)) if len(tensor.shape) else 1
    if rng.random() < 0.3:
        tensor.shape = rng.permutation(tensor.shape).astype(np.int32)
    else:
        tensor.shape = _array(np.asarray(tensor.shape, np.int32), rng)
    if tensor.shape is None or rng.random() < 0.3 or not 0 <= tensor.buffer < len(model.buffers):
        return
    buffer, after = model.buffers[tensor.buffer], int(np.prod(tensor.shape.astype(np.float64)))
    if buffer.data is not None and before > 0 and 0 < after < 10_000:
        size = len(buffer.data) * after // before
        buffer.data = np.resize(np.asarray(buffer.data, np.uint8), size)


def _buffer(model: Any, rng: np.random.Generator) -> None:
    """Another tensor's buffer, or another content."""
    tensor = _tensor(model, rng)
    if rng.random() < 0.5 or not 0 <= tensor.buffer < len(model.buffers):
        tensor.buffer = int(rng.integers(0, len(model.buffers) + 1))
        return
    buffer = model.buffers[tensor.buffer]
    if buffer.data is None:
        count = 1 if tensor.shape is None else int(np.prod(tensor.shape, dtype=np.float64))
        if 0 < count < 10_000:
            buffer.data = rng.integers(0, 256, count * _any(rng, (1, 1, 4))).astype(np.uint8)
    else:
        data = np.asarray(buffer.data, np.uint8)
        fill = _any(rng, (0, 1, 127, 128, 255, None))
        random = rng.integers(0, 256, data.shape).astype(np.uint8)
        buffer.data = random if fill is None else np.full_like(data, fill)


def _variable(model: Any, rng: np.random.Generator) -> None:
    tensor = _tensor(model, rng)
    tensor.isVariable = not tensor.isVariable


def _wiring(model: Any, rng: np.random.Generator) -> None:
    """What an op, or the graph, reads and writes."""
    graph = _graph(model)
    holder = _any(rng, [graph, *(graph.operators or [])])
    name = _any(rng, ("inputs", "inputs", "outputs"))
    value = getattr(holder, name)
    count = len(graph.tensors or [])
    if value is None or not len(value) or rng.random() < 0.3:
        given = np.asarray([] if value is None else value, np.int32)
        setattr(holder, name, np.append(given, rng.integers(-1, count + 1)).astype(np.int32))
        return
    changed = np.asarray(value, np.int32).copy()
    changed[int(rng.integers(len(changed)))] = rng.integers(-1, count + 1)
    setattr(holder, name, changed)


def _order(model: Any, rng: np.random.Generator) -> None:
    """Ops left out, repeated or exchanged."""
    graph = _graph(model)
    if graph.operators:
        graph.operators = _list(graph.operators, rng)


def _splice(model: Any, rng: np.random.Generator) -> None:
    """An op of another base with its options and constants, in the place of one of these."""
    other = pickle.loads(_any(rng, _unpacked()))
    theirs = _op(other, rng)
    graph = _graph(model)
    if not graph.operators:
        return
    place = int(rng.integers(len(graph.operators)))
    mine = graph.operators[place]
    op = copy.deepcopy(theirs)
    model.operatorCodes.append(copy.deepcopy(other.operatorCodes[theirs.opcodeIndex]))
    op.opcodeIndex = len(model.operatorCodes) - 1
    inputs = []
    for position, number in enumerate(op.inputs):
        tensor = copy.deepcopy(other.subgraphs[0].tensors[number])
        data = other.buffers[tensor.buffer].data
        if data is None:
            own = mine.inputs if mine.inputs is not None else []
            inputs.append(int(own[min(position, len(own) - 1)]) if len(own) else 0)
            continue
        buffer = schema.BufferT()
        buffer.data = data
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
        inputs.append(len(graph.tensors) - 1)
    op.inputs = np.array(inputs, np.int32)
    op.outputs = mine.outputs
    graph.operators[place] = op


_WEIGHTED: tuple[tuple[Callable[[Any, np.random.Generator], None], int], ...] = (
    (_field, 6),
    (_option, 5),
    (_options, 3),
    (_opcode, 3),
    (_type, 2),
    (_quantization, 6),
    (_shape, 4),
    (_buffer, 4),
    (_variable, 1),
    (_wiring, 4),
    (_order, 2),
    (_splice, 3),
)
_CHANGES = [change for change, _ in _WEIGHTED]
_SHARES = np.array([share for _, share in _WEIGHTED]) / sum(share for _, share in _WEIGHTED)
