"""Outputs that lie over inputs: nothing is overwritten that is still to be read."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

import tflite_model
from firmware_export.standalone import compiler, slides
from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.graph.calls import Lowered
from firmware_export.standalone.ops.row_sums import RowSums
from firmware_export.standalone.ops.shared.pointwise import GROUP
from tests.firmware_export.standalone import host, tflm_oracle
from tests.firmware_export.standalone.model_builder import SAME, VALID, Builder
from tests.firmware_export.standalone.passes_test import LIKE, Model

# (tensor, first byte, end): bytes of a tensor, counted from its own start.
Span = tuple[ir.Tensor, int, int]
LARGEST = 1 << 20


@dataclasses.dataclass
class Ended(Model):
    """A model and which of its tensors are outputs."""

    outputs: list[int] = dataclasses.field(default_factory=list)


def whole(tensor: ir.Tensor) -> list[Span]:
    """All its bytes; row by row where it lies with gaps."""
    if tensor.pitch is None:
        return [(tensor, 0, tensor.size)]
    row = tensor.size // tensor.shape[1]
    return [(tensor, y * tensor.pitch, y * tensor.pitch + row) for y in range(tensor.shape[1])]


def steps(op: ir.Op, lowered: Lowered) -> Iterator[tuple[list[Span], list[Span]]]:
    """What is read and written one after the other, from what the kernels are documented to do."""
    if isinstance(op, RowSums):
        row = op.output.size // op.output.shape[1]
        for y, each in enumerate(op.rows):
            reads = [(op.inputs[i], at * row, (at + 1) * row) for i, at in each.taps]
            yield reads, [(op.output, y * row, (y + 1) * row)]
    elif [call.kernel for call in lowered.calls] == ["pointwise"] and op.inputs[
        0
    ].pitch is op.output.pitch is None:
        x, depth, channels = op.inputs[0], op.inputs[0].shape[-1], op.output.shape[-1]
        for pixel in range(0, x.size // depth, GROUP):
            last = min(pixel + GROUP, x.size // depth)
            yield (
                [(x, pixel * depth, last * depth)],
                [(op.output, pixel * channels, last * channels)],
            )
    else:
        yield [s for t in op.inputs if not t.is_constant for s in whole(t)], whole(op.output)


def simulate(compiled: compiler.Compiled) -> None:
    """Stamps each byte that is written and looks at the stamps of those that are read."""
    graph, plan = compiled.graph, compiled.plan
    memory = np.full(plan.size, -1, np.int64)
    numbers: dict[int, int] = {}

    def place(span: Span) -> tuple[slice, np.ndarray]:
        tensor, begin, end = span
        root, inner = tensor.storage()
        number = numbers.setdefault(id(root), len(numbers))
        offset = plan.offset(tensor)
        stamps = number * LARGEST + np.arange(inner + begin, inner + end)
        return slice(offset + begin, offset + end), stamps

    def write(spans: list[Span]) -> None:
        for span in spans:
            where, stamps = place(span)
            memory[where] = stamps

    def check(spans: list[Span], what: str) -> None:
        for span in spans:
            where, stamps = place(span)
            np.testing.assert_array_equal(memory[where], stamps, err_msg=what)

    for tensor in graph.inputs:
        write(whole(tensor))
    for position, (op, size) in enumerate(zip(graph.ops, compiled.scratch, strict=True)):
        start = plan.scratch_offset(position)
        memory[start : start + size] = -2
        for reads, writes in steps(op, op.lower()):
            # Within a step, outputs may be written before all inputs are read.
            write(writes)
            check(reads, op.source)
            assert not size or (memory[start : start + size] == -2).all()
    for tensor in graph.outputs:
        check(whole(tensor), "an output")


def without_slides(compiled: compiler.Compiled) -> int:
    return planner.plan(compiled.graph, compiled.scratch).size


def chain(seed: int, shape: tuple[int, ...], length: int, branches: bool = False) -> Ended:
    """Depthwise convolutions over rows and pointwise ones in turn; its outputs are `.outputs`."""
    model = Ended(shape)
    rng = model.rng = np.random.default_rng(seed)
    tensors = [model.input]
    for _ in range(length):
        x = tensors[-1]
        if branches and rng.random() < 0.3:
            x = tensors[int(rng.integers(len(tensors)))]
        height, channels = model.shape_of(x)[1], model.shape_of(x)[3]
        kind = rng.choice(["sum", "sum", "pointwise", "cut"]) if branches else None
        if kind == "cut" and height > 2:
            begin = int(rng.integers(height - 1))
            count = int(rng.integers(1, height - begin + 1))
            part = model.slice(x, (0, begin, 0, 0), (1, count, *model.shape_of(x)[2:]))
            whole = (1, count + height, *model.shape_of(x)[2:])
            if count + height < 30:
                x = model.op("CONCATENATION", [part, x], whole, axis=1)
        if kind == "sum" or (kind is None and len(tensors) % 2):
            size, stride = int(rng.integers(1, 4)), int(rng.integers(1, 3)) if branches else 1
            padding = VALID if height >= size and rng.random() < 0.3 and branches else SAME
            tensors.append(model.depthwise(x, (size, 1), (stride, 1), padding, like=LIKE))
        else:
            wanted = int(rng.choice([channels, channels, max(1, channels // 2), channels + 3]))
            y = model.conv(x, wanted if branches else channels)
            tensors.append(model.op("QUANTIZE", [y]) if branches else y)
    model.outputs = tensors[-1:] if not branches else list(dict.fromkeys([tensors[-1], x]))
    if model.input in model.outputs:
        model.outputs.remove(model.input)
    return model


def compiled_of(model: Ended, passes: tuple[str, ...] | None = None) -> compiler.Compiled:
    data = model.builder.finish([model.input], model.outputs)
    info = tflite_model.parse(data)
    made = (
        compiler.compile(info) if passes is None else compiler.compile(info, passes_to_run=passes)
    )
    simulate(made)
    x = np.random.default_rng(3).integers(-128, 128, model.shape).astype(np.int8)
    wanted = tflm_oracle.run(data, [x], model.outputs)
    for got, want in zip(host.Host(made, ["-O0"])(x), wanted, strict=True):
        np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))
    return made


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_overwrite_nothing_that_is_needed(seed):
    rng = np.random.default_rng(seed)
    shape = (1, int(rng.integers(2, 13)), int(rng.integers(1, 30)), int(rng.choice([1, 4, 8, 16])))
    model = chain(seed, shape, 9, branches=True)
    names = ("pad", "row_sums", "trim", "views", "in_place") if seed % 2 else None
    compiled_of(model, names)


@pytest.mark.parametrize("channels", [4, 16])
def test_a_chain_needs_less_memory(channels):
    shape = (1, 12, 40, channels)
    compiled = compiled_of(chain(1, shape, 6), ("row_sums", "in_place"))
    size = 12 * 40 * channels
    assert compiled.plan.size < 1.5 * size
    assert without_slides(compiled) >= 2 * size


def test_a_sum_over_rows_follows_by_the_rows_it_looks_back():
    model = Ended((1, 12, 10, 8))
    model.outputs = [model.depthwise(model.input, (3, 1), padding=VALID)]
    compiled = compiled_of(model, ("row_sums",))
    (op,) = compiled.graph.ops
    found = slides.find(compiled.graph, [op.lower()])
    assert found == {(id(op.inputs[0]), id(op.output)): 10 * 8}  # a row ahead, in one step
    assert compiled.plan.size == 12 * 80 + 80


@pytest.mark.parametrize("channels", [3, 8, 11])
def test_pixels_follow_by_a_group(channels):
    model = Ended((1, 10, 10, 8))
    model.outputs = [model.conv(model.input, channels)]
    compiled = compiled_of(model, ())
    (op,) = compiled.graph.ops
    (behind,) = slides.find(compiled.graph, [op.lower()]).values()
    grown = 100 * max(0, channels - 8)
    assert min(8, channels) * GROUP - 100 <= behind - grown <= 11 * GROUP


def test_what_is_read_again_later_is_left_alone():
    model = Ended((1, 12, 10, 8))
    y = model.depthwise(model.input, (3, 1))
    model.outputs = [y, model.depthwise(model.input, (2, 1))]
    compiled = compiled_of(model, ("row_sums",))
    first, second = compiled.graph.ops
    found = slides.find(compiled.graph, [first.lower(), second.lower()])
    assert (id(model_input := compiled.graph.inputs[0]), id(first.output)) not in found
    assert (id(model_input), id(second.output)) in found


def test_outputs_of_the_model_are_left_alone():
    model = Ended((1, 12, 10, 8))
    y = model.depthwise(model.input, (3, 1))
    model.outputs = [y, model.depthwise(y, (3, 1))]
    compiled = compiled_of(model, ("row_sums",))
    first, second = compiled.graph.ops
    found = slides.find(compiled.graph, [first.lower(), second.lower()])
    assert set(found) == {(id(first.inputs[0]), id(first.output))}


def test_rows_in_another_order_need_more_room():
    """The last rows of the input are read for the first of the output."""
    model = Ended((1, 8, 10, 4))
    lower_half = model.slice(model.input, (0, 4, 0, 0), (1, 4, 10, 4))
    upper_half = model.slice(model.input, (0, 0, 0, 0), (1, 4, 10, 4))
    x = model.op("CONCATENATION", [lower_half, upper_half], (1, 8, 10, 4), axis=1)
    model.outputs = [model.depthwise(x, (1, 1))]
    compiled = compiled_of(model, ("row_sums",))
    (op,) = compiled.graph.ops
    (behind,) = slides.find(compiled.graph, [op.lower()]).values()
    assert behind == 5 * 40  # row 0 is read for the fifth row of the output, and so on


def test_an_input_that_is_overwritten_in_place_is_there_from_the_start():
    """Found by a random network: a view of the input was taken for memory that an op makes new.

    The padded image dies where the sum is written, in the place of the input: it must not lie
    over the input, which the sum still reads.
    """
    builder = Builder()
    x = builder.activation((1, 4, 5, 2), *LIKE)
    view, padded = builder.activation((2, 4, 5), *LIKE), builder.activation((3, 6, 7, 2), *LIKE)
    item, y = builder.activation((1, 1, 1), *LIKE), builder.activation((2, 4, 5), 0.3, -42)
    builder.op("RESHAPE", [x, builder.numbers(2, 4, 5)], view)
    amounts = builder.numbers([0, 2], [1, 1], [2, 0], [0, 0])
    builder.op("PAD", [x, amounts], padded)
    places = [builder.numbers(*at) for at in ((0, 3, 3, 1), (1, 4, 4, 2), (1, 1, 1, 1))]
    builder.op("STRIDED_SLICE", [padded, *places], item, shrink_axis_mask=2)
    builder.op("ADD", [item, view], y)
    model = builder.finish([x], [y])
    rng = np.random.default_rng(0)
    given = rng.integers(-128, 128, (1, 4, 5, 2)).astype(np.int8)
    (expected,) = tflm_oracle.run(model, [given])
    (result,) = host.Host(compiler.compile(model))(given)
    np.testing.assert_array_equal(result, expected)
