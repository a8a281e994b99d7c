"""Whole models through the compiler: the bytes of TFLite Micro, little memory, sound C."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tflite_model
from firmware_export.boards import board as boards
from firmware_export.boards import clips, programs, toolchain
from firmware_export.standalone import compiler, passes
from firmware_export.standalone.ops.pad import Pad
from firmware_export.standalone.ops.reshape import Reshape
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.standalone import host, random_models, tflm_oracle
from tests.firmware_export.standalone.model_builder import RELU, SAME, Builder
from tests.steps import lines_run

KILOBYTE = 1024


def random_input(model: bytes, seed: int) -> np.ndarray:
    info = tflite_model.parse(model).inputs[0]
    limits = np.iinfo(info.type.lower())
    values = np.random.default_rng(seed).integers(limits.min, limits.max + 1, info.shape)
    return values.astype(limits.dtype)


def check_bytes(model: bytes, compiled: compiler.Compiled, inputs: int = 2) -> None:
    program = host.Host(compiled, ["-O1"])
    for seed in range(inputs):
        x = random_input(model, seed)
        (want,) = tflm_oracle.run(model, [x])
        (got,) = program(x)
        np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))


@pytest.fixture(scope="module")
def bc_resnet() -> bytes:
    """BC-ResNet-1 with random weights and ranges of noise, its norms folded and no more."""
    return _converted("bc_resnet", "plain")


@pytest.fixture(scope="module")
def bc_resnet_for_devices() -> bytes:
    return _converted("bc_resnet", "device")


@pytest.fixture(scope="module")
def ds_cnn() -> bytes:
    return _converted("ds_cnn", "plain")


def _converted(name: str, form: str) -> bytes:
    import tf_keras

    from edge_tf.conversion import int8
    from edge_tf.models import bc_resnet as bc_resnet_model
    from edge_tf.models import ds_cnn as ds_cnn_model

    tf_keras.utils.set_random_seed(1)
    model = bc_resnet_model.build(1) if name == "bc_resnet" else ds_cnn_model.build()
    noise = np.random.default_rng(0).normal(size=(20, 40, 101, 1)).astype(np.float32)
    return int8.convert(model, noise, form)


class TestWholeModels:
    def test_bc_resnet(self, bc_resnet):
        compiled = compiler.compile(bc_resnet)
        check_bytes(bc_resnet, compiled)
        assert compiled.plan.size <= 36 * KILOBYTE

    @pytest.mark.parametrize("kernels", ["dsp", "mve"])
    def test_memory_with_the_kernels_of_a_core(self, bc_resnet, kernels):
        compiled = compiler.compile(bc_resnet, kernels)
        assert compiled.plan.size <= 36 * KILOBYTE
        own = f"edge_depthwise_{kernels}.c"
        assert set(compiled.files) >= {"model.c", "model.h", "edge_kernels.h", own}

    @pytest.mark.slow
    @pytest.mark.parametrize("chosen", [passes.ALL, ("tables", "views"), ()], ids=len)
    def test_bc_resnet_for_devices(self, bc_resnet_for_devices, chosen):
        compiled = compiler.compile(bc_resnet_for_devices, passes_to_run=chosen)
        golden = golden_of(bc_resnet_for_devices, clips=2)
        program = host.Host(compiled)
        for features, logits in zip(golden.features, golden.logits, strict=True):
            np.testing.assert_array_equal(program(features)[0][0], logits)
        if chosen == passes.ALL:
            assert compiled.plan.size <= 36 * KILOBYTE

    def test_ds_cnn(self, ds_cnn):
        compiled = compiler.compile(ds_cnn)
        check_bytes(ds_cnn, compiled)
        assert compiled.plan.size <= 80 * KILOBYTE

    def test_each_activation(self, bc_resnet):
        """Tensor by tensor, so that a difference shows where it begins."""
        check_activations(bc_resnet)

    @pytest.mark.parametrize("seed", range(5))
    def test_random_models_tensor_by_tensor(self, seed):
        check_activations(random_models.make(seed, 12)[0])

    @pytest.mark.parametrize("seed", range(4))
    def test_random_models_of_16_bits(self, seed):
        check_activations(random_models.make(seed, 14, wide=True)[0])
        model, _ = random_models.make(100 + seed, 20, wide=True)
        check_bytes(model, compiler.compile(model))

    @pytest.mark.parametrize("seed", range(12))
    def test_random_models(self, seed):
        model, _ = random_models.make(1000 + seed, 20)
        chosen = np.random.default_rng(seed).random(len(passes.ALL)) < 0.7
        names = [name for name, is_on in zip(passes.ALL, chosen, strict=True) if is_on]
        check_bytes(model, compiler.compile(model, passes_to_run=passes.ALL))
        check_bytes(model, compiler.compile(model, passes_to_run=names), inputs=1)


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("seed", range(4))
def test_random_models_on_emulated_boards(tmp_path: Path, name: str, seed: int):
    """A core's own kernels read ahead and write over no more than the planner thinks."""
    board = boards.by_name(name)
    missing = toolchain.missing_packages([board])
    if missing:
        pytest.skip(f"needs {' '.join(missing)}")
    model, shape = random_models.make(seed, 20)
    rng = np.random.default_rng(seed)
    given = rng.integers(-128, 128, (3, *shape[1:])).astype(np.int8)
    built = programs.build(model, board, tmp_path, flash_kb=512, ram_kb=512)
    result = clips.run_features(built, given, tmp_path / "run", count=False)
    for x, got in zip(given, result.logits, strict=True):
        (want,) = tflm_oracle.run(model, [x[np.newaxis]])
        np.testing.assert_array_equal(got.reshape(-1), want.reshape(-1))


def check_activations(model: bytes) -> None:
    info = tflite_model.parse(model)
    compiled = compiler.compile(info, passes_to_run=(), keep=True)
    x = random_input(model, 7)
    program = host.Host(compiled)
    program(x)
    numbers = [number for op in info.ops for number in op.outputs]
    wanted = dict(zip(numbers, tflm_oracle.run(model, [x], numbers), strict=True))
    names = {tensor.name: tensor.index for tensor in info.tensors}
    compared = 0
    for op in compiled.graph.ops:
        index = names.get(op.output.name)
        if index is not None:
            got = program.activation(op.output).reshape(-1)
            np.testing.assert_array_equal(got, wanted[index].reshape(-1), err_msg=op.source)
            compared += 1
    assert compared == len(numbers)


def two_ends() -> bytes:
    """Two inputs and two outputs."""
    builder = Builder()
    a, b = builder.activation((1, 6), 0.1), builder.activation((1, 6), 0.2, 5)
    total, product = builder.activation((1, 6), 0.3), builder.activation((1, 6), 0.1, -9)
    builder.op("ADD", [a, b], total, fused_activation_function=RELU)
    builder.op("MUL", [a, total], product)
    return builder.finish([a, b], [total, product])


class TestEnds:
    def test_several_inputs_and_outputs(self):
        model = two_ends()
        compiled = compiler.compile(model)
        for name in ("model_input_0", "model_input_1", "model_output_1", "MODEL_OUTPUT_0_SIZE"):
            assert name in compiled.files["model.h"]
        rng = np.random.default_rng(0)
        given = [rng.integers(-128, 128, (1, 6)).astype(np.int8) for _ in range(2)]
        for got, want in zip(
            host.Host(compiled)(*given), tflm_oracle.run(model, given, [2, 3]), strict=True
        ):
            np.testing.assert_array_equal(got, want)

    def test_an_input_that_is_the_output(self):
        builder = Builder()
        x, y = builder.activation((1, 6), 0.1), builder.activation((1, 6), 1 / 256, -128)
        builder.op("LOGISTIC", [x], y)
        compiled = compiler.compile(builder.finish([x], [x]))
        given = np.arange(6, dtype=np.int8)
        (got,) = host.Host(compiled)(given)
        np.testing.assert_array_equal(got.reshape(-1), given)

    def test_the_same_model_again_and_again(self):
        model, _ = random_models.make(3, 10)
        program = host.Host(compiler.compile(model))
        first, second = random_input(model, 0), random_input(model, 1)
        once = program(first)[0]
        program(second)
        np.testing.assert_array_equal(program(first)[0], once)


class TestText:
    def test_only_the_kernels_that_are_called(self):
        compiled = compiler.compile(two_ends())
        assert sorted(name for name in compiled.files if name.endswith(".c")) == [
            "edge_add.c",
            "edge_mul.c",
            "model.c",
        ]

    def test_it_is_deterministic(self):
        model, _ = random_models.make(5, 20)
        assert compiler.compile(model).files == compiler.compile(model).files

    def test_hostile_names_stay_out_of_the_source(self):
        builder = Builder()
        x = builder.activation((1, 6), 0.1)
        y = builder.activation((1, 6), 1 / 256, -128)
        builder.op("LOGISTIC", [x], y)
        text = compiler.compile(builder.finish([x], [y])).files["model.c"]
        assert text.count("/*") == text.count("*/")

    def test_equal_constants_are_written_once(self):
        builder = Builder()
        x = builder.activation((1, 4, 4, 2), 0.1)
        weights = builder.constant(np.ones((2, 1, 1, 2), np.int8), [0.1])
        for _ in range(3):
            y = builder.activation((1, 4, 4, 2), 0.1)
            builder.op("CONV_2D", [x, weights], y, padding=SAME, stride_h=1, stride_w=1)
            x = y
        text = compiler.compile(builder.finish([0], [x])).files["model.c"]
        assert text.count("static const int8_t weights_") == 1

    @pytest.mark.parametrize("standard", ["c++11", "c++17"])
    def test_the_header_in_cpp(self, tmp_path: Path, standard: str):
        compiled = compiler.compile(two_ends())
        for name, text in compiled.files.items():
            if name.endswith(".h"):
                (tmp_path / name).write_text(text)
        user = tmp_path / "user.cpp"
        user.write_text('#include "model.h"\n#include "edge_kernels.h"\n#include "model.h"\n')
        command = ["g++", f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        done = subprocess.run(
            [*command, "-fsyntax-only", str(user)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr

    def test_no_float_no_heap(self):
        model, _ = random_models.make(5, 20)
        for name, text in compiler.compile(model).files.items():
            if name.endswith(".c"):
                for word in ("float ", "double ", "malloc", "printf"):
                    assert word not in text, name


def many_ops(count: int) -> bytes:
    builder = Builder()
    tensors = [builder.activation((1, 8, 8, 4), 0.1)]
    weights = builder.constant(np.ones((4, 1, 1, 4), np.int8), [0.01])
    for i in range(count):
        y = builder.activation((1, 8, 8, 4), 0.1)
        if i % 3:
            builder.op("ADD", [tensors[-1], tensors[max(0, len(tensors) - 4)]], y)
        else:
            inputs = [tensors[-1], weights]
            builder.op("CONV_2D", inputs, y, padding=SAME, stride_h=1, stride_w=1)
        tensors.append(y)
    return builder.finish(tensors[:1], tensors[-1:])


def test_many_ops_take_little_time():
    model = many_ops(500)
    assert lines_run(lambda: compiler.compile(model)) < 20_000_000  # six million today
    compiler.compile(many_ops(1000))


def test_an_unknown_kernel_set():
    with pytest.raises(ValueError, match="kernel set 'z80' is not one of auto, portable, dsp, mve"):
        compiler.compile(two_ends(), "z80")


def test_views_take_no_op(bc_resnet):
    compiled = compiler.compile(bc_resnet)
    assert not any(isinstance(op, (Reshape, Pad)) for op in compiled.graph.ops)
    assert len(compiled.graph.ops) < len(tflite_model.parse(bc_resnet).ops) * 0.8


class TestScratch:
    """Pointwise convolutions have a form with less scratch for DSP.

    Of inputs that are no whole words: all others are computed in pairs of channels.
    """

    def model(self, depth: int, pixels: int) -> bytes:
        builder = Builder()
        x, y = (builder.activation((1, pixels, 1, depth), 0.1) for _ in range(2))
        weights = builder.constant(np.ones((depth, 1, 1, depth), np.int8), [0.01])
        builder.op("CONV_2D", [x, weights], y, padding=SAME, stride_h=1, stride_w=1)
        return builder.finish([x], [y])

    def groups(self, compiled: compiler.Compiled) -> list[str]:
        text = compiled.files["model.c"]
        return re.findall(r"\.group = (\d)", text)

    def test_it_is_used_where_it_saves_more_than_it_costs(self):
        small = compiler.compile(self.model(22, 16), "dsp")
        assert self.groups(small) == ["4"]
        assert small.plan.size == 16 * 22 + 4 * 2 * 24

    def test_it_is_not_used_for_a_percent(self):
        large = compiler.compile(self.model(30, 400), "dsp")
        assert self.groups(large) == ["6"]
        assert large.plan.size == 400 * 30 + 6 * 2 * 32
