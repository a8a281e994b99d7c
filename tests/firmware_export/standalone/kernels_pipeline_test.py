"""Whole models through the compiler: the C of random networks gives TFLite Micro's bytes."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from firmware_export.standalone import compiler, passes
from tests.firmware_export.standalone import tflm_oracle
from tests.firmware_export.standalone.kernels_glue import WARNINGS, random_bytes
from tests.firmware_export.standalone.model_builder import NONE, RELU, SAME, Builder


class Network:
    """Grows a random model op by op; every op of the builder's occurs."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = Builder()
        self.input_shape = (1, 9, 8, 2)
        self.input = self.last = self.builder.activation(self.input_shape, 0.05, -3)
        self.scale, self.zero_point = 0.05, -3

    @property
    def shape(self) -> tuple[int, ...]:
        return self.builder.shapes[self.last]

    def add(self, name, shape, *more, scale=None, zero_point=None, first=None, **options) -> None:
        scale = self.scale if scale is None else scale
        zero_point = self.zero_point if zero_point is None else zero_point
        output = self.builder.activation(shape, scale, zero_point)
        given = self.last if first is None else first
        self.builder.op(name, [given, *more], output, **options)
        self.last, self.scale, self.zero_point = output, scale, zero_point

    def requantized(self) -> dict[str, float]:
        scale = float(np.float32(self.scale * self.rng.uniform(0.7, 1.8)))
        return {"scale": scale, "zero_point": int(self.rng.integers(-128, 128))}

    def weights(self, shape, axis) -> list[int]:
        channels = shape[axis]
        scales = self.rng.uniform(0.3, 1.5, channels) * 0.02 / np.sqrt(np.prod(shape) / channels)
        values = self.rng.integers(-127, 128, shape, dtype=np.int8)
        bias = self.rng.integers(-2000, 2000, channels, dtype=np.int32)
        return [
            self.builder.constant(values, list(scales), axis=axis),
            self.builder.constant(bias, list(scales * self.scale)),
        ]

    def convolve(self, depthwise: bool, kernel, stride, filters: int) -> None:
        n, h, w, c = self.shape
        shape = (1, *kernel, c) if depthwise else (filters, *kernel, c)
        weights = self.weights(shape, 3 if depthwise else 0)
        out = (n, -(-h // stride), -(-w // stride), c if depthwise else filters)
        options = {"padding": SAME, "stride_h": stride, "stride_w": stride}
        if depthwise:
            options["depth_multiplier"] = 1
        activation = int(self.rng.choice([NONE, RELU]))
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        more = {"fused_activation_function": activation, **self.requantized()}
        self.add(name, out, *weights, **options, **more)

    def block(self) -> None:
        """A residual block, as networks for sound have them, and an op or two at random."""
        before, b = self.last, self.builder
        n, h, w, c = self.shape
        self.convolve(True, (3, 1), 1, c)
        self.add("MEAN", (n, 1, w, c), b.numbers(1), keep_dims=True, **self.requantized())
        self.convolve(True, (1, 3), 1, c)
        self.add("HARD_SWISH", self.shape, **self.requantized())
        self.convolve(False, (1, 1), 1, c)
        self.add("ADD", (n, h, w, c), before, **self.requantized())
        kind = self.rng.integers(6)
        if kind == 0:
            now = self.last
            self.add("LOGISTIC", self.shape, scale=1 / 256, zero_point=-128)
            self.add("MUL", self.shape, now, scale=0.05, zero_point=4)
        elif kind == 1:
            starts = [b.numbers(0, 1, 0, 0), b.numbers(1, h, w, c), b.numbers(1, 1, 1, 1)]
            self.add("STRIDED_SLICE", (n, h - 1, w, c), *starts)
            self.add("PAD", (n, h, w, c), b.numbers([0, 0], [0, 1], [0, 0], [0, 0]))
        elif kind == 2:
            self.add("CONCATENATION", (n, h, w, 2 * c), self.last, axis=3)
            self.convolve(False, (1, 1), 1, c)
        elif kind == 3:
            self.add("TRANSPOSE", (n, w, h, c), b.numbers(0, 2, 1, 3))
        elif kind == 4:
            numbers = b.constant(random_bytes(self.rng, (c,)), [0.02], [1])
            self.add("SUB", self.shape, numbers, **self.requantized())
            self.add("LEAKY_RELU", self.shape, alpha=0.1, **self.requantized())
        else:
            pool = {"filter_height": 2, "filter_width": 2, "padding": SAME}
            name = str(self.rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
            self.add(name, self.shape, stride_h=1, stride_w=1, **pool)
            self.add("QUANTIZE", self.shape, **self.requantized())

    def finish(self) -> bytes:
        n, _, _, c = self.shape
        size = self.builder.numbers(4, 6)
        self.add("RESIZE_NEAREST_NEIGHBOR", (n, 4, 6, c), size)
        self.add("TANH", self.shape, scale=1 / 128, zero_point=0)
        self.add("RELU6", self.shape)
        self.add("RESHAPE", (n, 24 * c), self.builder.numbers(n, 24 * c))
        self.add("FULLY_CONNECTED", (n, 5), *self.weights((5, 24 * c), 0), scale=0.1)
        self.add("SOFTMAX", (n, 5), beta=1.0, scale=1 / 256, zero_point=-128)
        return self.builder.finish([self.input], [self.last])


def built(compiled: compiler.Compiled, folder) -> ctypes.CDLL:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs gcc")
    folder.mkdir()
    for name, text in compiled.files.items():
        (folder / name).write_text(text)
    checks = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    command = [gcc, "-O1", "-fPIC", "-shared", *WARNINGS, *checks, f"-I{folder}"]
    sources = sorted(str(path) for path in folder.glob("*.c"))
    subprocess.run([*command, *sources, "-o", str(folder / "model.so")], check=True)
    library = ctypes.CDLL(str(folder / "model.so"))
    library.model_input.restype = library.model_output.restype = ctypes.POINTER(ctypes.c_int8)
    return library


@pytest.mark.parametrize("seed", range(6))
def test_random_network(seed, tmp_path):
    network = Network(seed)
    network.convolve(False, (3, 3), 1 + seed % 2, int(network.rng.integers(3, 9)))
    for _ in range(2):
        network.block()
    model = network.finish()
    inputs = [random_bytes(network.rng, network.input_shape) for _ in range(3)]
    expected = [tflm_oracle.run(model, [x])[0].reshape(-1) for x in inputs]
    assert len(np.unique(expected)) > 3, "nothing to compare"
    for position, chosen in enumerate([passes.ALL, ()]):
        library = built(compiler.compile(model, passes_to_run=chosen), tmp_path / str(position))
        for x, want in zip(inputs, expected, strict=True):
            ctypes.memmove(library.model_input(), x.tobytes(), x.size)
            library.model_invoke()
            np.testing.assert_array_equal(library.model_output()[: want.size], want)
