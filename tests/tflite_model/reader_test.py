from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tflite.Model import Model

import tflite_model
from tests.firmware_export import models
from tests.steps import lines_run
from tflite_model.errors import TFLiteError
from tflite_model.info import ModelInfo

schema = models.schema


def refuses(data: bytes) -> TFLiteError:
    with pytest.raises(TFLiteError) as caught:
        tflite_model.parse(data, "some.tflite")
    assert "some.tflite" in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def parse_or_refuse(data: bytes) -> ModelInfo | None:
    """The only two outcomes allowed, whatever the bytes."""
    try:
        return tflite_model.parse(data)
    except TFLiteError:
        return None


class TestAgainstLiteRT:
    """LiteRT reads the same file; both must see the same model."""

    @pytest.fixture(scope="class")
    def interpreter(self, converted_model: bytes) -> Any:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        made = Interpreter(
            model_content=converted_model,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        made.allocate_tensors()
        return made

    def test_tensors(self, converted_model: bytes, interpreter: Any) -> None:
        info = tflite_model.parse(converted_model)
        for details in interpreter.get_tensor_details():
            if details["index"] >= len(info.tensors):
                continue  # scratch tensors of the interpreter's own
            tensor = info.tensors[details["index"]]
            assert tensor.name == details["name"]
            assert tensor.shape == tuple(details["shape"])
            assert tensor.shape_signature == tuple(details["shape_signature"])
            assert tensor.type == np.dtype(details["dtype"]).name.upper()
            quantization = details["quantization_parameters"]
            assert np.array_equal(np.float32(tensor.scales), quantization["scales"])
            assert np.array_equal(tensor.zero_points, quantization["zero_points"])
            if len(tensor.scales) > 1:
                assert tensor.quantized_dimension == quantization["quantized_dimension"]
            if tensor.is_constant:
                assert np.array_equal(tensor.array(), interpreter.get_tensor(tensor.index))
                assert tensor.byte_size == tensor.array().nbytes == len(tensor.data)

    def test_ops(self, converted_model: bytes, interpreter: Any) -> None:
        info = tflite_model.parse(converted_model)
        # LiteRT appends DELEGATE ops when it uses one; the reference resolver uses none.
        theirs = interpreter._get_ops_details()
        assert [op.name for op in info.ops] == [op["op_name"] for op in theirs]
        assert [op.inputs for op in info.ops] == [tuple(op["inputs"]) for op in theirs]
        assert [op.outputs for op in info.ops] == [tuple(op["outputs"]) for op in theirs]

    def test_inputs_and_outputs(self, converted_model: bytes, interpreter: Any) -> None:
        info = tflite_model.parse(converted_model)
        assert [t.index for t in info.inputs] == [
            details["index"] for details in interpreter.get_input_details()
        ]
        assert [t.index for t in info.outputs] == [
            details["index"] for details in interpreter.get_output_details()
        ]


class TestReading:
    def test_small_model(self, small_model: bytes) -> None:
        info = tflite_model.parse(small_model)
        assert info.op_counts() == {"FULLY_CONNECTED": 1}
        assert info.op_versions() == [{"name": "FULLY_CONNECTED", "version": 4, "count": 1}]
        assert info.description == "made by a test"
        assert info.byte_size == len(small_model)
        assert info.constant_bytes() == models.CLASSES * models.INPUTS + 4 * models.CLASSES
        assert info.inputs[0].shape == (1, models.INPUTS)
        assert info.outputs[0].zero_points == (4,)
        assert not any(tensor.is_float for tensor in info.tensors)
        assert all(tensor.is_static for tensor in info.tensors)

    def test_options(self, converted_model: bytes) -> None:
        convolution = next(
            op for op in tflite_model.parse(converted_model).ops if op.name == "CONV_2D"
        )
        assert convolution.options_type == "Conv2DOptions"
        assert convolution.options["stride_w"] == convolution.options["stride_h"] == 2
        assert convolution.options["dilation_w_factor"] == 1
        assert (
            convolution.options["fused_activation_function"] == schema.ActivationFunctionType.RELU
        )

    def test_vector_options(self) -> None:
        def reshape(model: Any) -> None:
            models.set_op(model, schema.BuiltinOperator.RESHAPE)
            op = model.subgraphs[0].operators[0]
            op.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
            op.builtinOptions = schema.ReshapeOptionsT()
            op.builtinOptions.newShape = [1, 2, -1]

        (op,) = tflite_model.parse(models.fully_connected(reshape)).ops
        assert (op.options_type, dict(op.options)) == ("ReshapeOptions", {"new_shape": (1, 2, -1)})

    def test_custom_op(self) -> None:
        data = models.fully_connected(
            lambda model: models.set_op(model, schema.BuiltinOperator.CUSTOM, "Magic")
        )
        info = tflite_model.parse(data)
        assert info.ops[0].is_custom
        assert info.op_counts() == {"CUSTOM:Magic": 1}

    def test_ops_above_the_old_limit(self) -> None:
        data = models.fully_connected(
            lambda model: models.set_op(model, schema.BuiltinOperator.GELU)
        )
        assert tflite_model.parse(data).op_counts() == {"GELU": 1}

    def test_dynamic_batch_and_float(self) -> None:
        def change(model: Any) -> None:
            tensor = model.subgraphs[0].tensors[0]
            tensor.shapeSignature = [-1, models.INPUTS]
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None

        (tensor,) = tflite_model.parse(models.fully_connected(change)).inputs
        assert tensor.is_float
        assert not tensor.is_static
        assert tensor.shape == (1, models.INPUTS)
        assert tensor.scales == ()
        with pytest.raises(ValueError):
            tensor.array()

    def test_per_channel_scales(self) -> None:
        def change(model: Any) -> None:
            quantization = model.subgraphs[0].tensors[1].quantization
            quantization.scale, quantization.zeroPoint = [0.1, 0.2, 0.3], [0, 0, 0]

        tensor = tflite_model.parse(models.fully_connected(change)).tensors[1]
        assert tensor.scales == pytest.approx((0.1, 0.2, 0.3))
        assert tensor.quantized_dimension == 0

    def test_a_bias_with_the_dimension_of_its_filter(self) -> None:
        """As converters of 2019 wrote it; such models are still about."""

        def change(model: Any) -> None:
            parameters = quantization(model, 2)
            parameters.scale, parameters.zeroPoint = [0.1, 0.2, 0.3], [0, 0, 0]
            parameters.quantizedDimension = 3

        tensor = tflite_model.parse(models.fully_connected(change)).tensors[2]
        assert (len(tensor.scales), tensor.quantized_dimension) == (3, 0)

    def test_optional_input(self) -> None:
        def change(model: Any) -> None:
            model.subgraphs[0].operators[0].inputs = [0, 1, -1]

        assert tflite_model.parse(models.fully_connected(change)).ops[0].inputs == (0, 1, -1)

    def test_file(self, tmp_path: Path, small_model: bytes) -> None:
        (tmp_path / "m.tflite").write_bytes(small_model)
        assert tflite_model.read(tmp_path / "m.tflite") == tflite_model.parse(small_model)

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(TFLiteError, match=r"none\.tflite cannot be read \(No such file"):
            tflite_model.read(tmp_path / "none.tflite")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(TFLiteError, match="cannot be read"):
            tflite_model.read(tmp_path)


def _subgraph(opcode: int = 0, inputs: Sequence[int] = (0,)) -> Any:
    """A second graph: one tensor, one op."""
    graph, tensor, op = schema.SubGraphT(), schema.TensorT(), schema.OperatorT()
    tensor.shape, tensor.type, tensor.name, tensor.buffer = [2], schema.TensorType.INT32, "s", 0
    op.opcodeIndex, op.inputs, op.outputs = opcode, list(inputs), [0]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [tensor], [op], [], []
    return graph


def test_further_subgraphs() -> None:
    data = models.fully_connected(lambda model: model.subgraphs.append(_subgraph()))
    info = tflite_model.parse(data)
    (other,) = info.subgraphs
    assert [tensor.name for tensor in other.tensors] == ["s"]
    assert [op.name for op in other.ops] == ["FULLY_CONNECTED"]
    assert (len(info.tensors), len(info.ops)) == (4, 1)


class TestWrongContent:
    """Files that are whole, but say what cannot be."""

    def test_empty(self) -> None:
        assert "empty" in str(refuses(b""))

    @pytest.mark.parametrize("data", [b"x", b"RIFF\0\0\0\0WAVEfmt ", bytes(1000), b"TFL3" * 50])
    def test_not_a_tflite_file(self, data: bytes) -> None:
        error = refuses(data)
        assert "not a .tflite file" in str(error) or "damaged" in str(error)

    @pytest.mark.parametrize(
        ("message", "change"),
        [
            ("schema version", lambda m: setattr(m, "version", 2)),
            ("no subgraph", lambda m: setattr(m, "subgraphs", [])),
            ("op code 7", lambda m: m.subgraphs.append(_subgraph(opcode=7))),
            ("tensor 9", lambda m: m.subgraphs.append(_subgraph(inputs=[9]))),
            ("op code 7", lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 7)),
            ("tensor 9", lambda m: setattr(m.subgraphs[0].operators[0], "inputs", [9])),
            ("tensor -1", lambda m: setattr(m.subgraphs[0].operators[0], "outputs", [-1])),
            ("graph's inputs", lambda m: setattr(m.subgraphs[0], "inputs", [-2])),
            ("graph's outputs", lambda m: setattr(m.subgraphs[0], "outputs", [4])),
            ("no input", lambda m: setattr(m.subgraphs[0], "inputs", [])),
            ("no op", lambda m: setattr(m.subgraphs[0], "operators", [])),
            ("buffer 99", lambda m: setattr(m.subgraphs[0].tensors[0], "buffer", 99)),
            ("type 77", lambda m: setattr(m.subgraphs[0].tensors[0], "type", 77)),
            ("shape", lambda m: setattr(m.subgraphs[0].tensors[0], "shape", [1, -8])),
            ("needs 32", lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [4, 8])),
            ("signature", lambda m: setattr(m.subgraphs[0].tensors[0], "shapeSignature", [1])),
            ("scale", lambda m: setattr(quantization(m), "scale", [float("nan")])),
            ("scale", lambda m: setattr(quantization(m), "scale", [-1.0])),
            ("zero points", lambda m: setattr(quantization(m), "zeroPoint", [])),
            ("op number 5000", lambda m: models.set_op(m, 5000)),
            (
                "sparse",
                lambda m: setattr(
                    m.subgraphs[0].tensors[1], "sparsity", schema.SparsityParametersT()
                ),
            ),
        ],
    )
    def test_names_what_is_wrong(self, message: str, change: Any) -> None:
        assert message in str(refuses(models.fully_connected(change)))

    def test_scales_that_fit_no_dimension(self) -> None:
        def change(model: Any) -> None:
            quantization(model, 1).scale = [0.1, 0.2]
            quantization(model, 1).zeroPoint = [0, 0]

        assert "2 scales along dimension 0" in str(refuses(models.fully_connected(change)))

    def test_long_and_binary_names_stay_on_one_line(self) -> None:
        def change(model: Any) -> None:
            model.subgraphs[0].tensors[1].name = "line\nbreak" * 1000
            model.subgraphs[0].tensors[1].shape = [4, 8]

        assert len(str(refuses(models.fully_connected(change)))) < 300


def quantization(model: Any, tensor: int = 0) -> Any:
    return model.subgraphs[0].tensors[tensor].quantization


class TestDamage:
    """Files that somebody cut, flipped or forged."""

    def test_truncated_anywhere(self, converted_model: bytes) -> None:
        for length in range(0, len(converted_model), 5):
            parse_or_refuse(converted_model[:length])

    def test_half_a_file_is_refused(self, converted_model: bytes) -> None:
        refuses(converted_model[: len(converted_model) // 2])

    def test_flipped_bytes(self, converted_model: bytes) -> None:
        rng = np.random.default_rng(3)
        refused = 0
        for _ in range(400):
            data = bytearray(converted_model)
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                data[place] ^= int(rng.integers(1, 256))
            refused += parse_or_refuse(bytes(data)) is None
        assert refused > 40

    def test_forged_lengths_and_offsets(self, small_model: bytes) -> None:
        words = np.frombuffer(small_model[: len(small_model) // 4 * 4], "<u4")
        for place in range(len(words)):
            for forged in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(small_model)):
                changed = words.copy()
                changed[place] = forged
                parse_or_refuse(changed.tobytes())

    @settings(
        max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    def test_spliced(self, small_model: bytes, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(small_model)))
        junk = data.draw(st.binary(max_size=64))
        skip = data.draw(st.integers(0, 64))
        parse_or_refuse(small_model[:start] + junk + small_model[start + skip :])

    def test_a_git_lfs_pointer_is_called_one(self) -> None:
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
        with pytest.raises(TFLiteError, match=r"m is a Git LFS pointer, .* with 'git lfs pull'$"):
            tflite_model.parse(pointer, "m")

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=400))
    def test_noise_with_the_right_identifier(self, noise: bytes) -> None:
        parse_or_refuse(noise[:4].ljust(4, b"\x08") + b"TFL3" + noise[4:])

    def test_shared_content_costs_no_more_than_its_bytes(self) -> None:
        """2000 ops that share one vector of 20,000 inputs would be 40 million values."""
        indices = np.zeros(20_000, np.int32)

        def change(model: Any) -> None:
            model.subgraphs[0].operators *= 2000

        data = bytearray(models.fully_connected(change))
        forged_at = len(data)
        data += np.int32(len(indices)).tobytes() + indices.tobytes()
        model = Model.GetRootAs(bytes(data), 0)
        graph = model.Subgraphs(0)
        for index in range(graph.OperatorsLength()):
            table = graph.Operators(index)._tab
            field = table.Pos + table.Offset(6)  # inputs
            data[field : field + 4] = np.uint32(forged_at - field).tobytes()
        said: list[str] = []
        assert lines_run(lambda: said.append(str(refuses(bytes(data))))) < 1_000_000
        assert "more content than it has bytes" in said[0]
