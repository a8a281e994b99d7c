"""Models with float and uint8 ends: the bytes of TFLite Micro, with and without conversion."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import board as boards
from firmware_export.boards import clips, programs, toolchain
from firmware_export.standalone import compiler, ends, passes
from firmware_export.standalone.ops.quantize import Dequantize, Quantize, Recode
from tests.firmware_export.standalone import host, kernels_glue, tflm_oracle
from tests.firmware_export.standalone.model_builder import RELU, VALID, Builder


def converted(first: str, last: str, seed: int = 0, inner: str = "int8") -> bytes:
    """One op between the conversions of its ends; "int8" is an end without one."""
    rng = np.random.default_rng(seed)
    builder = Builder()

    def quantization(dtype: str) -> tuple[float | None, int]:
        scale = float(np.float32(rng.uniform(0.01, 0.2)))
        low, high = {"uint8": (0, 256), "int8": (-128, 128)}.get(dtype, (0, 1))
        return (None if dtype == "float32" else scale), int(rng.integers(low, high))

    shape = (1, 5, 3, 2)
    x = given = builder.activation(shape, *quantization(inner), dtype=inner)
    if first != inner:
        given = builder.activation(shape, *quantization(first), dtype=first)
        builder.op("QUANTIZE", [given], x)
    y = result = builder.activation(shape, *quantization(inner), dtype=inner)
    if inner == "int8":
        weights = builder.constant(rng.integers(-127, 128, (2, 1, 1, 2)).astype(np.int8), [0.01])
        options = {"padding": VALID, "stride_h": 1, "stride_w": 1}
        builder.op("CONV_2D", [x, weights], y, fused_activation_function=RELU, **options)
    else:
        builder.op("RESHAPE", [x], y)
    if last != inner:
        result = builder.activation(shape, *quantization(last), dtype=last)
        builder.op("DEQUANTIZE" if last == "float32" else "QUANTIZE", [y], result)
    return builder.finish([given], [result])


def values_for(model: bytes, seed: int) -> np.ndarray:
    """Random values, among them halves of a step, far ones and both ends."""
    info = tflite_model.parse(model)
    given, rng = info.inputs[0], np.random.default_rng(seed)
    if given.type != "FLOAT32":
        limits = np.iinfo(given.type.lower())
        values = rng.integers(limits.min, limits.max + 1, given.shape)
        values.reshape(-1)[:2] = limits.min, limits.max
        return values.astype(given.type.lower())
    step = np.float32(info.tensors[info.ops[0].outputs[0]].scales[0])
    steps = rng.integers(-200, 200, given.shape) + rng.choice([0, 0.5, 0.499999, 0.25], given.shape)
    steps.reshape(-1)[:4] = 1e4, -1e4, 0.49999997, -0.49999997
    return (steps.astype(np.float32) * step).astype(np.float32)


_TYPES = [
    *(("float32", "float32"), ("uint8", "uint8"), ("float32", "uint8"), ("uint8", "float32")),
    *(("int8", "float32"), ("float32", "int8"), ("int8", "uint8"), ("uint8", "int8")),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("first", "last"), _TYPES)
def test_kernels(first, last, seed):
    model = converted(first, last, seed)
    kernels_glue.check(model, values_for(model, seed))


@pytest.mark.parametrize("seed", range(3))
def test_kernels_of_int16(seed):
    model = converted("float32", "float32", seed, inner="int16")
    kernels_glue.check(model, values_for(model, seed))


def test_float_of_uint8():
    """As the converter leaves it before an op that it does not quantize."""
    builder = Builder()
    x = builder.activation((1, 256), 0.0371, 131, dtype="uint8")
    y = builder.activation((1, 256), None, dtype="float32")
    builder.op("DEQUANTIZE", [x], y)
    kernels_glue.check(builder.finish([x], [y]), np.arange(256, dtype=np.uint8).reshape(1, 256))


def test_what_no_int_holds():
    """TFLite Micro's result is undefined there; ours is the nearest value, as on Arm's FPU."""
    model = converted("float32", "int8")
    graph = kernels_glue.read(model)
    values = np.zeros((1, 5, 3, 2), np.float32)
    values.reshape(-1)[:6] = np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-45
    graph.outputs = [graph.ops[0].output]
    graph.ops = graph.ops[:1]
    (got,) = kernels_glue.run_graph(graph, [values])
    zero = graph.outputs[0].zero_point
    assert got.reshape(-1)[:7].tolist() == [127, -128, -128, 127, -128, zero, zero]


@pytest.mark.parametrize(("first", "last"), _TYPES)
def test_the_quantized_api(first, last):
    """Values that the caller quantizes, as the op in the file does, give the same."""
    model = converted(first, last)
    info, values = tflite_model.parse(model), values_for(model, 7)
    numbers = [info.ops[0].inputs[0], info.ops[-1].outputs[0]]
    if first != "int8":
        numbers[0] = info.ops[0].outputs[0]
    if last != "int8":
        numbers[1] = info.ops[-1].inputs[0]
    quantized, wanted, whole = tflm_oracle.run(model, [values], [*numbers, info.outputs[0].index])
    compiled = compiler.compile(model)
    program = host.Host(compiled)
    for _ in range(2):
        np.testing.assert_array_equal(program(values)[0], whole)
        np.testing.assert_array_equal(quantized_call(program, quantized, wanted.size), wanted.flat)
    header = compiled.files["model.h"]
    assert "void model_invoke_quantized(void);" in header
    assert "#define MODEL_QUANTIZED_INPUT_ZERO_POINT" in header
    assert "uint8 in" in header if first == "uint8" else True


def quantized_call(program: host.Host, values: np.ndarray, size: int) -> np.ndarray:
    places = []
    for name in ("model_quantized_input", "model_quantized_output"):
        function = program.library[name]
        function.restype = ctypes.c_void_p
        places.append(function())
    flat = np.ascontiguousarray(values)
    ctypes.memmove(places[0], flat.ctypes.data, flat.nbytes)
    program.library.model_invoke_quantized()
    return np.frombuffer(ctypes.string_at(places[1], size), np.int8)


class TestWhatIsFound:
    def test_an_int8_model_has_no_other_api(self):
        compiled = compiler.compile(converted("int8", "int8"))
        assert ends.find(compiled.graph) is None
        assert "quantized" not in compiled.files["model.h"] + compiled.files["model.c"]

    def test_conversions_move_to_the_ends(self):
        """Two inputs and two outputs, of which the second is converted before the first is made."""
        builder = Builder()
        a, b = (builder.activation((1, 6), None, dtype="float32") for _ in range(2))
        c, d, e = (builder.activation((1, 6), 0.1, n) for n in (3, 5, 7))
        f, g = (builder.activation((1, 6), None, dtype="float32") for _ in range(2))
        builder.op("QUANTIZE", [a], c)
        builder.op("ADD", [c, c], d)
        builder.op("DEQUANTIZE", [d], f)
        e2 = builder.activation((1, 6), 0.1, 9)
        builder.op("QUANTIZE", [b], e)
        builder.op("MUL", [e, d], e2)
        builder.op("DEQUANTIZE", [e2], g)
        model = builder.finish([a, b], [f, g])
        compiled = compiler.compile(model, passes_to_run=())
        kinds = [type(op) for op in compiled.graph.ops]
        assert kinds[:2] == [Quantize] * 2 and kinds[-2:] == [Dequantize] * 2
        inner = ends.find(compiled.graph)
        assert inner is not None
        assert (inner.first, inner.last) == (2, 4)
        rng = np.random.default_rng(0)
        given = [rng.normal(size=(1, 6)).astype(np.float32) for _ in range(2)]
        wanted = tflm_oracle.run(model, given, [f, g])
        for names in ((), passes.ALL):
            got = host.Host(compiler.compile(model, passes_to_run=names))(*given)
            for one, want in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(one, want)

    def test_an_input_that_is_needed_as_it_is(self):
        """It is also an output, so that there is no int8 graph without it."""
        builder = Builder()
        x = builder.activation((1, 6), None, dtype="float32")
        y, z = (builder.activation((1, 6), 0.1) for _ in range(2))
        builder.op("QUANTIZE", [x], y)
        builder.op("ADD", [y, y], z)
        compiled = compiler.compile(builder.finish([x], [z, x]))
        assert ends.find(compiled.graph) is None
        assert "quantized" not in compiled.files["model.h"]

    def test_uint8_inside_of_a_graph(self):
        """As any other op; tables around it stay apart."""
        builder = Builder()
        a, b, c = (
            builder.activation((1, 6), 0.1),
            builder.activation((1, 6), 0.1, 128, dtype="uint8"),
            0,
        )
        c, d = (builder.activation((1, 6), 0.1) for _ in range(2))
        builder.op("QUANTIZE", [a], b)
        builder.op("QUANTIZE", [b], c)
        builder.op("ADD", [a, c], d)
        model = builder.finish([a], [d])
        values = kernels_glue.random_bytes(np.random.default_rng(3), (1, 6))
        (want,) = tflm_oracle.run(model, [values])
        compiled = compiler.compile(model)
        np.testing.assert_array_equal(host.Host(compiled)(values)[0], want)
        assert any(isinstance(op, Recode) for op in compiled.graph.ops)


@pytest.mark.firmware
@pytest.mark.parametrize(("first", "last"), [("float32", "float32"), ("uint8", "uint8")])
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
def test_on_boards(name, first, last, tmp_path: Path):
    board = boards.by_name(name)
    missing = toolchain.missing_packages([board])
    if missing:
        pytest.skip(f"needs {' '.join(missing)}")
    model = converted(first, last)
    inputs = [values_for(model, seed) for seed in range(6)]
    built = programs.build(model, board, tmp_path)
    clip = clips.run_features(
        built, np.concatenate(inputs), tmp_path / "run", count=False, dtype=first
    )
    for values, got in zip(inputs, clip.logits, strict=True):
        (want,) = tflm_oracle.run(model, [values])
        np.testing.assert_array_equal(got.view(want.dtype), want.reshape(-1))
