"""Reading of .tflite files: what is accepted, and that everything else is refused by name."""

import random
from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import tflite_model
from firmware_export.errors import FIX_SHAPE, ExportError
from firmware_export.standalone import compiler, reader
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.conv_2d import Conv2D
from firmware_export.standalone.ops.reshape import Reshape
from firmware_export.standalone.ops.shared import float_only
from firmware_export.standalone.ops.slice import Slice
from firmware_export.standalone.ops.take import Take
from tests.firmware_export import models
from tests.firmware_export.standalone import host, kernels_glue, random_models
from tests.firmware_export.standalone.model_builder import RELU, SAME, VALID, Builder
from tflite_model.errors import TFLiteError


def read(builder: Builder, inputs: list[int], outputs: list[int]) -> ir.Graph:
    return reader.read(tflite_model.parse(builder.finish(inputs, outputs)))


def convolution(**changes: Any) -> ir.Graph:
    """A graph of one CONV_2D, [1, 6, 5, 2] -> [1, 3, 5, 4]."""
    options = {"padding": SAME, "stride_h": 2, "stride_w": 1, **changes.pop("options", {})}
    builder = Builder()
    x = builder.activation(changes.pop("shape", (1, 6, 5, 2)), 0.1, 3)
    weights = changes.pop("weights", np.ones((4, 3, 3, 2), np.int8))
    scales = changes.pop("scales", [0.01] * 4)
    points = changes.pop("zero_points", None)
    w = builder.constant(weights, scales, points, axis=changes.pop("axis", 0))
    inputs = [x, w]
    bias = changes.pop("bias", np.zeros(4, np.int32))
    if bias is not None:
        inputs.append(builder.constant(bias))
    y = builder.activation(changes.pop("output", (1, 3, 5, 4)), 0.2)
    assert not changes
    builder.op("CONV_2D", inputs, y, **options)
    return read(builder, [x], [y])


class TestConvolution:
    def test_padding_is_counted(self):
        (op,) = convolution().ops
        assert isinstance(op, Conv2D)
        assert (op.stride, op.padding, op.dilation) == ((2, 1), (0, 1), (1, 1))
        assert op.source == "op 0 CONV_2D"

    def test_valid_padding(self):
        (op,) = convolution(options={"padding": VALID}, output=(1, 2, 3, 4)).ops
        assert isinstance(op, Conv2D)
        assert op.padding == (0, 0)

    def test_fused_activation_becomes_bounds(self):
        (op,) = convolution(options={"fused_activation_function": RELU}).ops
        assert isinstance(op, Conv2D)
        assert (op.low, op.high) == (0, 127)

    def test_groups(self):
        (op,) = convolution(weights=np.ones((4, 3, 3, 1), np.int8)).ops
        assert op.inputs[1].shape == (4, 3, 3, 1)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"options": {"stride_h": 0}}, r"op 0 \(CONV_2D\) has the stride \(0, 1\)"),
            ({"options": {"stride_w": -1}}, "stride"),
            ({"options": {"dilation_h_factor": 0}}, "dilation"),
            ({"options": {"padding": 2}}, "padding number 2"),
            ({"options": {"fused_activation_function": 4}}, "fused activation number 4"),
            ({"output": (1, 4, 5, 4)}, "stride and padding make"),
            ({"output": (1, 3, 5, 3)}, "writes 3 channels"),
            ({"output": (2, 3, 5, 4)}, "stride and padding make"),
            ({"output": (1, 3, 20)}, "not an image"),
            ({"shape": (1, 6, 10)}, "not an image"),
            ({"shape": (1, 6, 5, 3)}, "has 3 channels and weights"),
            ({"weights": np.ones((4, 3, 3), np.int8)}, "weights 't1' of shape"),
            ({"weights": np.ones((3, 3, 3, 1), np.int8), "scales": [1.0]}, "2 channels"),
            ({"weights": np.ones((4, 3, 3, 2), np.int32)}, "INT32 instead of int8 weights"),
            ({"zero_points": [0, 0, 1, 0]}, "zero point other than 0"),
            ({"scales": [0.1, 0.0, 0.1, 0.1]}, "weights with a scale of 0"),
            ({"scales": [0.1] * 3, "axis": 1}, "scales along dimension 1"),
            ({"scales": []}, "without a scale"),
            ({"bias": np.zeros(3, np.int32)}, "bias 't2' of shape"),
            ({"bias": np.zeros(4, np.int8)}, "INT8 instead of an int32 bias"),
        ],
    )
    def test_contradictions_are_refused(self, changes, what):
        with pytest.raises(ExportError, match=what):
            convolution(**changes)


class TestUnknownShapes:
    """The converter writes 1 for what it does not know; of the batch, that is the truth."""

    def add(self, shape: tuple[int, ...], signature: tuple[int, ...]) -> bytes:
        builder = Builder()
        x, y = (builder.activation(shape, 0.1, signature=signature) for _ in range(2))
        builder.op("ADD", [x, x], y)
        return builder.finish([x], [y])

    def test_a_batch_that_keras_leaves_open_is_one(self):
        model = self.add((1, 6), (-1, 6))
        values = np.arange(6, dtype=np.int8).reshape(1, 6)
        assert kernels_glue.check(model, values) == ["add"]

    @pytest.mark.parametrize(
        ("shape", "signature"), [((1, 1, 4), (-1, -1, 4)), ((1, 1), (1, -1)), ((3, 4), (-1, 4))]
    )
    def test_any_other_unknown_dimension_is_refused(self, shape, signature):
        with pytest.raises(ExportError) as caught:
            reader.read(tflite_model.parse(self.add(shape, signature)))
        what, remedy = str(caught.value).split("; ")
        assert what == f"the model's input 't0' has the unknown shape {signature}"
        assert remedy == FIX_SHAPE

    def test_an_op_that_makes_another_batch(self):
        """The converter writes a batch of 1 after an op that makes it 4."""
        builder = Builder()
        x = builder.activation((1, 4, 4, 1), 0.1, signature=(-1, 4, 4, 1))
        y = builder.activation((1, 2, 2, 1), 0.1, signature=(-1, 2, 2, 1))
        where = [builder.numbers(2, 2), builder.numbers([0, 0], [0, 0])]
        builder.op("SPACE_TO_BATCH_ND", [x, *where], y)
        with pytest.raises(ExportError) as caught:
            reader.read(tflite_model.parse(builder.finish([x], [y])))
        assert str(caught.value).endswith(f"a dimension is unknown in the file: {FIX_SHAPE}")

    def test_the_remedy(self):
        """A Keras model of any length is refused, and accepted when converted as the error says."""
        import tensorflow as tf
        import tf_keras

        x = tf_keras.Input((None, 4))
        model = tf_keras.Model(x, tf_keras.layers.Conv1D(3, 3, padding="same")(x))
        plain = tf.lite.TFLiteConverter.from_keras_model(model)
        with pytest.raises(ExportError) as caught:
            compiler.compile(_quantized(plain, (1, 8, 4)))
        code = str(caught.value).split("fix it with ")[1]
        names = {"tf": tf, "TFLiteConverter": tf.lite.TFLiteConverter, "model": model}
        fixed = eval(code, names | {"SHAPE": (1, 8, 4)})
        compiled = compiler.compile(_quantized(fixed, (1, 8, 4)))
        assert compiled.graph.inputs[0].shape == (1, 8, 4)


def _quantized(converter: Any, shape: tuple[int, ...]) -> bytes:
    import tensorflow as tf

    rng = np.random.default_rng(0)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(size=shape).astype(np.float32)] for _ in range(3)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


class TestGraph:
    def chain(self, *names: str) -> tuple[Builder, list[int]]:
        builder = Builder()
        tensors = [builder.activation((1, 4), 1 / 256, -128) for _ in range(len(names) + 1)]
        for i, name in enumerate(names):
            builder.op(name, [tensors[i]], tensors[i + 1])
        return builder, tensors

    def test_an_op_of_a_tensor_that_nothing_writes(self):
        builder, tensors = self.chain("LOGISTIC")
        lost = builder.activation((1, 4), 0.1)
        builder.op("LOGISTIC", [lost], builder.activation((1, 4), 1 / 256, -128))
        with pytest.raises(ExportError, match=r"op 1 \(LOGISTIC\) reads 't2', which no earlier op"):
            read(builder, tensors[:1], tensors[1:2])

    def test_a_cycle(self):
        builder = Builder()
        x, a, b = (builder.activation((1, 4), 0.1) for _ in range(3))
        builder.op("ADD", [x, b], a)
        builder.op("ADD", [x, a], b)
        with pytest.raises(ExportError, match="reads 't2', which no earlier op writes"):
            read(builder, [x], [b])

    def test_a_tensor_written_twice(self):
        builder, tensors = self.chain("LOGISTIC")
        builder.op("LOGISTIC", tensors[:1], tensors[1])
        with pytest.raises(ExportError, match="writes 't1', which was written before"):
            read(builder, tensors[:1], tensors[1:])

    def test_an_input_that_is_written(self):
        builder, tensors = self.chain("LOGISTIC")
        with pytest.raises(ExportError, match="writes 't1', which was written before"):
            read(builder, tensors, tensors[1:])

    def test_an_output_that_nothing_writes(self):
        builder, tensors = self.chain("LOGISTIC")
        lost = builder.activation((1, 4), 0.1)
        with pytest.raises(ExportError, match="no op writes the model's output 't2'"):
            read(builder, tensors[:1], [lost])

    def test_an_input_named_twice(self):
        builder, tensors = self.chain("LOGISTIC")
        with pytest.raises(ExportError, match="listed twice"):
            read(builder, [tensors[0], tensors[0]], tensors[1:])

    def test_a_constant_as_input(self):
        builder, tensors = self.chain("LOGISTIC")
        constant = builder.constant(np.zeros((1, 4), np.int8), [0.1])
        with pytest.raises(ExportError, match="is a constant or listed twice"):
            read(builder, [*tensors[:1], constant], tensors[1:])

    def test_a_constant_as_output_is_copied(self):
        builder, tensors = self.chain("LOGISTIC")
        constant = builder.constant(np.zeros((1, 4), np.int8), [0.1])
        graph = read(builder, tensors[:1], [constant])
        copied = graph.ops[-1].inputs[0].data
        assert graph.outputs == [graph.ops[-1].output] and copied is not None and not copied.any()

    def test_an_output_that_no_op_writes(self):
        builder, tensors = self.chain("LOGISTIC")
        with pytest.raises(ExportError, match="no op writes"):
            read(builder, tensors[:1], [builder.activation((1, 4), 0.1, 0)])

    def test_tensors_that_no_device_holds(self):
        builder = Builder()
        x = builder.activation((1, 5000, 5000, 1), 1 / 256, -128)
        y = builder.activation((1, 5000, 5000, 1), 1 / 256, -128)
        builder.op("LOGISTIC", [x], y)
        with pytest.raises(ExportError, match="bytes can be exported"):
            read(builder, [x], [y])

    @pytest.mark.parametrize("shape", [(1, 0), (1,) * 7])
    def test_shapes_that_no_kernel_has(self, shape):
        builder = Builder()
        x, y = (builder.activation(shape, 1 / 256, -128) for _ in range(2))
        builder.op("LOGISTIC", [x], y)
        with pytest.raises(ExportError, match="can be exported"):
            read(builder, [x], [y])

    @pytest.mark.parametrize(
        ("scale", "point", "what"), [(0.0, 0, "scale of 0"), (0.1, 200, "zero point 200")]
    )
    def test_quantization_that_is_none(self, scale, point, what):
        builder = Builder()
        x, y = builder.activation((1, 4), scale, point), builder.activation((1, 4), 1 / 256, -128)
        builder.op("LOGISTIC", [x], y)
        with pytest.raises(ExportError, match=what):
            read(builder, [x], [y])

    @pytest.mark.parametrize("name", sorted(float_only.REMEDIES))
    def test_an_op_that_tflite_micro_has_not_in_int8(self, name):
        builder = Builder()
        x, y = builder.activation((1, 4), 0.1), builder.activation((1, 4), 0.1)
        builder.op(name, [x], y)
        with pytest.raises(
            ExportError, match=rf"op 0 \({name}\) has no int8 kernel in TFLite Micro"
        ):
            read(builder, [x], [y])

    def test_what_does_the_same(self):
        """The remedies: 0 - x, x * x, x * rsqrt(x), MINIMUM and MAXIMUM."""
        builder = Builder()
        x = builder.activation((1, 4), 0.1, -128)
        made = [builder.activation((1, 4), 0.2) for _ in range(6)]
        zero = builder.constant(np.zeros(1, np.int8), [0.1])
        builder.op("SUB", [zero, x], made[0])
        builder.op("MUL", [x, x], made[1])
        builder.op("RSQRT", [x], made[2])
        builder.op("MUL", [x, made[2]], made[3])
        builder.op("MINIMUM", [made[0], zero], made[4])
        builder.op("MAXIMUM", [made[4], zero], made[5])
        model = builder.finish([x], made)
        compiled = compiler.compile(model)
        values = np.array([[-128, -118, -28, 122]], np.int8)  # 0, 1, 10, 25
        outputs = host.Host(compiled)(values)
        real = [0.2 * output.astype(np.float32) for output in outputs]
        np.testing.assert_allclose(real[0][0], [0, -1, -10, -25], atol=0.4)
        np.testing.assert_allclose(real[3][0], [0, 1, 3.16, 5], atol=2.6)
        assert (outputs[1][0][:2] == [0, 5]).all()

    def test_an_op_that_has_no_kernel(self):
        builder, tensors = self.chain("LOGISTIC", "FLOOR")
        with pytest.raises(ExportError, match=r"op 1 \(FLOOR\) has no kernel .* --flavor=tflm"):
            read(builder, tensors[:1], tensors[2:])

    def test_a_version_that_is_not_known(self):
        def newer(model: Any) -> None:
            model.operatorCodes[0].version = 99

        with pytest.raises(ExportError, match="version 99, versions up to"):
            reader.read(tflite_model.parse(models.fully_connected(newer)))

    def test_a_float_model(self):
        def as_float(model: Any) -> None:
            model.subgraphs[0].tensors[0].type = schema.TensorType.FLOAT32

        with pytest.raises(ExportError, match="type FLOAT32; convert to int8"):
            reader.read(tflite_model.parse(models.fully_connected(as_float)))

    def test_names_are_made_unique(self):
        def same(model: Any) -> None:
            for tensor in model.subgraphs[0].tensors:
                tensor.name = "x\n*/"

        graph = reader.read(tflite_model.parse(models.fully_connected(same)))
        names = [tensor.name for tensor in (*graph.inputs, *graph.outputs)]
        assert len(set(names)) == 2
        assert all(name.isprintable() for name in names)


class TestMovement:
    def strided(self, begin, end, step, output, **options) -> ir.Graph:
        builder = Builder()
        x, y = builder.activation((1, 6, 4), 0.1), builder.activation(output, 0.1)
        where = [builder.numbers(*values) for values in (begin, end, step)]
        builder.op("STRIDED_SLICE", [x, *where], y, **options)
        return read(builder, [x], [y])

    def test_masks_and_negative_ends(self):
        (op,) = self.strided(
            [0, 5, 1], [0, -3, -1], [1, 1, 2], (1, 3, 1), begin_mask=2, end_mask=1
        ).ops
        assert isinstance(op, Slice)
        assert (op.begin, op.step) == ((0, 0, 1), (1, 1, 2))

    def test_a_negative_step(self):
        (op,) = self.strided([0, -1, 0], [1, 0, 4], [1, -1, 1], (1, 6, 4), end_mask=2).ops
        assert isinstance(op, Slice)
        assert (op.begin, op.step) == ((0, 5, 0), (1, -1, 1))

    def test_an_axis_that_goes(self):
        slice_, reshape = self.strided(
            [0, 2, 0], [1, 3, 4], [1, 1, 1], (1, 4), shrink_axis_mask=2
        ).ops
        assert isinstance(slice_, Slice)
        assert isinstance(reshape, Reshape)
        assert slice_.output.shape == (1, 1, 4)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"step": [1, 0, 1]}, "step of 0"),
            ({"output": (1, 2, 4)}, "to "),
            ({"ellipsis_mask": 1}, "ellipsis"),
            ({"begin": [0, 3, 0]}, "takes nothing along axis 1"),
            ({"begin": [0, 9, 0], "shrink_axis_mask": 2}, "takes item 6"),
        ],
    )
    def test_strided_slices_that_are_none(self, changes, what):
        values = {"begin": [0, 0, 0], "end": [1, 3, 4], "step": [1, 1, 1], "output": (1, 3, 4)}
        with pytest.raises(ExportError, match=what):
            self.strided(**{**values, **changes})

    @pytest.mark.parametrize(
        ("pads", "output", "what"),
        [
            ([[0, 0], [1, -1]], (1, 4), "pads by"),
            ([[0, 0], [1, 2**30]], (1, 4), "padding"),
            ([[0, 0], [1, 1], [0, 0]], (1, 6), "6 values in"),
        ],
    )
    def test_pads_that_are_none(self, pads, output, what):
        builder = Builder()
        x, y = builder.activation((1, 4), 0.1), builder.activation(output, 0.1)
        builder.op("PAD", [x, builder.numbers(*pads)], y)
        with pytest.raises(ExportError, match=what):
            read(builder, [x], [y])

    @pytest.mark.parametrize("order", [[0, 0, 1], [0, 1, 3], [2, 1, 0], [0, -1, 1]])
    def test_orders_that_are_none(self, order):
        builder = Builder()
        x, y = builder.activation((1, 2, 3), 0.1), builder.activation((1, 3, 2), 0.1)
        builder.op("TRANSPOSE", [x, builder.numbers(*order)], y)
        with pytest.raises(ExportError, match=r"op 0 \(TRANSPOSE\)"):
            read(builder, [x], [y])

    def test_joining_what_does_not_fit(self):
        builder = Builder()
        a, b = builder.activation((1, 2, 3), 0.1), builder.activation((1, 2, 3), 0.2)
        builder.op("CONCATENATION", [a, b], builder.activation((1, 4, 3), 0.1), axis=1)
        with pytest.raises(ExportError, match="different scales or zero points in 't1'"):
            read(builder, [a, b], [2])

    def test_resize_rounds_as_tflite_does(self):
        builder = Builder()
        x, y = builder.activation((1, 3, 2, 1), 0.1), builder.activation((1, 5, 4, 1), 0.1)
        builder.op(
            "RESIZE_NEAREST_NEIGHBOR", [x, builder.numbers(5, 4)], y, half_pixel_centers=True
        )
        (op,) = read(builder, [x], [y]).ops
        assert isinstance(op, Take)
        assert op.taken[1:3] == ((0, 0, 1, 2, 2), (0, 0, 1, 1))

    @pytest.mark.parametrize("axes", [[], [4], [-5]])
    def test_means_of_no_axis(self, axes):
        builder = Builder()
        x, y = builder.activation((1, 2, 3, 4), 0.1), builder.activation((1, 1, 3, 4), 0.1)
        builder.op("MEAN", [x, builder.numbers(*axes)], y, keep_dims=True)
        with pytest.raises(ExportError, match=r"op 0 \(MEAN\)"):
            read(builder, [x], [y])


def survives(data: bytes) -> bool:
    """Whether the file compiles; a refusal is fine, anything else fails the test."""
    try:
        compiler.compile(tflite_model.parse(data))
    except (ExportError, TFLiteError) as error:
        assert "\n" not in str(error)
        return False
    return True


class TestDamagedFiles:
    """Thousands of damaged files: each compiles or is refused, none crashes or hangs."""

    def files(self) -> list[bytes]:
        return [models.fully_connected(), *(random_models.make(seed, 8)[0] for seed in range(12))]

    def test_flipped_bits_and_missing_ends(self):
        rng = random.Random(1)
        seen = {True: 0, False: 0}
        for data in self.files() * 100:
            changed = bytearray(data)
            for _ in range(rng.choice((1, 1, 2, 8))):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            if rng.random() < 0.1:
                del changed[rng.randrange(len(changed)) :]
            seen[survives(bytes(changed))] += 1
        assert seen[True] > 20
        assert seen[False] > 20, seen

    def test_changed_fields(self):
        rng = random.Random(2)
        seen = {True: 0, False: 0}
        for data in self.files() * 100:
            model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
            for _ in range(rng.choice((1, 1, 3))):
                _change(model, rng)
            builder = flatbuffers.Builder(1024)
            try:
                builder.Finish(model.Pack(builder), b"TFL3")
            except Exception:  # What cannot be written cannot be read.
                continue
            seen[survives(bytes(builder.Output()))] += 1
        assert seen[False] > 20, seen


def _change(model: Any, rng: random.Random) -> None:
    graph = model.subgraphs[0]
    tensor, op = rng.choice(graph.tensors), rng.choice(graph.operators)
    numbers = (0, 1, -1, 2, 7, 255, 256, 32767, 65536, 2**31 - 1, -(2**31))
    changes: list[Callable[[], Any]] = [
        lambda: _set_item(tensor.shape, rng, numbers),
        lambda: _set_item(op.inputs, rng, range(-1, len(graph.tensors) + 1)),
        lambda: _set_item(op.outputs, rng, range(len(graph.tensors))),
        lambda: _set_item(graph.outputs, rng, range(len(graph.tensors))),
        lambda: setattr(tensor, "type", rng.randrange(12)),
        lambda: setattr(tensor, "buffer", rng.randrange(len(model.buffers))),
        lambda: setattr(op, "opcodeIndex", rng.randrange(len(model.operatorCodes))),
        lambda: _set_field(op.builtinOptions, rng, numbers),
        lambda: _set_quantization(tensor.quantization, rng),
        lambda: _set_bytes(rng.choice(model.buffers), rng),
    ]
    rng.choice(changes)()


def _set_item(values: Any, rng: random.Random, choices: Any) -> None:
    if values is not None and len(values):
        values[rng.randrange(len(values))] = rng.choice(choices)


def _set_field(options: Any, rng: random.Random, numbers: tuple[int, ...]) -> None:
    if options is not None and vars(options):
        setattr(options, rng.choice(sorted(vars(options))), rng.choice(numbers))


def _set_quantization(quantization: Any, rng: random.Random) -> None:
    if quantization is not None and quantization.scale is not None:
        scales = (0.0, -1.0, 1e-38, 1e38, float("inf"), float("nan"), 1e-7, 3.0)
        _set_item(quantization.scale, rng, scales)
        _set_item(quantization.zeroPoint, rng, (0, 127, -128, 128, 2**40))
        quantization.quantizedDimension = rng.choice((0, 0, 1, 3, 4, -1))


def _set_bytes(buffer: Any, rng: random.Random) -> None:
    if buffer.data is not None and len(buffer.data):
        data = np.array(buffer.data)
        data[rng.randrange(len(data))] = rng.randrange(256)
        buffer.data = data
