"""Each pass: the same bytes with it and without it, and what it promises to save."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, passes
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.rows import Rows
from tests.firmware_export.standalone import host, tflm_oracle
from tests.firmware_export.standalone.model_builder import NONE, RELU, SAME, VALID, Builder

LIKE = (0.05, 3)


@dataclasses.dataclass
class Model:
    """Builds a graph with little to write: every op has a default way of being called."""

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(5)
        self.builder = Builder()
        self.input = self.builder.activation(self.shape, *LIKE)

    def shape_of(self, tensor: int) -> tuple[int, ...]:
        return self.builder.shapes[tensor]

    def conv(self, x, channels, kernel=(1, 1), stride=(1, 1), padding=SAME, weights=None):
        _, height, width, depth = self.shape_of(x)
        if weights is None:
            weights = self.rng.integers(-127, 128, (channels, *kernel, depth)).astype(np.int8)
        kernel = weights.shape[1:3]
        sizes = [
            -(-(size if padding == SAME else size - k + 1) // step)
            for size, k, step in zip((height, width), kernel, stride, strict=True)
        ]
        return self.weighted("CONV_2D", x, weights, 0, (1, *sizes, channels), stride, padding)

    def depthwise(self, x, kernel=(3, 1), stride=(1, 1), padding=SAME, weights=None, like=None):
        _, height, width, depth = self.shape_of(x)
        if weights is None:
            weights = self.rng.integers(-127, 128, (1, *kernel, depth)).astype(np.int8)
        kernel = weights.shape[1:3]
        sizes = [
            -(-(size if padding == SAME else size - k + 1) // step)
            for size, k, step in zip((height, width), kernel, stride, strict=True)
        ]
        shape = (1, *sizes, depth)
        return self.weighted("DEPTHWISE_CONV_2D", x, weights, 3, shape, stride, padding, like)

    def weighted(self, name, x, weights, axis, shape, stride, padding, like=None):
        channels = weights.shape[axis]
        w = self.builder.constant(weights, [0.004 + 0.001 * i for i in range(channels)], axis=axis)
        bias = self.builder.constant(self.rng.integers(-900, 900, channels).astype(np.int32))
        y = self.builder.activation(shape, *(like or (0.07, -5)))
        options = {"depth_multiplier": 1} if name == "DEPTHWISE_CONV_2D" else {}
        self.builder.op(
            name,
            [x, w, bias],
            y,
            padding=padding,
            stride_h=stride[0],
            stride_w=stride[1],
            **options,
        )
        return y

    def op(self, name, inputs, shape=None, like=LIKE, **options):
        y = self.builder.activation(shape or self.shape_of(inputs[0]), *like)
        self.builder.op(name, inputs, y, **options)
        return y

    def swish(self, x):
        gate = self.op("LOGISTIC", [x], like=(1 / 256, -128))
        return self.op("MUL", [x, gate], like=(0.04, -120), fused_activation_function=NONE)

    def pad(self, x, *pairs):
        shape = tuple(n + a + b for n, (a, b) in zip(self.shape_of(x), pairs, strict=True))
        return self.op("PAD", [x, self.builder.numbers(*map(list, pairs))], shape, like=LIKE)

    def slice(self, x, begin, sizes, like=LIKE):
        where = [self.builder.numbers(*begin), self.builder.numbers(*sizes)]
        return self.op("SLICE", [x, *where], tuple(sizes), like)

    def reshape(self, x, *shape, like=LIKE):
        return self.op("RESHAPE", [x, self.builder.numbers(*shape)], shape, like)


@dataclasses.dataclass
class Compared:
    """A model compiled with a pass and without it."""

    on: compiler.Compiled
    off: compiler.Compiled

    def op(self, position: int) -> Any:
        """An op of the graph with the pass."""
        return self.on.graph.ops[position]

    def kinds(self) -> list[str]:
        return [type(op).__name__ for op in self.on.graph.ops]


def compare(name: str, model: Model, *outputs: int, others: tuple[str, ...] = ()) -> Compared:
    """Checks the bytes of both against TFLite Micro.

    Args:
      name: of the pass.
      model: the graph.
      outputs: of the graph.
      others: passes that run in both cases.
    """
    data = model.builder.finish([model.input], outputs)
    info = tflite_model.parse(data)
    on = compiler.compile(info, passes_to_run=(*others, name))
    off = compiler.compile(info, passes_to_run=others)
    everything = compiler.compile(info)
    running = [host.Host(compiled, ["-O0"]) for compiled in (on, off, everything)]
    for seed in range(3):
        x = np.random.default_rng(seed).integers(-128, 128, model.shape).astype(np.int8)
        wanted = tflm_oracle.run(data, [x], outputs)
        for program in running:
            for got, want in zip(program(x), wanted, strict=True):
                np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))
    return Compared(on, off)


class TestSelect:
    def test_names(self):
        assert passes.select([]) == passes.ALL
        assert passes.select(["rows", "tables"]) == ("tables", "rows")
        assert passes.select(["-rows"]) == tuple(n for n in passes.ALL if n != "rows")

    @pytest.mark.parametrize(
        ("choice", "what"), [(["fast"], "no pass 'fast'"), (["rows", "-tables"], "does both")]
    )
    def test_no_names(self, choice, what):
        with pytest.raises(ExportError, match=what):
            passes.select(choice)


class TestTables:
    def test_swish_goes_into_the_convolution(self):
        model = Model((1, 4, 5, 3))
        compared = compare("tables", model, model.swish(model.conv(model.input, 6)))
        assert compared.kinds() == ["Conv2D"]
        assert len(compared.off.graph.ops) == 3

    def test_a_chain_is_one_table(self):
        model = Model((1, 40))
        x = model.op("TANH", [model.input], like=(1 / 128, 0))
        x = model.op("QUANTIZE", [x], like=(0.01, 7))
        x = model.op("LEAKY_RELU", [x], like=(0.02, -7), alpha=0.3)
        assert compare("tables", model, x).kinds() == ["Table"]

    def test_a_constant_of_one_value(self):
        model = Model((1, 40))
        half = model.builder.constant(np.full((1, 40), 11, np.int8), [0.02], [-3])
        x = model.op("SUB", [half, model.input], fused_activation_function=RELU)
        assert compare("tables", model, x).kinds() == ["Table"]

    def test_relu_narrows_the_bounds_of_an_addition(self):
        model = Model((1, 40))
        x = model.op("TANH", [model.input], like=(1 / 128, 0))
        x = model.op("ADD", [model.input, model.op("SOFTMAX", [x], like=(1 / 256, -128), beta=1.0)])
        compared = compare("tables", model, model.op("RELU", [x]))
        assert compared.kinds()[-1] == "Add"
        assert compared.op(-1).low == LIKE[1]

    def test_a_table_behind_a_reshape(self):
        model = Model((1, 4, 5, 3))
        x = model.reshape(model.conv(model.input, 6), 1, 4, 1, 30, like=(0.07, -5))
        compared = compare("tables", model, model.swish(x))
        assert compared.kinds() == ["Conv2D", "Reshape"]

    def test_what_others_read_stays(self):
        model = Model((1, 4, 5, 3))
        x = model.conv(model.input, 6)
        compared = compare("tables", model, model.swish(x), x)
        assert compared.kinds() == ["Conv2D", "Table"]

    def test_sums_of_different_tensors_stay(self):
        model = Model((1, 4, 5, 3))
        a, b = model.conv(model.input, 6), model.conv(model.input, 6)
        compared = compare("tables", model, model.op("ADD", [a, b]))
        assert compared.kinds()[-1] == "Add"


class TestBroadcast:
    def repeated(self, model: Model, shape) -> int:
        row = model.op(
            "MEAN", [model.input, model.builder.numbers(1)], (1, 1, 6, 4), keep_dims=True
        )
        size = model.builder.numbers(*shape[1:3])
        return model.op("RESIZE_NEAREST_NEIGHBOR", [row, size], shape)

    def test_an_addition_repeats_by_itself(self):
        model = Model((1, 5, 6, 4))
        x = model.op("ADD", [model.input, self.repeated(model, (1, 5, 6, 4))])
        compared = compare("broadcast", model, x)
        assert compared.kinds() == ["Mean", "Add"]
        assert compared.on.plan.size < compared.off.plan.size

    def test_other_readers_keep_it(self):
        model = Model((1, 5, 6, 4))
        big = self.repeated(model, (1, 5, 6, 4))
        x = model.op("ADD", [model.input, big])
        assert compare("broadcast", model, x, big).kinds() == ["Mean", "Take", "Add"]

    def test_columns_that_move_are_no_repetition(self):
        model = Model((1, 5, 6, 4))
        twice = self.repeated(model, (1, 5, 12, 4))
        part = model.slice(twice, (0, 0, 3, 0), (1, 5, 6, 4))
        x = model.op("ADD", [model.input, part])
        assert "Take" in compare("broadcast", model, x).kinds()


class TestPad:
    def test_into_a_convolution(self):
        model = Model((1, 5, 6, 4))
        x = model.pad(model.input, (0, 0), (2, 1), (1, 3), (0, 0))
        compared = compare("pad", model, model.conv(x, 3, (3, 3), padding=VALID))
        assert compared.kinds() == ["Conv2D"]
        assert compared.op(0).padding == (2, 1)
        assert compared.on.plan.size < compared.off.plan.size

    def test_on_top_of_padding(self):
        model = Model((1, 5, 6, 4))
        x = model.pad(model.input, (0, 0), (1, 0), (0, 2), (0, 0))
        compared = compare("pad", model, model.depthwise(x, (3, 3), (2, 1)))
        assert compared.kinds() == ["Depthwise"]

    def test_into_a_maximum_of_what_is_no_less(self):
        model = Model((1, 5, 6, 4))
        low = model.builder.constant(np.array([-128], np.int8), [LIKE[0]], [LIKE[1]])
        pads = model.builder.numbers([0, 0], [1, 1], [1, 0], [0, 0])
        x = model.op("PADV2", [model.input, pads, low], (1, 7, 7, 4))
        options = {"stride_h": 1, "stride_w": 1, "filter_height": 2, "filter_width": 2}
        x = model.op("MAX_POOL_2D", [x], (1, 6, 6, 4), padding=VALID, **options)
        assert compare("pad", model, x).kinds() == ["Pool"]

    def test_what_would_not_be_the_same_stays(self):
        model = Model((1, 5, 6, 4))
        x = model.pad(model.input, (0, 0), (1, 1), (0, 0), (0, 0))
        options = {"stride_h": 1, "stride_w": 1, "filter_height": 3, "filter_width": 1}
        pooled = model.op("AVERAGE_POOL_2D", [x], (1, 5, 6, 4), padding=VALID, **options)
        assert compare("pad", model, pooled).kinds() == ["Pad", "Pool"]
        model = Model((1, 5, 6, 4))
        x = model.pad(model.input, (0, 0), (1, 1), (0, 0), (0, 1))
        assert compare("pad", model, model.conv(x, 3, (3, 1))).kinds() == ["Pad", "Conv2D"]


class TestTrim:
    def kernel(self, channels, height, width, depth, rows, columns):
        weights = np.zeros((channels, height, width, depth), np.int8)
        filled = np.random.default_rng(0).integers(1, 100, weights.shape).astype(np.int8)
        weights[:, rows, columns] = filled[:, rows, columns]
        return weights

    def test_zeros_all_around(self):
        model = Model((1, 8, 9, 2))
        weights = self.kernel(3, 5, 5, 2, slice(1, 3), slice(2, 3))
        compared = compare("trim", model, model.conv(model.input, 3, weights=weights))
        op = compared.op(0)
        assert op.inputs[1].shape == (3, 2, 1, 2)
        assert op.padding == (1, 0)

    def test_a_kernel_that_leaves_the_border_reads_a_slice(self):
        model = Model((1, 8, 9, 2))
        weights = self.kernel(1, 5, 4, 2, slice(3, 5), slice(2, 4))
        x = model.depthwise(model.input, weights=weights, padding=VALID)
        compared = compare("trim", model, x)
        assert compared.kinds() == ["Slice", "Depthwise"]  # The slice is a view after `views`.
        assert compared.op(0).begin == (0, 3, 2, 0)
        assert compared.op(1).inputs[1].shape == (1, 2, 2, 2)

    def test_windows_that_lie_outside_still_have_an_input(self):
        """The one row of weights that is not zero reads the padding below the one row there is."""
        model = Model((1, 1, 9, 2))
        weights = self.kernel(3, 3, 1, 2, slice(2, 3), slice(0, 1))
        compared = compare("trim", model, model.conv(model.input, 3, weights=weights))
        assert compared.op(0).inputs[0].shape == (1, 1, 9, 2)
        assert compared.op(0).inputs[1].shape == (3, 2, 1, 2)

    def test_a_kernel_of_zeros(self):
        model = Model((1, 8, 9, 2))
        weights = np.zeros((3, 3, 3, 2), np.int8)
        compared = compare("trim", model, model.conv(model.input, 3, weights=weights))
        assert compared.op(-1).inputs[1].shape == (3, 1, 1, 2)


def rows_of(model: Model, count: int, axis: int) -> list[int]:
    """Depthwise convolutions that give a row or column of the input each."""
    height, width = model.shape[1:3]
    kernel = (height, 1) if axis == 1 else (1, width)
    return [model.depthwise(model.input, kernel, padding=VALID) for _ in range(count)]


class TestViews:
    @pytest.mark.parametrize("axis", [1, 2])
    def test_joined_rows_are_written_in_place(self, axis):
        model = Model((1, 5, 6, 4))
        parts = rows_of(model, 3, axis)
        shape = (1, 3, 6, 4) if axis == 1 else (1, 5, 3, 4)
        x = model.op("CONCATENATION", parts, shape, like=(0.07, -5), axis=axis)
        compared = compare("views", model, model.op("TANH", [x], like=(1 / 128, 0)))
        assert compared.kinds() == ["Depthwise"] * 3 + ["Table"]
        assert compared.on.plan.size < compared.off.plan.size

    def test_the_same_tensor_twice_is_copied(self):
        model = Model((1, 5, 6, 4))
        (part,) = rows_of(model, 1, 1)
        x = model.op("CONCATENATION", [part, part], (1, 2, 6, 4), like=(0.07, -5), axis=1)
        assert compare("views", model, x).kinds() == ["Depthwise", "Concat"]

    def test_one_part_of_two_wholes(self):
        model = Model((1, 5, 6, 4))
        a, b = rows_of(model, 2, 1)
        like = (0.07, -5)
        x = model.op("CONCATENATION", [a, b], (1, 2, 6, 4), like=like, axis=1)
        y = model.op("CONCATENATION", [b, a], (1, 2, 6, 4), like=like, axis=1)
        assert compare("views", model, x, y).kinds() == ["Depthwise", "Depthwise", "Concat"]

    def test_reshapes_and_slices_of_slices_cost_nothing(self):
        model = Model((1, 6, 5, 4))
        x = model.slice(model.input, (0, 1, 0, 0), (1, 4, 5, 4))
        x = model.reshape(x, 4, 20)
        x = model.slice(x, (2, 0), (2, 20))
        x = model.reshape(x, 1, 40)
        compared = compare("views", model, model.op("TANH", [x], like=(1 / 128, 0)))
        assert compared.kinds() == ["Table"]

    def test_columns_for_a_convolution(self):
        model = Model((1, 6, 5, 4))
        x = model.slice(model.input, (0, 1, 2, 0), (1, 4, 3, 4))
        compared = compare("views", model, model.conv(x, 3, (2, 2)))
        assert compared.kinds() == ["Conv2D"]

    def test_columns_for_others_are_copied(self):
        model = Model((1, 6, 5, 4))
        x = model.slice(model.input, (0, 1, 2, 0), (1, 4, 3, 4))
        both = model.op("TANH", [x], like=(1 / 128, 0)), model.conv(x, 3)
        assert compare("views", model, *both).kinds() == ["Slice", "Table", "Conv2D"]

    def test_transposing_axes_of_one(self):
        model = Model((1, 6, 1, 4))
        order = model.builder.numbers(0, 2, 1, 3)
        x = model.op("TRANSPOSE", [model.input, order], (1, 1, 6, 4))
        assert compare("views", model, model.conv(x, 3)).kinds() == ["Conv2D"]

    def test_transposing_is_copied(self):
        model = Model((1, 6, 3, 4))
        order = model.builder.numbers(0, 2, 1, 3)
        x = model.op("TRANSPOSE", [model.input, order], (1, 3, 6, 4))
        assert compare("views", model, model.conv(x, 3)).kinds() == ["Transpose", "Conv2D"]

    def test_the_output_is_a_view_of_the_input(self):
        model = Model((1, 6, 3, 4))
        compared = compare("views", model, model.reshape(model.input, 1, 72))
        assert compared.kinds() == []


class TestInPlace:
    def test_values_are_written_over(self):
        model = Model((1, 8, 8, 4))
        x = model.op("TANH", [model.input], like=(1 / 128, 0))
        x = model.op("ADD", [x, model.builder.constant(np.arange(4, dtype=np.int8), [0.1])])
        compared = compare("in_place", model, x)
        assert compared.on.plan.size == 256
        assert compared.off.plan.size == 512

    def test_what_is_read_later_is_not(self):
        model = Model((1, 8, 8, 4))
        x = model.op("TANH", [model.input], like=(1 / 128, 0))
        y = model.op("MUL", [x, model.input])
        assert compare("in_place", model, y, x).on.plan.size == 512

    def test_views_that_are_read_later(self):
        model = Model((1, 8, 8, 4))
        part = model.slice(model.input, (0, 2, 0, 0), (1, 6, 8, 4))
        x = model.op("TANH", [model.input], like=(1 / 128, 0))
        again = model.slice(x, (0, 0, 0, 0), (1, 6, 8, 4), like=(1 / 128, 0))
        y = model.op("ADD", [part, again])
        compared = compare("in_place", model, y, others=("views",))
        assert compared.on.plan.size == 512

    def test_the_same_tensor_twice(self):
        model = Model((1, 8, 8, 4))
        x = model.op("MUL", [model.input, model.input], like=(0.1, -100))
        assert compare("in_place", model, x).on.plan.size == 256


class TestRows:
    def test_many_channels_are_never_there(self):
        model = Model((1, 40, 20, 2))
        x = model.conv(model.conv(model.input, 32, (5, 5), (2, 1)), 2)
        compared = compare("rows", model, x)
        (op,) = compared.on.graph.ops
        assert isinstance(op, Rows)
        assert compared.on.plan.size < compared.off.plan.size / 3

    @pytest.mark.parametrize(
        ("kernel", "stride"), [((3, 1), (1, 1)), ((4, 3), (2, 2)), ((1, 3), (3, 1))]
    )
    @pytest.mark.parametrize("padding", [SAME, VALID])
    def test_a_window_of_rows(self, kernel, stride, padding):
        model = Model((1, 22, 7, 3))
        x = model.depthwise(model.conv(model.input, 24), kernel, stride, padding)
        x = model.conv(x, 2)
        compared = compare("rows", model, x)
        assert any(isinstance(op, Rows) for op in compared.on.graph.ops)
        assert compared.on.plan.size < compared.off.plan.size

    def test_values_between(self):
        model = Model((1, 11, 7, 8))
        x = model.swish(model.conv(model.input, 32))
        x = model.op("ADD", [x, model.builder.constant(np.arange(32, dtype=np.int8), [0.1])])
        compared = compare("rows", model, model.conv(x, 4), others=("tables",))
        assert compared.kinds() == ["Rows"]

    def test_a_row_for_all_rows(self):
        model = Model((1, 11, 7, 8))
        row = model.op(
            "MEAN", [model.input, model.builder.numbers(1)], (1, 1, 7, 8), keep_dims=True
        )
        wide = model.op("ADD", [model.conv(model.input, 32), model.conv(row, 32)])
        compared = compare("rows", model, model.conv(wide, 4))
        assert compared.on.plan.size < compared.off.plan.size

    @pytest.mark.parametrize("stride", [1, 2])
    def test_the_output_follows_the_input(self, stride):
        model = Model((1, 20, 7, 16))
        x = model.conv(model.conv(model.input, 64, (3, 3), (stride, 1)), 16)
        compared = compare("rows", model, x, others=("in_place",))
        (op,) = compared.on.graph.ops
        assert isinstance(op, Rows)
        whole = 20 * 7 * 16
        assert compared.on.plan.size < 3 * whole
        assert compared.off.plan.size >= 4 * whole / stride

    @pytest.mark.parametrize("stride", [1, 2])
    def test_an_image_that_is_processed_in_place_needs_no_chain(self, stride):
        model = Model((1, 20, 7, 16))
        x = model.conv(model.depthwise(model.input, (3, 3), (stride, 1)), 16)
        compared = compare("rows", model, x, others=("in_place",))
        assert not any(isinstance(op, Rows) for op in compared.on.graph.ops)
        assert compared.on.plan.size < 1.2 * 20 * 7 * 16

    def test_what_others_read_is_kept(self):
        model = Model((1, 9, 7, 2))
        wide = model.conv(model.input, 32)
        compared = compare("rows", model, model.conv(wide, 2), wide)
        assert not any(isinstance(op, Rows) for op in compared.on.graph.ops)


@pytest.mark.parametrize("rewrite", passes.PASSES.values(), ids=passes.PASSES)
def test_an_empty_graph_stays_one(rewrite: Callable[[ir.Graph], ir.Graph]):
    x = ir.Tensor("x", (1, 4), scales=(0.1,), zero_points=(0,))
    made = rewrite(ir.Graph([], [x], [x]))
    assert made.ops == []
    assert made.outputs == [x]
