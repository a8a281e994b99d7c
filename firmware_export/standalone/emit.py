"""Calls of kernels as C source: constants, parameter structs, the buffer and the order of calls."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firmware_export import c_text, templating
from firmware_export.standalone import array_comments, ends
from firmware_export.standalone.graph import calls, ir, planner
from firmware_export.standalone.ops.shared import row_calls

_VERSION_HEADER = ("edge_kernels_version.h",)


@dataclasses.dataclass(frozen=True)
class Step:
    """One op, ready to run.

    Attributes:
      op: the op in the graph.
      lowered: its calls; for a chain of rows, its loop.
    """

    op: ir.Op
    lowered: calls.Lowered


@dataclasses.dataclass(frozen=True)
class Struct:
    """A constant parameter struct, or an array of them: variants for the rows of a chain."""

    name: str
    c_type: str
    variants: list[list[str]]
    choice: list[str]


@dataclasses.dataclass(frozen=True)
class Array:
    """A constant array and its comment; `rows_for_dsp` are empty unless DSP kernels read others."""

    name: str
    c_type: str
    size: int
    rows: list[str]
    rows_for_dsp: list[str]
    about: str


@dataclasses.dataclass(frozen=True)
class Loop:
    """A chain of rows as a C function."""

    name: str
    values: row_calls.RowCalls
    window: str
    head: list[str]
    tail: list[str]
    head_text: str


@dataclasses.dataclass(frozen=True)
class Source:
    """The text of model.c and model.h, and the size of its constants.

    Attributes:
      files: by name.
      op_constant_bytes: arrays and structs of each step, as on a 32-bit device; what several use
        counts for the first.
    """

    files: dict[str, str]
    op_constant_bytes: tuple[int, ...]


def emit(
    graph: ir.Graph, steps: Sequence[Step], plan: planner.Plan, head: Mapping[str, Any]
) -> Source:
    """Writes the model.

    Args:
      graph: after all passes.
      steps: its ops, lowered, in order.
      plan: memory plan of its activations.
      head: further values for the templates: version, model_sha256, expose_arena, profile,
        external, kernels_version.
    """
    writer = _Writer(plan, head["external"])
    lines, so_far = [], [0]
    for position, step in enumerate(steps):
        lines.append(writer.step(position, step))
        so_far.append(writer.constant_bytes)
    states = [writer.reset(tensor) for tensor in graph.states]
    inner = ends.find(graph)
    first, last = (inner.first, inner.last) if inner else (0, len(lines))
    values = {
        **head,
        "headers": sorted({*headers(steps), *_VERSION_HEADER[: bool(head["kernels_version"])]}),
        "op_count": len(steps),
        "arrays": writer.arrays,
        "structs": writer.structs,
        "pointers": writer.pointers,
        "most_rows": max((len(p.offsets) for p in writer.pointers), default=0),
        "loops": writer.loops,
        "head": lines[:first],
        "steps": lines[first:last],
        "tail": lines[last:],
        "has_inner": inner is not None,
        "inner_inputs": _ends(inner.inputs, plan, "quantized_input") if inner else [],
        "inner_outputs": _ends(inner.outputs, plan, "quantized_output") if inner else [],
        "arena_size": plan.size,
        "inputs": _ends(graph.inputs, plan, "input"),
        "outputs": _ends(graph.outputs, plan, "output"),
        "states": states,
        "uses_float": any(tensor.dtype == "float32" for tensor in graph.activations()),
    }
    templates = templating.environment("standalone/src")
    files = {
        name: templates.get_template(f"{name}.jinja").render(values)
        for name in ("model.c", "model.h")
    }
    return Source(files, tuple(after - before for before, after in itertools.pairwise(so_far)))


def headers(steps: Sequence[Step]) -> list[str]:
    """Names of the headers that declare the kernels."""
    named = {call.header for step in steps for call in step.lowered.calls}
    return sorted(named | {calls.KERNELS_HEADER})


def _ends(tensors: Sequence[ir.Tensor], plan: planner.Plan, what: str) -> list[dict[str, Any]]:
    """Inputs or outputs as the header describes them."""
    return [
        {
            "suffix": f"_{index}" if len(tensors) > 1 else "",
            "what": what,
            "type": tensor.c_type,
            "place": _typed(_address("arena", plan.offset(tensor)), tensor),
            "size": tensor.size,
            "shape": list(tensor.shape),
            "scale": c_text.float_literal(tensor.scale) if tensor.scales else None,
            "zero_point": tensor.zero_point if tensor.scales else None,
        }
        for index, tensor in enumerate(tensors)
    ]


def _address(base: str, offset: int) -> str:
    return f"{base} + {offset}" if offset else base


def _typed(address: str, tensor: ir.Tensor) -> str:
    """An address of bytes as an argument for items of a tensor's type."""
    if tensor.c_type == "int8_t":
        return address
    return f"(void *)({address})" if " " in address else f"(void *){address}"


@dataclasses.dataclass(frozen=True)
class Pointers:
    """A constant array of where activations are in the buffer."""

    name: str
    offsets: list[int]

    def places(self) -> list[str]:
        """As addresses."""
        return [_address("arena", offset) for offset in self.offsets]

    def rows(self) -> list[str]:
        """As numbers."""
        return c_text.int_rows(np.array(self.offsets), per_row=12)


class _Writer:
    """Collects constants while it writes calls; equal constants are written once."""

    def __init__(self, plan: planner.Plan, external: bool) -> None:
        self._plan = plan
        self._external = external
        self._names: dict[tuple[str, bytes], str] = {}
        self._taken: set[str] = set()
        self.arrays: list[Array] = []
        self.structs: list[Struct] = []
        self.pointers: list[Pointers] = []
        self._structs: dict[tuple[str, ...], str] = {}
        self.loops: list[Loop] = []
        self.constant_bytes = 0

    def step(self, position: int, step: Step) -> dict[str, Any]:
        """The comment and the statements of one op."""
        if isinstance(step.lowered, row_calls.RowCalls):
            name = self._unique("rows", _number(step.op.source))
            self._add_loop(name, position, step.op, step.lowered)
            statements = [f"{name}({'arena' if self._external else ''});"]
        else:
            place = None
            if step.lowered.scratch:
                place = _address("arena", self._plan.scratch_offset(position))
            statements = [
                statement
                for call in step.lowered.calls
                for statement in (
                    *self._rows_of(call),
                    self._statement([call], [], self._static, place),
                )
            ]
        return {"comment": _comment(step.op), "statements": statements, "position": position}

    def reset(self, state: ir.Tensor) -> str:
        """The statement that gives a state its initial content."""
        to, size = _address("arena", self._plan.offset(state)), state.byte_size
        initial = state.initial
        if initial is None:
            initial = np.full(state.shape, state.zero_point, state.dtype)
        content = initial.reshape(-1).view(np.int8)
        if content.min() == content.max():
            return f"memset({to}, {content[0]}, {size});"
        return f"memcpy({to}, {self._array(calls.Array('initial', content), state.name)}, {size});"

    def _rows_of(self, call: calls.Call) -> list[str]:
        """The statements that find the rows of a call if the buffer is the caller's."""
        if not self._external:
            return []
        return [
            f"find_rows(arena, {self._pointers(argument)}, {len(argument.places)}, rows);"
            for argument in call.arguments
            if isinstance(argument, calls.Places)
        ]

    def _static(self, place: calls.Place) -> str:
        offset = self._plan.offset(place.tensor) + place.offset
        return _typed(_address("arena", offset), place.tensor)

    def _statement(
        self,
        variants: Sequence[calls.Call],
        choice: Sequence[int],
        locate: Any,
        scratch: str | None,
        row: str = "row",
    ) -> str:
        """One call; `choice` selects, for each row, one of several variants of the parameters."""
        call = variants[0]
        fields = [
            [f".{key} = {self._field(value, c.source)}" for key, value in c.fields.items()]
            for c in variants
        ]
        chosen = c_text.int_rows(np.array(choice)) if len(variants) > 1 else []
        name = self._struct(call, fields, chosen)
        first = f"&{name}" if len(variants) == 1 else f"&{name}[{name}_of_row[{row}]]"
        arguments = [first]
        for argument in call.arguments:
            if isinstance(argument, calls.Array):
                name = self._array(argument, call.source)
                is_bytes = argument.c_type == "int8_t"
                arguments.append(name if is_bytes else f"(const void *){name}")
            elif isinstance(argument, calls.Place):
                arguments.append(locate(argument))
            elif isinstance(argument, calls.Places):
                arguments.append("rows" if self._external else self._pointers(argument))
            else:
                arguments.append(scratch if call.scratch and scratch else "NULL")
        return f"{call.function}({', '.join(arguments)});"

    def _struct(self, call: calls.Call, fields: list[list[str]], choice: list[str]) -> str:
        """The name of a parameter struct, which is written unless an equal one exists."""
        key = (call.struct, *(text for variant in fields for text in (*variant, ";")), *choice)
        if key not in self._structs:
            name = self._unique(call.kernel, _number(call.source))
            self.structs.append(Struct(name, call.struct, fields, choice))
            # Members are pointers and numbers of up to 4 bytes; some share a word.
            self.constant_bytes += sum(4 * len(members) for members in fields) + len(choice)
            self._structs[key] = name
        return self._structs[key]

    def _field(self, value: Any, source: str) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, calls.Array):
            return self._array(value, source)
        if isinstance(value, Mapping):
            inner = ", ".join(
                f".{key} = {self._field(item, source)}" for key, item in value.items()
            )
            return f"{{{inner}}}"
        if isinstance(value, float):
            return c_text.float_literal(value)
        if isinstance(value, Sequence | np.ndarray):
            return f"{{{', '.join(str(int(item)) for item in value)}}}"
        return str(int(value))

    def _array(self, array: calls.Array, source: str) -> str:
        """The name of an array, which is written unless an equal one exists."""
        if array.key not in self._names:
            name = self._unique(array.name, _number(source))
            self._names[array.key] = name
            columns = 16 if array.values.itemsize == 1 else 8
            rows = c_text.number_rows(array.values, columns)
            others: list[str] = []
            if array.values_for_dsp is not None:
                others = c_text.number_rows(array.values_for_dsp, columns)
            about = array_comments.about(array, source)
            self.arrays.append(Array(name, array.c_type, array.values.size, rows, others, about))
            self.constant_bytes += array.values.nbytes
        return self._names[array.key]

    def _pointers(self, places: calls.Places) -> str:
        name = self._unique("rows", str(len(self.pointers)))
        offsets = [self._plan.offset(place.tensor) + place.offset for place in places.places]
        self.pointers.append(Pointers(name, offsets))
        self.constant_bytes += 4 * len(offsets)
        return name

    def _unique(self, what: str, number: str) -> str:
        name, count = f"{what}_{number}", 0
        while name in self._taken:
            count += 1
            name = f"{what}_{number}_{chr(96 + count) if count <= 26 else count}"
        self._taken.add(name)
        return name

    def _add_loop(self, name: str, position: int, op: ir.Op, rows: row_calls.RowCalls) -> None:
        base = self._plan.scratch_offset(position)
        scratch = _address("arena", base + rows.kernel_scratch)

        def locator(variable: str) -> Any:
            def address(place: calls.Place) -> str:
                where = rows.places[id(place.tensor)]
                if isinstance(where, row_calls.InBuffer):
                    if where.slot and not rows.is_plain():
                        return _address("to", place.offset)
                    return _address("arena", base + where.offset + place.offset)
                start = _address("arena", self._plan.offset(where.tensor) + place.offset)
                return f"{start}{_row_offset(where, variable)}"

            return lambda place: _typed(address(place), place.tensor)

        def statements(stages: Sequence[row_calls.Stage], variable: str) -> list[str]:
            return [
                self._statement(variants, stage.choice, locator(variable), scratch, variable)
                for stage in stages
                for variants in zip(*(lowered.calls for lowered in stage.variants), strict=True)
            ]

        head = statements(rows.head, "row" if rows.is_plain() else "from")
        tail = statements(rows.tail, "row")
        text = ", ".join(stage.op.source for stage in rows.head)
        window = _address("arena", base + rows.middle)
        self.loops.append(Loop(name, rows, window, head, tail, text))


def _row_offset(where: row_calls.InTensor, variable: str) -> str:
    if where.pitch == 0:
        return ""
    if where.before:
        stride = f"{variable} * {where.stride}" if where.stride > 1 else variable
        first = f"({stride} > {where.before} ? {stride} - {where.before} : 0)"
        return f" + {first} * {where.pitch}"
    return f" + {variable} * {where.stride * where.pitch}"


def _number(source: str) -> str:
    """The number, in the file, of the op that a constant is for."""
    digits = source.rsplit("op ", 1)[-1].split(" ", 1)[0]
    return digits if digits.isdigit() else "0"


def _comment(op: ir.Op) -> str:
    given = next((t for t in op.inputs if not t.is_constant), op.output)
    return f"{op.source}: {list(given.shape)} -> {list(op.output.shape)}"
