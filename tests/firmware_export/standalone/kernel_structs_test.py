"""Large dimensions: what the kernels take, and that nothing is cut off."""

import ctypes

import numpy as np
import pytest

from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, kernel_structs
from firmware_export.standalone.graph import calls
from tests.firmware_export.standalone import kernels_glue
from tests.firmware_export.standalone.model_builder import VALID, Builder

LARGE = 94_400


def unary(name: str, size: int) -> bytes:
    builder = Builder()
    x, y = builder.activation((1, size), 0.1), builder.activation((1, size), 1 / 256, -128)
    builder.op(name, [x], y)
    return builder.finish([x], [y])


def fully_connected(depth: int, units: int, rows: int = 1) -> bytes:
    rng = np.random.default_rng(depth)
    builder = Builder()
    x, y = builder.activation((rows, depth), 0.1, 5), builder.activation((rows, units), 3.0, -3)
    values = rng.integers(-127, 128, (units, depth)).astype(np.int8)
    w = builder.constant(values, [0.001] * units)
    b = builder.constant(rng.integers(-9_000, 9_000, units).astype(np.int32))
    builder.op("FULLY_CONNECTED", [x, w, b], y)
    return builder.finish([x], [y])


def pairs(shape: tuple[int, ...], other: tuple[int, ...]) -> bytes:
    builder = Builder()
    x, y = builder.activation(shape, 0.1), builder.activation(shape, 0.2)
    rng = np.random.default_rng(0)
    c = builder.constant(rng.integers(-128, 128, other).astype(np.int8), [0.1], [0])
    builder.op("ADD", [x, c], y)
    return builder.finish([x], [y])


def sliced(size: int) -> bytes:
    """Every second of a prime number of items."""
    builder = Builder()
    x, y = builder.activation((1, size), 0.1), builder.activation((1, -(-size // 2)), 0.1)
    where = [builder.numbers(*n) for n in ([0, 0], [1, size], [1, 2])]
    builder.op("STRIDED_SLICE", [x, *where], y)
    return builder.finish([x], [y])


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (unary("LOGISTIC", LARGE), (1, LARGE)),
        (fully_connected(LARGE, 2), (1, LARGE)),
        (fully_connected(LARGE, 1, rows=2), (2, LARGE)),
        (fully_connected(4, 33_000), (1, 4)),
        (pairs((1, LARGE), (1,)), (1, LARGE)),
        (pairs((1, LARGE, 3), (1, LARGE, 1)), (1, LARGE, 3)),
        (sliced(200_003), (1, 200_003)),
    ],
)
def test_large_dimensions(model, shape):
    values = kernels_glue.random_bytes(np.random.default_rng(1), shape)
    kernels_glue.check(model, values)
    compiler.compile(model)


def test_a_long_convolution():
    builder = Builder()
    x, y = builder.activation((1, 1, 40_000, 2), 0.1), builder.activation((1, 1, 39_998, 2), 0.1)
    rng = np.random.default_rng(2)
    w = builder.constant(rng.integers(-127, 128, (2, 1, 3, 2)).astype(np.int8), [0.01, 0.01])
    builder.op("CONV_2D", [x, w], y, padding=VALID, stride_h=1, stride_w=1)
    model = builder.finish([x], [y])
    kernels_glue.check(model, kernels_glue.random_bytes(rng, (1, 1, 40_000, 2)))


class TestWhatIsTooLarge:
    def test_is_refused_by_name(self):
        builder = Builder()
        x, y = builder.activation((1, 1, LARGE, 1), 0.1), builder.activation((1, 1, LARGE, 1), 0.1)
        w = builder.constant(np.ones((1, 1, 3, 1), np.int8), [0.01], axis=3)
        builder.op("DEPTHWISE_CONV_2D", [x, w], y, stride_h=1, stride_w=1, depth_multiplier=1)
        with pytest.raises(ExportError) as caught:
            compiler.compile(builder.finish([x], [y]))
        assert str(caught.value) == (
            "op 0 DEPTHWISE_CONV_2D: in width of 94,400 is too large, the kernel's limit is "
            "65,535; make the layer smaller, or export with --flavor=tflm"
        )

    def test_a_prime_number_of_inputs(self):
        with pytest.raises(ExportError, match="has 65537 values per row, which do not fit"):
            compiler.compile(fully_connected(65_537, 1))

    @pytest.mark.parametrize(
        ("struct", "fields"),
        [
            ("edge_copy_t", {"run": -1}),
            ("edge_copy_t", {"extent": [1, 1, 1, 1 << 31]}),
            ("edge_table_t", {"size": 1 << 32}),
            ("edge_add_broadcast_t", {"add": {"zero_point": 128}}),
        ],
    )
    def test_members_of_any_kind(self, struct, fields):
        call = calls.Call("copy", struct, (), fields, (), "op 3 COPY")
        with pytest.raises(ExportError, match=r"^op 3 COPY: \w+( \w+)* of .* is too large"):
            kernel_structs.check(call, kernel_structs.KERNELS)

    def test_all_members_are_known(self):
        """As kernels_glue reads the headers, which makes the structs."""
        known = kernel_structs.members(kernel_structs.KERNELS)
        for name, struct in kernels_glue.structs().items():
            numbers = {m for m, kind, *_ in struct._fields_ if kind is not ctypes.c_void_p}
            assert set(known[name]) == numbers, name
