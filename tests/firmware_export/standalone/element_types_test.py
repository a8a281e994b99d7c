"""Tensors of other types than int8: their places, their C types, and the ops that move them."""

import numpy as np
import pytest

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, passes
from firmware_export.standalone.graph import ir, planner
from tests.firmware_export.standalone import host, kernels_glue, tflm_oracle
from tests.firmware_export.standalone.model_builder import Builder

# (type, scale)
TYPES = [("int8", 0.1), ("int16", 0.1), ("int32", None), ("float32", None), ("bool", None)]
# Where TFLite Micro has no kernel.
_MISSING = {"PAD": ("bool",), "TRANSPOSE": ("bool", "int32")}


def random_values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "float32":
        return rng.normal(size=shape).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype)


def moves(dtype: str, scale: float | None, seed: int) -> tuple[bytes, np.ndarray]:
    """A model of all ops that move items, in a random order, and an input."""
    rng = np.random.default_rng(seed)
    builder = Builder()

    def activation(shape: tuple[int, ...]) -> int:
        return builder.activation(shape, scale, 0, dtype=dtype)

    shape = (1, *(int(size) for size in rng.integers(2, 5, 3)))
    x = first = activation(shape)
    kinds = ["RESHAPE", "SLICE", "STRIDED_SLICE", "PAD", "CONCATENATION", "TRANSPOSE"]
    for kind in rng.permutation([k for k in kinds * 2 if dtype not in _MISSING.get(k, ())]):
        whole = list(builder.shapes[x])
        options: dict[str, int] = {}
        inputs = [x]
        if kind == "RESHAPE":
            whole = [1, whole[2], whole[1], whole[3]]
            inputs.append(builder.numbers(*whole))
        elif kind == "SLICE":
            axis = int(rng.integers(1, 4))
            begin = [int(i == axis and whole[axis] > 1) for i in range(4)]
            whole = [size - b for size, b in zip(whole, begin, strict=True)]
            inputs += [builder.numbers(*begin), builder.numbers(*whole)]
        elif kind == "STRIDED_SLICE":
            steps = [1, *(int(step) for step in rng.integers(1, 3, 3))]
            inputs += [builder.numbers(*n) for n in ([0] * 4, whole, steps)]
            whole = [-(-size // step) for size, step in zip(whole, steps, strict=True)]
        elif kind == "PAD":
            before, after = rng.integers(0, 3, (2, 3))
            pads = [[0, 0], *zip(before.tolist(), after.tolist(), strict=True)]
            inputs.append(builder.numbers(*pads))
            whole = [size + sum(p) for size, p in zip(whole, pads, strict=True)]
        elif kind == "CONCATENATION":
            options["axis"] = axis = int(rng.integers(1, 4))
            whole[axis] *= 2
            inputs.append(x)
        else:
            order = [0, *(int(axis) for axis in rng.permutation([1, 2, 3]))]
            inputs.append(builder.numbers(*order))
            whole = [whole[axis] for axis in order]
        y = activation(tuple(whole))
        builder.op(kind, inputs, y, **options)
        x = y
    return builder.finish([first], [x]), random_values(rng, dtype, shape)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("dtype", "scale"), TYPES)
def test_ops_that_move_items(dtype, scale, seed):
    """Kernel by kernel; and as a program, with tensors that share memory."""
    model, values = moves(dtype, scale, seed)
    kernels_glue.check(model, values)
    if seed == 0:
        (want,) = tflm_oracle.run(model, [values])
        for names in (passes.ALL, ()):
            (got,) = host.Host(compiler.compile(model, passes_to_run=names))(values)
            np.testing.assert_array_equal(got, want)
            assert got.dtype == dtype


@pytest.mark.parametrize(("dtype", "scale"), TYPES)
def test_the_api_has_the_type(dtype, scale):
    model, _ = moves(dtype, scale, 1)
    header = compiler.compile(model).files["model.h"]
    kind = ir.Tensor("x", (1,), dtype).c_type
    assert f"\n{kind} *model_input(void);" in header
    assert f"\nconst {kind} *model_output(void);" in header
    assert ("MODEL_INPUT_SCALE" in header) == (scale is not None)
    assert ("no floating point" in header) == (dtype != "float32")


def test_memory_is_counted_in_bytes():
    x = ir.Tensor("x", (1, 3, 5), "int16")
    y = ir.Tensor("y", (1, 3, 5), "int32")
    assert (x.size, x.byte_size, x.row_bytes, y.byte_size) == (15, 30, 10, 60)
    (block,) = planner.blocks(ir.Graph([], [y], [y]), [])
    assert block.size == 60


@pytest.mark.parametrize(("dtype", "scale", "point"), [("int16", 0.1, 40_000), ("uint8", 0.1, -1)])
def test_zero_points_outside_of_a_type(dtype, scale, point):
    builder = Builder()
    x, y = (builder.activation((1, 4), scale, point, dtype=dtype) for _ in range(2))
    builder.op("RESHAPE", [x], y)
    with pytest.raises(ExportError, match=f"with zero point {point}"):
        compiler.compile(builder.finish([x], [y]))


def test_an_op_that_computes_has_no_kernel_for_another_type():
    builder = Builder()
    x, y = (builder.activation((1, 4), None, dtype="float32") for _ in range(2))
    builder.op("LOGISTIC", [x], y)
    with pytest.raises(ExportError, match=r"op 0 \(LOGISTIC\) has the tensor 't0' of type FLOAT32"):
        compiler.compile(builder.finish([x], [y]))


def test_a_padding_value_of_several_bytes():
    builder = Builder()
    x, y = (builder.activation((1, n), 0.1, dtype="int16") for n in (4, 5))
    value = builder.constant(np.array([258], np.int16), [0.1])
    builder.op("PADV2", [x, builder.numbers([0, 0], [0, 1]), value], y)
    with pytest.raises(ExportError, match="is padded with 258, whose bytes differ; pad with 0"):
        compiler.compile(tflite_model.parse(builder.finish([x], [y])))
