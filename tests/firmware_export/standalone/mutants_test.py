"""Files that mutation of FlatBuffers found: refused in one line, or TFLite Micro's bytes.

Each is made here as small as it gets; the kinds are those in SECURITY.md's promise on files.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite.BuiltinOperator import BuiltinOperator
from tflite.BuiltinOptions import BuiltinOptions

import tflite_model
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler, package, reader, registry
from firmware_export.tflm import package as tflm_package
from firmware_export.tflm import resolver
from fuzzing import mutants
from tests.firmware_export.standalone import host, kernels_glue, one_op
from tests.firmware_export.standalone.model_builder import Builder
from tflite_model.errors import TFLiteError
from tflite_model.names import printable


def test_every_op_with_options_is_tried():
    assert set(one_op.OPTIONS) == {name for name, rule in registry.rules().items() if rule.options}
    for name, rule in registry.rules().items():
        assert not rule.options or hasattr(BuiltinOptions, rule.options), name


@pytest.mark.parametrize("name", one_op.OPTIONS)
def test_without_the_fault_the_bytes_are_those_of_tflite_micro(name: str):
    rng = np.random.default_rng(1)
    model = one_op.make(name)
    shape = tflite_model.parse(model).inputs[0].shape
    kernels_glue.check(model, rng.integers(-128, 128, shape).astype(np.int8))


@pytest.mark.parametrize("name", one_op.OPTIONS)
def test_options_of_another_op_are_refused(name: str):
    """TFLite Micro takes such an op for one without options, whatever fields are there."""
    wanted = registry.rules()[name].options
    for table in ("AddOptions", "MulOptions", "Pool2DOptions", "SoftmaxOptions"):
        if table != wanted:
            with pytest.raises(ExportError, match=rf"has {table} where {wanted} belong; .*again$"):
                kernels_glue.read(one_op.make(name, table))


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("CONV_2D", 1),
        ("CONV_2D", 2),
        ("DEPTHWISE_CONV_2D", 1),
        ("FULLY_CONNECTED", 2),
        ("ADD", 1),
        ("MEAN", 1),
        ("STRIDED_SLICE", 2),
    ],
)
def test_a_constant_that_is_called_a_variable_is_refused(name: str, position: int):
    """TFLite Micro begins with zeros there, whatever the file has; LiteRT refuses the file."""
    with pytest.raises(TFLiteError, match=r"calls the constant tensor \d \('t\d'\) a variable; "):
        tflite_model.parse(one_op.make(name, variable=position))


@pytest.mark.parametrize("end", [0, 1])
def test_an_activation_that_is_called_a_variable_is_refused(end: int):
    builder = Builder()
    ends = [builder.activation((1, 4), 0.1, is_variable=end == i) for i in range(2)]
    builder.op("RELU", ends[:1], ends[1])
    with pytest.raises(ExportError, match=r"'t\d' that keeps state; convert without"):
        reader.read(tflite_model.parse(builder.finish(ends[:1], ends[1:])))


@pytest.mark.parametrize("value", [-128, 0, 127])
@pytest.mark.parametrize("depth", [1, 2, 256, 511])
def test_equal_logits(depth: int, value: int):
    kernels_glue.check(softmax(depth), np.full((1, depth), value, np.int8))


@pytest.mark.parametrize("depth", [512, 513, 1024, 2047, 2048, 4095])
def test_equal_logits_of_512_and_more(depth: int):
    """TFLite Micro aborts on them; a probability of half a step or less is none here."""
    run = host.Host(compiler.compile(tflite_model.parse(softmax(depth))))
    for value in (-128, 127):
        (result,) = run(np.full((1, depth), value, np.int8))
        assert (result == -128).all()
    # Others have the bytes of TFLite Micro.
    rng = np.random.default_rng(depth)
    kernels_glue.check(softmax(depth), rng.integers(-128, 128, (1, depth)).astype(np.int8))


@pytest.mark.parametrize("name", ["LOGISTIC", "MEAN", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("value", [-128, 127])
def test_other_sums_and_tables_of_extreme_equal_values(name: str, value: int):
    """Compiled with UBSan, which ends the process at an undefined shift or overflow."""
    builder = Builder()
    shape = (1, 200, 150, 1)
    x = builder.activation(shape, 0.1, -value - 1)
    inputs = [x]
    options: dict[str, Any] = {}
    y = builder.activation(shape, 1 / 256, -128)
    if name == "MEAN":
        inputs.append(builder.numbers(1, 2))
        y, options = builder.activation((1, 1, 1, 1), 0.1), {"keep_dims": True}
    elif name == "AVERAGE_POOL_2D":
        y = builder.activation((1, 1, 1, 1), 0.1, -value - 1)
        options = {**one_op.WINDOW, "padding": 1, "filter_height": 200, "filter_width": 150}
    builder.op(name, inputs, y, **options)
    kernels_glue.check(builder.finish([x], [y]), np.full(shape, value, np.int8))


def softmax(depth: int) -> bytes:
    builder = Builder()
    x = builder.activation((1, depth), 0.1, 3)
    y = builder.activation((1, depth), 1 / 256, -128)
    builder.op("SOFTMAX", [x], y, beta=1.0)
    return builder.finish([x], [y])


ESCAPES = "\x1b[2J\x9b31m\u202e\r"


def test_names_are_shown_escaped():
    assert printable(ESCAPES) == r"\x1b[2J\x9b31m\u202e\r"
    assert printable("größe/conv2d") == "größe/conv2d"
    assert printable("x" * 61) == "x" * 57 + "..."


def test_the_name_of_a_custom_op():
    builder = Builder()
    x, y = builder.activation((1, 4), 0.1), builder.activation((1, 4), 0.1)
    builder.op("CUSTOM", [x], y)
    model = tflite_model.parse(builder.finish([x], [y], custom_code=ESCAPES))
    assert all(name.isprintable() for name in model.op_counts())
    for refused in (reader.read, resolver.add_methods):
        with pytest.raises(ExportError, match=r"\\x1b\[2J") as caught:
            refused(model)
        assert str(caught.value).isprintable()


def test_the_name_of_a_tensor():
    builder = Builder()
    x, y = builder.activation((1, 4), 0.1, name=ESCAPES), builder.activation((1, 4), 0.1)
    builder.op("RELU", [y], y)
    with pytest.raises(ExportError) as caught:
        kernels_glue.read(builder.finish([x], [x, y]))
    assert str(caught.value).isprintable()
    builder = Builder()
    x = builder.activation((1, 0), 0.1, name=ESCAPES)
    builder.op("RELU", [x], builder.activation((1, 0), 0.1))
    with pytest.raises(ExportError, match=r"\\x1b\[2J") as caught:
        kernels_glue.read(builder.finish([x], [x]))
    assert str(caught.value).isprintable()


def test_comments_and_the_plan_of_a_model_with_such_names():
    builder = Builder()
    x = builder.activation((1, 2, 2, 2), 0.1, name=f"*/{ESCAPES}<script>")
    weights = builder.constant(
        np.ones((2, 1, 1, 2), np.int8), [0.01], name=f"*/{ESCAPES}<script>\n#pragma odd"
    )
    y = builder.activation((1, 2, 2, 2), 0.1, name="??/" + ESCAPES)
    builder.op("CONV_2D", [x, weights], y, **one_op.WINDOW)
    compiled = compiler.compile(tflite_model.parse(builder.finish([x], [y])))
    for name, text in compiled.files.items():
        assert all(line.isprintable() for line in text.split("\n")), name
        assert "script>" not in text.replace("_script_", "") and "\n#pragma odd" not in text


def changed(name: str, change: Callable[[Any], object]) -> bytes:
    """A model of one op after a change of its FlatBuffer."""
    model = mutants.unpack(one_op.make(name))
    change(model)
    return mutants.pack(model)


def test_the_larger_of_both_op_codes_counts():
    """As in interpreters; the generated accessor prefers the smaller field."""

    def mul(model: Any) -> None:
        model.operatorCodes[0].builtinCode = BuiltinOperator.MUL

    def none(model: Any) -> None:
        model.operatorCodes[0].builtinCode = 0

    given = np.arange(8, dtype=np.int8).reshape(1, 2, 2, 2)
    assert tflite_model.parse(changed("ADD", mul)).op_counts() == {"MUL": 1}
    with pytest.raises(ExportError, match="has AddOptions where MulOptions belong"):
        kernels_glue.read(changed("ADD", mul))
    assert tflite_model.parse(changed("SUB", none)).op_counts() == {"SUB": 1}
    kernels_glue.check(changed("SUB", none), given)


def test_data_after_the_flatbuffer_is_refused():
    """TFLite Micro takes what is inside, LiteRT what is there."""

    def outside(model: Any) -> None:
        model.buffers[0].offset, model.buffers[0].size = 10, 8

    with pytest.raises(TFLiteError, match=r"keeps buffer 0 after the FlatBuffer, .*; convert a sm"):
        tflite_model.parse(changed("ADD", outside))


def test_a_shape_without_end_is_one_short_line():
    def long(model: Any) -> None:
        model.subgraphs[0].tensors[0].shape = np.ones(300, np.int32)

    with pytest.raises(TFLiteError, match=r"gives tensor 0 .* more than 8 dimensions; ") as caught:
        tflite_model.parse(changed("ADD", long))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ethos-u", r"CUSTOM:ethos-u\) is compiled for an Ethos-U NPU: give .* before Vela$"),
        ("edgetpu-custom-op", r"for an Edge TPU: give the file from before the Edge TPU compiler$"),
    ],
)
def test_files_for_accelerators(name: str, told: str, tmp_path: Path):
    builder = Builder()
    x, y = builder.activation((1, 4), 0.1), builder.activation((1, 4), 0.1)
    builder.op("CUSTOM", [x], y)
    model = builder.finish([x], [y], custom_code=name)
    for export in (package.export, tflm_package.export):
        with pytest.raises(ExportError, match=told):
            export(model, tmp_path / "out", "1")
    assert not (tmp_path / "out").exists()


def test_an_op_that_no_flavour_has_is_not_sent_to_the_other():
    builder = Builder()
    x, y = builder.activation((1, 4), 0.1), builder.activation((1, 4), 0.1)
    builder.op("ONE_HOT", [x], y)
    with pytest.raises(ExportError, match=r"no kernel in plain C; change the model to avoid it$"):
        kernels_glue.read(builder.finish([x], [y]))


def test_outputs_without_a_batch_have_a_self_test(tmp_path: Path):
    """Golden vectors hold all of the output, whatever its first dimension."""
    builder = Builder()
    x, y = builder.activation((1, 2, 4), 0.1), builder.activation((2, 4), 0.1)
    builder.op("RESHAPE", [x, builder.numbers(2, 4)], y)
    manifest = package.export(builder.finish([x], [y]), tmp_path / "out", "1")
    assert manifest["golden"]["clips"] == 4
    assert manifest["golden"]["checked"]
