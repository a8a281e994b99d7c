"""State in resource variables, over many steps: the bytes of TFLite Micro.

Models of microWakeWord have this form.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_tf.conversion.tflite.streaming_variables import with_variables
from firmware_export.boards import board as boards
from firmware_export.boards import clips, programs, toolchain
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, passes
from firmware_export.standalone.ops.push import Push
from firmware_export.standalone.ops.variables import AssignVariable, ReadVariable
from tests.firmware_export.standalone import host, states_test, tflm_oracle
from tests.firmware_export.standalone.model_builder import Builder

LIKE = (0.1, 3)
ROWS, CHANNELS = 4, 3


class Program(host.Host):
    def sequence(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self(values)[0] for values in inputs])

    def reset(self) -> None:
        self.library.model_reset()


def random_inputs(shape: Sequence[int], count: int = 12, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]


def check(model: bytes, shape: Sequence[int], seed: int = 0) -> list[compiler.Compiled]:
    """Compares a sequence with TFLite Micro, with all passes and with none, and after a reset."""
    inputs = random_inputs(shape, seed=seed)
    wanted = tflm_oracle.run_sequence(model, inputs)
    made = [compiler.compile(model, passes_to_run=names) for names in (passes.ALL, ())]
    for compiled in made:
        program = Program(compiled, ["-O0"])
        np.testing.assert_array_equal(program.sequence(inputs), wanted)
        program.reset()
        np.testing.assert_array_equal(program.sequence(inputs), wanted)
    return made


def initialize(builder: Builder, **values: np.ndarray) -> None:
    """A second subgraph that assigns constants to variables; CALL_ONCE calls it."""
    builder.next_subgraph()
    for name, content in values.items():
        handle = builder.handle(name)
        builder.op("ASSIGN_VARIABLE", [handle, builder.constant(content, [LIKE[0]], [LIKE[1]])], [])


def total(initial: np.ndarray | None, **changes: Any) -> bytes:
    """y = variable + x; then the variable is y."""
    builder = Builder()
    x, past, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
    if initial is not None:
        builder.op("CALL_ONCE", [], [], init_subgraph_index=changes.get("subgraph", 1))
    handle = builder.handle("sum")
    builder.op("READ_VARIABLE", [handle], past)
    builder.op("ADD", [past, x], y)
    builder.op("ASSIGN_VARIABLE", [handle, y], [])
    if initial is not None:
        initialize(builder, sum=initial)
    return builder.finish([x], [y])


class TestAnyUse:
    @pytest.mark.parametrize(
        "initial",
        [
            None,
            np.full((1, 6), -7, np.int8),
            np.arange(-3, 3, dtype=np.int8).reshape(1, 6),
        ],
        ids=["the zero point", "one value", "several"],
    )
    def test_a_sum(self, initial):
        for compiled in check(total(initial), (1, 6)):
            assert len(compiled.graph.states) == 1
            assert compiled.plan.size >= 6

    def test_what_is_read_before_and_after_an_assignment(self):
        """Also of another handle of the same variable."""
        builder = Builder()
        x, before, after, y = (builder.activation((1, 6), *LIKE) for _ in range(4))
        first, second = builder.handle("v"), builder.handle("v")
        builder.op("READ_VARIABLE", [first], before)
        builder.op("ASSIGN_VARIABLE", [second, x], [])
        builder.op("READ_VARIABLE", [first], after)
        builder.op("SUB", [before, after], y)
        check(builder.finish([x], [y]), (1, 6))

    def test_a_variable_that_is_assigned_a_constant_again(self):
        builder = Builder()
        x, before, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
        builder.op("CALL_ONCE", [], [], init_subgraph_index=1)
        handle = builder.handle("v")
        builder.op("READ_VARIABLE", [handle], before)
        builder.op("ADD", [before, x], y)
        again = builder.constant(np.arange(6, dtype=np.int8).reshape(1, 6), [LIKE[0]], [LIKE[1]])
        builder.op("ASSIGN_VARIABLE", [handle, again], [])
        initialize(builder, v=np.full((1, 6), 50, np.int8))
        check(builder.finish([x], [y]), (1, 6))

    def test_two_that_change_places(self):
        builder = Builder()
        x, a, b, y, z = (builder.activation((1, 6), *LIKE) for _ in range(5))
        one, two = builder.handle("one"), builder.handle("two")
        builder.op("READ_VARIABLE", [one], a)
        builder.op("READ_VARIABLE", [two], b)
        builder.op("ADD", [b, x], z)
        builder.op("ASSIGN_VARIABLE", [one, z], [])
        builder.op("ASSIGN_VARIABLE", [two, a], [])
        builder.op("SUB", [a, b], y)
        check(builder.finish([x], [y]), (1, 6))

    def test_the_quantized_api_begins_by_itself(self):
        builder = Builder()
        x, past, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
        result = builder.activation((1, 6), 0.1, 131, dtype="uint8")
        builder.op("CALL_ONCE", [], [], init_subgraph_index=1)
        handle = builder.handle("v")
        builder.op("READ_VARIABLE", [handle], past)
        builder.op("ADD", [past, x], y)
        builder.op("ASSIGN_VARIABLE", [handle, y], [])
        builder.op("QUANTIZE", [y], result)
        initialize(builder, v=np.full((1, 6), 50, np.int8))
        for compiled in check(builder.finish([x], [result]), (1, 6)):
            text = compiled.files["model.c"]
            begin = text.index("void model_invoke_quantized(void) {")
            assert "if (!has_begun)" in text[begin : begin + 60]


def queue(seed: int, **wrong: Any) -> tuple[bytes, tuple[int, ...]]:
    """A variable of the last rows, joined with new ones, and what reads them."""
    rng = np.random.default_rng(seed)
    rows, new = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    axis = 2 if wrong.get("along_columns") else 1

    def shape(count: int) -> tuple[int, ...]:
        return (1, 1, count, CHANNELS) if axis == 2 else (1, count, 1, CHANNELS)

    if wrong.get("columns"):
        axis = 2

        def shape(count: int) -> tuple[int, ...]:
            return (1, 2, count, CHANNELS)

    builder = Builder()
    x, past, kept = (builder.activation(shape(n), *LIKE) for n in (new, rows, rows))
    joined = builder.activation(shape(rows + new), *LIKE)
    y = builder.activation((1, int(np.prod(shape(rows + new)))), *LIKE)
    builder.op("CALL_ONCE", [], [], init_subgraph_index=1)
    handle = builder.handle("past")
    builder.op("READ_VARIABLE", [handle], past)
    parts = [x, past] if wrong.get("swapped") else [past, x]
    builder.op("CONCATENATION", parts, joined, axis=axis)
    begin = [0] * 4
    begin[axis] = new if not wrong.get("first") else 0
    where = [builder.numbers(*begin), builder.numbers(*shape(rows))]
    builder.op("SLICE", [joined, *where], kept)
    builder.op("ASSIGN_VARIABLE", [handle, kept], [])
    if wrong.get("read_again"):
        again = builder.activation(shape(rows), *LIKE)
        builder.op("READ_VARIABLE", [handle], again)
        joined, both = builder.activation(shape(2 * rows + new), *LIKE), joined
        builder.op("CONCATENATION", [both, again], joined, axis=axis)
        y = builder.activation((1, int(np.prod(shape(2 * rows + new)))), *LIKE)
    builder.op("RESHAPE", [joined], y)
    initialize(builder, past=rng.integers(-128, 128, shape(rows)).astype(np.int8))
    return builder.finish([x], [y]), shape(new)


class TestQueues:
    @pytest.mark.parametrize("seed", range(6))
    def test_rows_are_pushed(self, seed):
        optimized, plain = check(*queue(seed), seed)
        kinds = [type(op) for op in optimized.graph.ops]
        assert Push in kinds and ReadVariable not in kinds and AssignVariable not in kinds
        assert ReadVariable in [type(op) for op in plain.graph.ops]
        assert optimized.plan.size <= plain.plan.size

    def test_columns_of_a_single_row_are_rows(self):
        optimized, _ = check(*queue(1, along_columns=True))
        assert Push in [type(op) for op in optimized.graph.ops]

    @pytest.mark.parametrize("wrong", ["swapped", "first", "read_again", "columns"])
    def test_what_is_no_queue_is_copied(self, wrong):
        for seed in range(2):
            optimized, _ = check(*queue(seed, **{wrong: True}), seed)
            assert Push not in [type(op) for op in optimized.graph.ops]

    @pytest.mark.parametrize("seed", range(4))
    def test_streaming_models_with_variables(self, seed):
        """The same bytes as with states as inputs and outputs."""
        streamed = states_test.stream_of(states_test.random_window_model(seed))
        model = with_variables(streamed)
        size = compiler.compile(model).graph.inputs[0].size
        frames = states_test.random_frames(30, size, seed)
        wanted = states_test.reference(streamed, frames)
        for names in (passes.ALL, ()):
            compiled = compiler.compile(model, passes_to_run=names)
            states_test.check_places(compiled)
            shape = compiled.graph.inputs[0].shape
            got = Program(compiled, ["-O0"]).sequence([f.reshape(shape) for f in frames])
            np.testing.assert_array_equal(got.reshape(wanted.shape), wanted)


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
def test_on_boards(name, tmp_path: Path):
    """One inference after the other; nothing resets the model in between."""
    board = boards.by_name(name)
    missing = toolchain.missing_packages([board])
    if missing:
        pytest.skip(f"needs {' '.join(missing)}")
    model, shape = queue(3)
    inputs = random_inputs(shape, 20)
    built = programs.build(model, board, tmp_path)
    result = clips.run_features(built, np.concatenate(inputs), tmp_path / "run", count=False)
    wanted = tflm_oracle.run_sequence(model, inputs)
    np.testing.assert_array_equal(result.logits, wanted.reshape(len(inputs), -1))


class TestRefusals:
    def refused(self, model: bytes) -> str:
        with pytest.raises(ExportError) as caught:
            compiler.compile(model)
        return str(caught.value)

    def test_a_variable_that_nothing_assigns(self):
        builder = Builder()
        x, past, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
        builder.op("READ_VARIABLE", [builder.handle("v")], past)
        builder.op("ADD", [past, x], y)
        message = self.refused(builder.finish([x], [y]))
        assert message.startswith("the variable 'v' is read, but nothing assigns it")

    def test_a_handle_that_is_none(self):
        builder = Builder()
        x, past, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
        builder.op("READ_VARIABLE", [x], past)
        builder.op("ADD", [past, x], y)
        assert "reads a variable without VAR_HANDLE" in self.refused(builder.finish([x], [y]))

    def test_sizes_that_differ(self):
        builder = Builder()
        x, past = builder.activation((1, 6), *LIKE), builder.activation((1, 5), *LIKE)
        handle, y = builder.handle("v"), builder.activation((1, 5), *LIKE)
        builder.op("READ_VARIABLE", [handle], past)
        builder.op("ASSIGN_VARIABLE", [handle, x], [])
        builder.op("ADD", [past, past], y)
        assert "the variable 'v' for tensors of different" in self.refused(builder.finish([x], [y]))

    @pytest.mark.parametrize("index", [-1, 0, 2, 1 << 30])
    def test_a_subgraph_that_there_is_not(self, index):
        message = self.refused(total(np.zeros((1, 6), np.int8), subgraph=index))
        assert f"calls subgraph {index}" in message

    def test_a_subgraph_that_computes(self):
        builder = Builder()
        x, y = (builder.activation((1, 6), *LIKE) for _ in range(2))
        builder.op("CALL_ONCE", [], [], init_subgraph_index=1)
        builder.op("ADD", [x, x], y)
        builder.next_subgraph()
        a, b = (builder.activation((1, 6), *LIKE) for _ in range(2))
        builder.op("LOGISTIC", [a], b)
        message = self.refused(builder.finish([x], [y]))
        assert "calls a subgraph whose op 0 (LOGISTIC) has an op that is computed once" in message

    def test_constants_after_the_variable_was_read(self):
        builder = Builder()
        x, past, y = (builder.activation((1, 6), *LIKE) for _ in range(3))
        builder.op("READ_VARIABLE", [builder.handle("v")], past)
        builder.op("CALL_ONCE", [], [], init_subgraph_index=1)
        builder.op("ADD", [past, x], y)
        initialize(builder, v=np.zeros((1, 6), np.int8))
        assert "assigns 'v', which was used before; let it" in self.refused(
            builder.finish([x], [y])
        )

    def test_an_if(self):
        builder = Builder()
        x, y = (builder.activation((1, 6), *LIKE) for _ in range(2))
        builder.op("IF", [x, x], y, then_subgraph_index=1, else_subgraph_index=1)
        builder.next_subgraph()
        assert "op 0 (IF) has no kernel in plain C" in self.refused(builder.finish([x], [y]))
