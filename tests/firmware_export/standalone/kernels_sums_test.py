"""Sums of several tensors and along an axis, casts and fills: the bytes of TFLite Micro."""

from pathlib import Path

import numpy as np
import pytest

from firmware_export.boards import clips, programs
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone import host, tflm_oracle
from tests.firmware_export.standalone.kernels_glue import check, random_bytes
from tests.firmware_export.standalone.model_builder import Builder


def quantization(rng: np.random.Generator) -> tuple[float, int]:
    return float(np.float32(10 ** rng.uniform(-3, 0))), int(rng.choice([-128, 0, 127, 5]))


@pytest.mark.parametrize("seed", range(12))
def test_add_n(seed):
    """Up to twenty tensors: with more than fifteen, sums may wrap."""
    rng = np.random.default_rng(seed)
    builder, shape = Builder(), (1, 4, int(rng.integers(1, 40)))
    scale, zero_point = quantization(rng)
    given = [builder.activation(shape, scale, zero_point) for _ in range(rng.integers(2, 21))]
    last = quantization(rng)[1]
    y = builder.activation(shape, scale * float(rng.uniform(0.3, len(given))), last)
    builder.op("ADD_N", given, y)
    values = [random_bytes(rng, shape) for _ in given]
    if seed % 3 == 0:
        values = [np.full(shape, rng.choice([-128, 127]), np.int8)] * len(given)
    assert check(builder.finish(given, [y]), *values) == ["add_n"]


def test_a_tensor_added_to_itself():
    builder = Builder()
    x, y, z = (builder.activation((1, 8), 0.1, 3) for _ in range(3))
    builder.op("ADD_N", [x, x, x], y)
    builder.op("ADD", [x, y], z)
    model, values = builder.finish([x], [z]), random_bytes(np.random.default_rng(0), (1, 8))
    (got,) = host.Host(compiler.compile(model))(values)
    np.testing.assert_array_equal(got, tflm_oracle.run(model, [values])[0])


def test_add_n_of_two_scales_is_refused():
    builder = Builder()
    x, other, y = (builder.activation((1, 8), scale) for scale in (0.1, 0.2, 0.3))
    builder.op("ADD_N", [x, other], y)
    with pytest.raises(ExportError, match=r"op 0 \(ADD_N\) has different scales or zero points"):
        compiler.compile(builder.finish([x, other], [y]))


@pytest.mark.parametrize("seed", range(24))
def test_cumsum(seed):
    """In both directions, along any axis, some of them long enough to wrap."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    shape = tuple(int(n) for n in rng.integers(1, 6, rng.integers(1, 5)))
    axis = int(rng.integers(-len(shape), len(shape)))
    if seed % 2:
        shape = tuple(40 if a == axis % len(shape) else n for a, n in enumerate(shape))
    scale, zero_point = quantization(rng)
    x = builder.activation(shape, scale, zero_point)
    y = builder.activation(shape, scale * float(rng.uniform(0.5, 20)), quantization(rng)[1])
    flags = {"exclusive": bool(seed & 4), "reverse": bool(seed & 8)}
    builder.op("CUMSUM", [x, builder.constant(np.array(axis, np.int32))], y, **flags)
    values = random_bytes(rng, shape)
    if seed % 3 == 0:
        values[:] = rng.choice([-128, 127])
    assert check(builder.finish([x], [y]), values) == ["cumsum"]


@pytest.mark.parametrize("to", ["int8", "int16", "int32", "float32"])
@pytest.mark.parametrize("given", ["bool", "int8", "int16", "int32"])
def test_cast(given, to):
    builder = Builder()

    def activation(dtype: str) -> int:
        return builder.activation((1, 60), 0.1 if dtype in ("int8", "int16") else None, dtype=dtype)

    x, y = activation(given), activation(to)
    builder.op("CAST", [x], y)
    limits = (0, 1) if given == "bool" else (np.iinfo(given).min, np.iinfo(given).max)
    values = np.random.default_rng(0).integers(*limits, (1, 60), endpoint=True).astype(given)
    values[0, :2] = limits
    assert check(builder.finish([x], [y]), values) == ["cast"]


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32"])
def test_fill(dtype):
    builder = Builder()
    scale = 0.1 if dtype == "int8" else None
    x, y = (
        builder.activation((), scale, dtype=dtype),
        builder.activation((2, 3), scale, dtype=dtype),
    )
    builder.op("FILL", [builder.numbers(2, 3), x], y)
    check(builder.finish([x], [y]), np.array(-7, dtype))


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32"])
def test_zeros_like(dtype):
    """Zeros as stored: not the zero point."""
    builder = Builder()
    scale = 0.1 if dtype == "int8" else None
    x, zeros, y, z = (builder.activation((1, 6), scale, 5, dtype=dtype) for _ in range(4))
    builder.op("ZEROS_LIKE", [x], zeros)
    if dtype == "int8":
        builder.op("ADD", [x, zeros], y)
    else:
        builder.op(
            "PACK",
            [x, zeros],
            z := builder.activation((2, 1, 6), None, dtype=dtype),
            values_count=2,
        )
        y = z
    model, values = builder.finish([x], [y]), np.arange(6).reshape(1, 6).astype(dtype)
    (got,) = host.Host(compiler.compile(model))(values)
    np.testing.assert_array_equal(got, tflm_oracle.run(model, [values])[0])


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
def test_on_boards(name: str, tmp_path: Path):
    """All of these in one graph; its one input is int8."""
    builder, shape = Builder(), (1, 11)

    def activation(*shape: int) -> int:
        return builder.activation(shape, 0.1, 3)

    x, total, zeros, filled, again, added, sums = (activation(*shape) for _ in range(7))
    one, value = activation(1, 1), activation()
    wide = builder.activation(shape, None, dtype="int32")
    builder.op("CUMSUM", [x, builder.constant(np.array(1, np.int32))], total, reverse=True)
    builder.op("ZEROS_LIKE", [x], zeros)
    builder.op("SLICE", [x, builder.numbers(0, 4), builder.numbers(1, 1)], one)
    builder.op("RESHAPE", [one, builder.constant(np.zeros(0, np.int32))], value)
    builder.op("FILL", [builder.numbers(*shape), value], filled)
    builder.op("CAST", [x], wide)
    builder.op("CAST", [wide], again)
    builder.op("ADD", [again, zeros], added)
    builder.op("ADD_N", [x, added, filled], sums)
    y = activation(1, 44)
    builder.op("CONCATENATION", [total, filled, again, sums], y, axis=1)
    model = builder.finish([x], [y])
    assert compiler.compile(model).kernels == ("add_n", "cast", "copy", "cumsum", "table")
    given = np.random.default_rng(0).integers(-128, 128, (20, 11)).astype(np.int8)
    given[:2] = [[-128], [127]]
    built = programs.build(model, usable(name), tmp_path)
    for row, got in zip(
        given, clips.run_features(built, given, tmp_path / "run", count=False).logits, strict=True
    ):
        (want,) = tflm_oracle.run(model, [row[np.newaxis]])
        np.testing.assert_array_equal(got, want.reshape(-1))


@pytest.mark.parametrize("seed", range(12))
def test_squared_difference_of_int16(seed):
    rng = np.random.default_rng(seed)
    shapes = [(1, 3, 20), [(1, 3, 20), (1, 1, 20), (20,)][seed % 3]]
    scales = [float(np.float32(10 ** rng.uniform(-4, 0))) for _ in shapes]
    if seed % 4 == 0:
        scales[1] = scales[0]
    builder = Builder()
    given = [builder.activation(s, q, dtype="int16") for s, q in zip(shapes, scales, strict=True)]
    largest = (max(scales) * 65536) ** 2
    y = builder.activation(shapes[0], largest / 32768 * float(rng.uniform(0.1, 1)), dtype="int16")
    builder.op("SQUARED_DIFFERENCE", given, y)
    limits = np.iinfo(np.int16)
    values = [rng.integers(limits.min, limits.max + 1, s).astype(np.int16) for s in shapes]
    for array in values:
        array.reshape(-1)[:6] = limits.min, limits.max, 0, 1, -1, -2
    found = check(builder.finish(given, [y]), *values)
    assert found == ["wide_squared_difference"]
