"""Depthwise convolutions over rows that read rows where they lie: the same bytes, less copying."""

import numpy as np
import pytest

import tflite_model
from firmware_export.standalone import compiler
from firmware_export.standalone.ops.row_sums import RowSums
from tests.firmware_export.standalone import host, tflm_oracle
from tests.firmware_export.standalone.model_builder import SAME, VALID
from tests.firmware_export.standalone.passes_test import LIKE, Compared, Model, compare

WIDTH, CHANNELS = 5, 4


def rows(model: Model, count: int) -> tuple[int, ...]:
    return (1, count, *model.shape[2:])


def cut(model: Model, x: int, begin: int, count: int) -> int:
    return model.slice(x, (0, begin, 0, 0), rows(model, count))


def join(model: Model, *parts: int) -> int:
    count = sum(model.shape_of(part)[1] for part in parts)
    return model.op("CONCATENATION", list(parts), rows(model, count), axis=1)


def zeros(model: Model, count: int, value: int = LIKE[1]) -> int:
    values = np.full(rows(model, count), value, np.int8)
    return model.builder.constant(values, [LIKE[0]], [LIKE[1]])


def kernel(model: Model, height: int, empty: tuple[int, ...] = ()) -> np.ndarray:
    weights = model.rng.integers(1, 128, (1, height, 1, model.shape[3])).astype(np.int8)
    weights[:, list(empty)] = 0
    return weights


def sums(compared: Compared) -> RowSums:
    (op,) = (op for op in compared.on.graph.ops if isinstance(op, RowSums))
    return op


def taps(compared: Compared) -> list[list[int]]:
    """Rows of the only input that each row of the output reads."""
    op = sums(compared)
    assert len(op.inputs) == 1
    return [[at for _, at in row.taps] for row in op.rows]


@pytest.fixture
def model() -> Model:
    return Model((1, 9, WIDTH, CHANNELS))


class TestWhatIsRead:
    def test_a_slice(self, model):
        y = model.depthwise(cut(model, model.input, 2, 5), (3, 1), padding=VALID)
        compared = compare("row_sums", model, y)
        assert compared.kinds() == ["RowSums"]
        assert taps(compared) == [[2, 3, 4], [3, 4, 5], [4, 5, 6]]

    def test_a_slice_of_a_slice(self, model):
        x = cut(model, cut(model, model.input, 2, 6), 1, 4)
        compared = compare("row_sums", model, model.depthwise(x, (3, 1), (2, 1), VALID))
        assert taps(compared) == [[3, 4, 5]]

    def test_joined_tensors(self, model):
        below = model.op("RELU", [model.input])
        x = join(model, cut(model, model.input, 7, 2), cut(model, below, 0, 2))
        compared = compare("row_sums", model, model.depthwise(x, (4, 1), padding=VALID))
        op = sums(compared)
        assert "Concat" not in compared.kinds() and "Slice" not in compared.kinds()
        assert [row.taps for row in op.rows] == [((0, 7), (0, 8), (1, 0), (1, 1))]

    def test_the_same_row_many_times(self, model):
        row = cut(model, model.input, 4, 1)
        x = join(model, model.input, row, row, row)
        compared = compare("row_sums", model, model.depthwise(x, (10, 1), padding=VALID))
        assert [each[-1] for each in taps(compared)] == [4, 4, 4]

    def test_padding_is_not_read(self, model):
        compared = compare("row_sums", model, model.depthwise(model.input, (3, 1)))
        assert taps(compared)[0] == [0, 1] and taps(compared)[-1] == [7, 8]
        assert taps(compared)[1] == [0, 1, 2]

    def test_rows_of_zero_points_are_not_read(self, model):
        x = join(model, zeros(model, 2), model.input, zeros(model, 1))
        compared = compare("row_sums", model, model.depthwise(x, (4, 1), padding=VALID))
        assert taps(compared)[0] == [0, 1] and taps(compared)[-1] == [6, 7, 8]
        assert len(taps(compared)) == 9

    def test_rows_without_weight_are_not_read(self, model):
        weights = kernel(model, 5, empty=(0, 2))
        compared = compare(
            "row_sums", model, model.depthwise(model.input, weights=weights, padding=VALID)
        )
        assert taps(compared)[0] == [1, 3, 4]

    def test_where_only_the_bias_is_left(self, model):
        x = join(model, zeros(model, 4), model.input)
        weights = kernel(model, 3, empty=(2,))
        compared = compare("row_sums", model, model.depthwise(x, weights=weights, padding=VALID))
        op = sums(compared)
        assert all(row.taps for row in op.rows)
        assert not op.rows[0].weights.any() and op.rows[-1].weights.any()

    def test_a_kernel_of_zeros(self, model):
        weights = kernel(model, 3, empty=(0, 1, 2))
        compared = compare("row_sums", model, model.depthwise(model.input, weights=weights))
        assert not any(row.weights.any() for row in sums(compared).rows)


class TestWhatStays:
    def test_constants_of_other_values(self, model):
        x = join(model, zeros(model, 2, LIKE[1] + 1), model.input)
        compared = compare("row_sums", model, model.depthwise(x, (3, 1), padding=VALID))
        assert compared.kinds() == ["Concat", "RowSums"]

    def test_what_others_read(self, model):
        x = cut(model, model.input, 2, 5)
        y = model.depthwise(x, (3, 1), padding=VALID)
        compared = compare("row_sums", model, y, model.op("TANH", [x], like=(1 / 128, 0)))
        assert sorted(compared.kinds()) == ["RowSums", "Slice", "Table"]

    def test_an_output_of_the_model(self, model):
        x = cut(model, model.input, 2, 5)
        compared = compare("row_sums", model, model.depthwise(x, (3, 1), padding=VALID), x)
        assert compared.kinds() == ["Slice", "RowSums"]

    def test_columns_that_are_cut(self, model):
        x = model.slice(model.input, (0, 0, 1, 0), (1, 9, 3, CHANNELS))
        compared = compare("row_sums", model, model.depthwise(x, (3, 1), padding=VALID))
        assert compared.kinds() == ["Slice", "RowSums"]

    @pytest.mark.parametrize("shape", [(3, 3), (1, 3)])
    def test_kernels_over_columns(self, model, shape):
        compared = compare("row_sums", model, model.depthwise(model.input, shape))
        assert compared.kinds() == ["Depthwise"]

    def test_strides_over_columns(self, model):
        y = model.depthwise(model.input, (3, 1), (1, 2))
        assert compare("row_sums", model, y).kinds() == ["Depthwise"]


def random_model(seed: int) -> tuple[bytes, tuple[int, ...]]:
    """Slices, concatenations with rows of zero points, and depthwise convolutions over rows."""
    rng = np.random.default_rng(seed)
    shape = (
        1,
        int(rng.integers(4, 10)),
        int(rng.integers(1, 8)),
        int(rng.choice([1, 3, 4, 8, 17])),
    )
    model = Model(shape)
    model.rng = rng
    tensors = [model.input]
    made = []
    for _ in range(12):
        x = tensors[-1 - min(int(rng.geometric(0.5)) - 1, len(tensors) - 1)]
        height = model.shape_of(x)[1]
        kind = rng.choice(["slice", "concat", "sum", "sum", "conv"])
        if kind == "slice":
            begin = int(rng.integers(height))
            tensors.append(cut(model, x, begin, int(rng.integers(1, height - begin + 1))))
        elif kind == "concat":
            parts = [x, tensors[int(rng.integers(len(tensors)))], zeros(model, 1)]
            parts = [parts[i] for i in rng.permutation(3)[: int(rng.integers(2, 4))]]
            if sum(model.shape_of(part)[1] for part in parts) > 24:
                continue
            tensors.append(join(model, *parts))
        elif kind == "conv":
            tensors.append(model.op("RELU", [x]))
        else:
            size = int(rng.integers(1, height + 1))
            empty = tuple(np.flatnonzero(rng.random(size) < 0.3))
            padding, stride = rng.choice([SAME, VALID]), (int(rng.integers(1, 3)), 1)
            weights = kernel(model, size, empty)
            made.append(model.depthwise(x, (), stride, int(padding), weights, LIKE))
            tensors.append(made[-1])
    if not made:
        made.append(model.depthwise(tensors[-1], weights=kernel(model, 1), like=LIKE))
    return model.builder.finish([model.input], made[-3:]), shape


@pytest.mark.parametrize("seed", range(16))
def test_random_graphs(seed):
    data, shape = random_model(seed)
    info = tflite_model.parse(data)
    outputs = [tensor.index for tensor in info.outputs]
    on = compiler.compile(info)
    names = [name for name in on.passes if name != "row_sums"]
    choices = [on.passes, names, ["row_sums"]]
    compiled = [compiler.compile(info, passes_to_run=choice) for choice in choices]
    assert any(isinstance(op, RowSums) for op in compiled[-1].graph.ops)
    programs = [host.Host(each, ["-O0"]) for each in compiled]
    for _ in range(2):
        x = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
        wanted = tflm_oracle.run(data, [x], outputs)
        for program in programs:
            for got, want in zip(program(x), wanted, strict=True):
                np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))
