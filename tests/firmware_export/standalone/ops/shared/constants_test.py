"""Ops whose results are known at export vanish; what they give is what TFLite gives."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.oracle import micro
from firmware_export.standalone import compiler, reader
from firmware_export.standalone.ops.add import Add
from firmware_export.standalone.ops.shared import constants
from tests.firmware_export.standalone import host, kernels_glue, tflm_oracle
from tests.firmware_export.standalone.model_builder import NONE, RELU, Builder


class Case:
    """A model of one op on constants, and of a RESHAPE, so that there is an activation."""

    def __init__(self, name: str, inputs: Sequence[Any], output: Any, **options: Any) -> None:
        """Inputs are arrays, or (array, scale, zero point); the output (shape, type, ...)."""
        builder = Builder()
        x, y = builder.activation((1, 4), 0.1), builder.activation((4,), 0.1)
        builder.op("RESHAPE", [x, builder.numbers(4)], y)
        given = [v if isinstance(v, tuple) else (v,) for v in inputs]
        made = [builder.constant(v, *([q] for q in quantization)) for v, *quantization in given]
        shape, dtype, *quantization = output
        scale, zero_point = quantization or (None, 0)
        self.result = builder.activation(shape, scale, zero_point, dtype=dtype)
        builder.op(name, made, self.result, **options)
        self.model = builder.finish([x], [y, self.result])

    def evaluated(self) -> np.ndarray | None:
        info = tflite_model.parse(self.model)
        found = constants.evaluate(info.ops[1], info.tensors)
        return None if found is None else found[0]

    def litert(self) -> np.ndarray:
        interpreter = Interpreter(
            model_content=self.model,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, np.zeros((1, 4), np.int8))
        interpreter.invoke()
        return np.array(interpreter.get_tensor(self.result))

    def micro(self) -> np.ndarray:
        values: np.ndarray = tflm_oracle.run(self.model, [np.zeros((1, 4), "i1")], [self.result])[0]
        return values


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


_A, _B = ints(7, -7, 7, -7, 0, 2**31 - 1), ints(2, 2, -2, -2, 5, 1)
_CUBE = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
_FLOATS = np.array([0.1, -2.5, 1e9, 3.0], np.float32)

CASES = {
    "shape": Case("SHAPE", [_CUBE], ((3,), "int32"), out_type=2),
    "pack": Case("PACK", [ints(5), ints(6)], ((2, 1), "int32"), values_count=2, axis=0),
    "pack along another axis": Case("PACK", [_A, _B], ((6, 2), "int32"), values_count=2, axis=-1),
    "reshape": Case("RESHAPE", [_CUBE, ints(4, -1)], ((4, 6), "int32")),
    "concatenation": Case("CONCATENATION", [_A, _B], ((12,), "int32"), axis=0),
    "slice": Case("SLICE", [_CUBE, ints(0, 1, 2), ints(2, 2, -1)], ((2, 2, 2), "int32")),
    "strided slice": Case(
        "STRIDED_SLICE",
        [_CUBE, ints(0, 2, -1), ints(9, 0, -5), ints(1, -1, -2)],
        ((2, 2, 2), "int32"),
    ),
    "strided slice with masks": Case(
        "STRIDED_SLICE",
        [_CUBE, ints(9, 1, 1), ints(-9, 9, 9), ints(1, 1, 2)],
        ((2, 2), "int32"),
        begin_mask=1,
        end_mask=1,
        shrink_axis_mask=2,
    ),
    "gather": Case("GATHER", [_CUBE, ints([2, 0], [1, 1])], ((2, 2, 2, 4), "int32"), axis=1),
    "gather of a float": Case("GATHER", [_FLOATS, ints(3)], ((1,), "float32"), axis=0),
    "transpose": Case("TRANSPOSE", [_CUBE, ints(2, 0, 1)], ((4, 2, 3), "int32")),
    "pad": Case("PAD", [ints([1, 2]), ints([0, 1], [2, 0])], ((2, 4), "int32")),
    "tile": Case("TILE", [ints([1, 2]), ints(2, 3)], ((2, 6), "int32")),
    "fill": Case("FILL", [ints(2, 3), np.array(7, np.int32)], ((2, 3), "int32")),
    "broadcast to": Case("BROADCAST_TO", [ints(1, 2), ints(3, 2)], ((3, 2), "int32")),
    "range": Case("RANGE", [np.array(v, np.int32) for v in (9, 1, -3)], ((3,), "int32")),
    "cast": Case("CAST", [_FLOATS], ((4,), "int32"), in_data_type=0, out_data_type=2),
    "cast to float": Case("CAST", [_A], ((6,), "float32"), in_data_type=2, out_data_type=0),
    "add": Case("ADD", [_A, _B], ((6,), "int32"), fused_activation_function=NONE),
    "add of floats": Case("ADD", [_FLOATS, _FLOATS[:1]], ((4,), "float32")),
    "sub": Case("SUB", [_A, ints(3)], ((6,), "int32")),
    "mul": Case("MUL", [_A[:5], _B[:5]], ((5,), "int32")),
    "div": Case("DIV", [_A, _B], ((6,), "int32")),
    "div of floats": Case("DIV", [_FLOATS, np.float32([3, 7, 11, 13])], ((4,), "float32")),
    "floor div": Case("FLOOR_DIV", [_A, _B], ((6,), "int32")),
    "floor mod": Case("FLOOR_MOD", [_A, _B], ((6,), "int32")),
    "maximum": Case("MAXIMUM", [_A, _B], ((6,), "int32")),
    "minimum": Case("MINIMUM", [_A, _B], ((6,), "int32")),
    "neg": Case("NEG", [_A], ((6,), "int32")),
    "abs": Case("ABS", [_A], ((6,), "int32")),
    "less": Case("LESS", [_A, _B], ((6,), "bool")),
    "greater or equal": Case("GREATER_EQUAL", [_A, _B], ((6,), "bool")),
    "equal": Case("EQUAL", [_A, _A[::-1].copy()], ((6,), "bool")),
    "select": Case("SELECT_V2", [_A > 0, _A, _B], ((6,), "int32")),
    "product": Case("REDUCE_PROD", [_CUBE[:1, :, :2], ints(1)], ((1, 2), "int32")),
    "largest": Case("REDUCE_MAX", [_CUBE, ints(0, 2)], ((1, 3, 1), "int32"), keep_dims=True),
    "sum": Case("SUM", [_CUBE, ints(0)], ((3, 4), "int32")),
}


@pytest.mark.parametrize("name", CASES)
def test_as_litert_computes(name):
    case = CASES[name]
    found = case.evaluated()
    assert found is not None
    # LiteRT has more of them than TFLite Micro, but not this version.
    want = case.micro() if name == "broadcast to" else case.litert()
    np.testing.assert_array_equal(found, want)
    assert found.dtype == want.dtype


def test_unpack():
    builder = Builder()
    x, y = (builder.activation((1, 4), 0.1) for _ in range(2))
    parts = [builder.activation((2, 4), None, dtype="int32") for _ in range(3)]
    builder.op("UNPACK", [builder.constant(_CUBE)], parts, num=3, axis=1)
    builder.op("ADD", [x, x], y)
    info = tflite_model.parse(builder.finish([x], [y]))
    found = constants.evaluate(info.ops[0], info.tensors)
    assert found is not None
    for index, part in enumerate(found):
        np.testing.assert_array_equal(part, _CUBE[:, index])


@pytest.mark.parametrize("seed", range(20))
def test_quantize_and_dequantize_as_tflite_micro_computes(seed):
    """Rounding, halves of a step and both ends included."""
    rng = np.random.default_rng(seed)
    scales = [float(scale) for scale in rng.uniform(0.001, 1, 2).astype(np.float32)]
    points = [int(point) for point in rng.integers(-100, 100, 2)]
    steps = np.concatenate([rng.integers(-300, 300, 50) + 0.5, rng.uniform(-200, 200, 50)])
    reals = np.float32(np.float32(scales[1]) * steps)
    q = rng.integers(-128, 128, 100).astype(np.int8)
    quantized = ((100,), "int8", scales[1], points[1])
    for case in (
        Case("QUANTIZE", [reals], quantized),
        Case("QUANTIZE", [(q, scales[0], points[0])], quantized),
        Case("DEQUANTIZE", [(q, scales[0], points[0])], ((100,), "float32")),
    ):
        np.testing.assert_array_equal(case.evaluated(), case.micro())


class TestNotEvaluated:
    @pytest.mark.parametrize(
        "case",
        [
            Case("ADD", [_A, _B], ((5,), "int32")),
            Case("ADD", [_A, _B], ((6,), "int32"), fused_activation_function=RELU),
            Case("ADD", [_A, _FLOATS], ((6,), "int32")),
            Case("DIV", [_A, ints(0)], ((6,), "int32")),
            Case("CAST", [_FLOATS * 1e9], ((4,), "int32")),
            Case("RESHAPE", [_CUBE, ints(4, 6)], ((4, 5), "int32")),
            Case("STRIDED_SLICE", [_A, ints(0), ints(4), ints(0)], ((4,), "int32")),
            Case("GATHER", [_A, ints(6)], ((1,), "int32")),
            Case("PACK", [_A, _B], ((6, 2), "int32"), axis=5),
            Case("QUANTIZE", [np.float32([np.nan])], ((1,), "int8", 0.1, 0)),
        ],
    )
    def test_what_contradicts_itself(self, case):
        assert case.evaluated() is None
        with pytest.raises(ExportError):
            reader.read(tflite_model.parse(case.model))

    @pytest.mark.parametrize(
        ("name", "inputs", "output"),
        [
            ("FILL", [ints(1 << 14, 1 << 14), np.array(7, np.int32)], ((1 << 14,) * 2, "int32")),
            ("TILE", [_A, ints(1 << 28)], ((6,), "int32")),
            ("TILE", [_A, ints(1 << 28)], ((6 << 27,), "int32")),
            ("GATHER", [_CUBE, np.zeros(1 << 12, np.int32)], ((4,), "int32")),
            ("PAD", [_A, ints([0, 1 << 30])], ((6,), "int32")),
            ("RANGE", [np.array(v, np.int32) for v in (0, 1 << 30, 1)], ((3,), "int32")),
            ("ADD", [np.zeros((1, 1 << 13), "i4"), np.zeros((1 << 13, 1), "i4")], ((4,), "int32")),
        ],
    )
    def test_what_is_too_large_takes_no_memory(self, name, inputs, output):
        model = (
            Case(name, inputs, output, axis=0) if name == "GATHER" else Case(name, inputs, output)
        )
        tracemalloc.start()
        try:
            assert model.evaluated() is None
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()

    def test_all_constants_of_a_model_have_room_for_a_device(self):
        """A small file with many large results."""
        builder = Builder()
        x, y = (builder.activation((1, 4), 0.1) for _ in range(2))
        sizes = builder.numbers(1 << 10, 1 << 10)
        for _ in range(5):
            value = builder.constant(np.array(7, np.int32))
            builder.op(
                "FILL", [sizes, value], builder.activation((1 << 10,) * 2, None, dtype="int32")
            )
        builder.op("ADD", [x, x], y)
        with pytest.raises(ExportError, match=r"op 4 \(FILL\) reads only constants"):
            reader.read(tflite_model.parse(builder.finish([x], [y])))


def flatten(builder: Builder, x: int) -> int:
    """Keras' Flatten, as its converter writes it."""
    batch, *others = builder.shapes[x]
    size = int(np.prod(others))
    shape = builder.activation((4,), None, dtype="int32")
    rows = builder.activation((), None, dtype="int32")
    wanted = builder.activation((2,), None, dtype="int32")
    y = builder.activation((batch, size), 0.1)
    builder.op("SHAPE", [x], shape, out_type=2)
    where = [builder.numbers(n) for n in (0, 1, 1)]
    builder.op("STRIDED_SLICE", [shape, *where], rows, shrink_axis_mask=1)
    rest = builder.constant(np.array(size, np.int32))
    builder.op("PACK", [rows, rest], wanted, values_count=2, axis=0)
    builder.op("RESHAPE", [x, wanted], y)
    return y


class TestInAModel:
    def test_flatten(self):
        builder = Builder()
        x = builder.activation((1, 3, 2, 4), 0.1)
        model = builder.finish([x], [flatten(builder, x)])
        values = kernels_glue.random_bytes(np.random.default_rng(0), (1, 3, 2, 4))
        assert kernels_glue.check(model, values) == ["copy"]

    def test_quantized_constants(self):
        """ADD, MUL and a function of constants, and what reads the result."""
        builder = Builder()
        rng = np.random.default_rng(1)
        x, y = (builder.activation((1, 6), 0.1) for _ in range(2))
        a = builder.constant(rng.integers(-128, 128, (1, 6)).astype("i1"), [0.1], [3])
        b = builder.constant(rng.integers(-128, 128, (6,)).astype("i1"), [0.02], [-7])
        total, product = builder.activation((1, 6), 0.12, 5), builder.activation((1, 6), 0.1, 1)
        mapped = builder.activation((1, 6), 1 / 256, -128)
        builder.op("ADD", [a, b], total)
        builder.op("MUL", [total, a], product)
        builder.op("LOGISTIC", [product], mapped)
        builder.op("ADD", [x, mapped], y)
        model = builder.finish([x], [y])
        for _ in range(3):
            assert kernels_glue.check(model, kernels_glue.random_bytes(rng, (1, 6))) == ["add"]
        (op,) = kernels_glue.read(model).ops
        assert isinstance(op, Add)

    def test_outputs_that_do_not_depend_on_the_input(self):
        """A shape, floats and a constant of the file: each run writes them."""
        builder = Builder()
        x, y = (builder.activation((1, 4), 0.1) for _ in range(2))
        shape = builder.activation((2,), None, dtype="int32")
        boxes = builder.activation((2, 3), None, dtype="float32")
        given = builder.constant(np.array([[-128, 5, 127]], "i1"), [0.25], [5])
        fixed = builder.constant(np.array([[-128, 5, 127], [1, 2, 3]], "i1"), [0.25], [5])
        builder.op("ADD", [x, x], y)
        builder.op("SHAPE", [y], shape, out_type=2)
        builder.op("DEQUANTIZE", [fixed], boxes)
        model = builder.finish([x], [y, shape, boxes, given])
        values = kernels_glue.random_bytes(np.random.default_rng(0), (1, 4))
        program = host.Host(compiler.compile(model))
        ran = micro.run(model, values, outputs=4)
        assert ran is not None
        for _ in range(2):
            found = program(values)
            for one, other in zip(found, ran.outputs, strict=True):
                np.testing.assert_array_equal(one.reshape(1, -1), other)

    def test_the_shape_of_what_nothing_writes(self):
        builder = Builder()
        x, y, lost = (builder.activation((1, 4), 0.1) for _ in range(3))
        builder.op("SHAPE", [lost], builder.activation((2,), None, dtype="int32"), out_type=2)
        builder.op("ADD", [x, x], y)
        with pytest.raises(ExportError, match=r"op 0 \(SHAPE\) has no kernel"):
            compiler.compile(builder.finish([x], [y]))
