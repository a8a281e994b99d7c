"""Builds .tflite files of any ops in memory, for tests.

builder = Builder()
x = builder.activation((1, 8, 8, 4), scale=0.1, zero_point=3)
w = builder.constant(weights, scales=[0.01] * 6, axis=0)
y = builder.activation((1, 8, 8, 6), 0.2)
builder.op("CONV_2D", [x, w], y, padding=SAME, stride_h=1, stride_w=1)
model = builder.finish([x], [y])
"""

import importlib
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite
from tflite.BuiltinOperator import BuiltinOperator
from tflite.BuiltinOptions import BuiltinOptions
from tflite.TensorType import TensorType

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)

# Of ops whose options do not go by the op's name.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"), "ReducerOptions"),
}
_NAMES = {name.lower(): name for name in vars(BuiltinOptions)}
_TYPES = {
    name: getattr(TensorType, name.upper())
    for name in ("bool", "int8", "uint8", "int16", "int32", "int64", "float32", "resource")
}


class Builder:
    """Collects tensors and ops. A tensor is its number, as in the file."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)
        self._tensors: list[int] = []
        self._buffers: list[bytes] = [b""]
        self._codes: list[int] = []
        self._ops: list[int] = []
        self._graphs: list[tuple[list[int], list[int]]] = []
        self.shapes: list[tuple[int, ...]] = []

    def activation(
        self,
        shape: Sequence[int],
        scale: float | None,
        zero_point: int = 0,
        is_variable: bool = False,
        name: str = "",
        signature: Sequence[int] = (),
        dtype: str = "int8",
    ) -> int:
        """`signature` has -1 for unknown dimensions; without a scale there is no quantization."""
        scales, points = ([], []) if scale is None else ([scale], [zero_point])
        return self._tensor(tuple(shape), dtype, 0, scales, points, 0, is_variable, name, signature)

    def constant(
        self,
        values: np.ndarray,
        scales: Sequence[float] = (),
        zero_points: Sequence[int] | None = None,
        axis: int = 0,
        is_variable: bool = False,
        name: str = "",
    ) -> int:
        """Of any type; zero points default to 0."""
        self._buffers.append(values.tobytes())
        points = [0] * len(scales) if zero_points is None else list(zero_points)
        kind = str(values.dtype)
        buffer = len(self._buffers) - 1
        return self._tensor(
            values.shape, kind, buffer, list(scales), points, axis, is_variable, name
        )

    def numbers(self, *values: Any) -> int:
        """An int32 constant without quantization: axes, shapes, paddings."""
        return self.constant(np.array(values, np.int32))

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        output: int | Sequence[int],
        options_table: str | None = None,
        **options: Any,
    ) -> None:
        """One op; options by the schema's names. An input of -1 is left out.

        Args:
          name: in the schema.
          inputs, output: tensors.
          options_table: what the file calls the options; None: what they are.
          options: its fields.
        """
        code = getattr(BuiltinOperator, name)
        if code not in self._codes:
            self._codes.append(code)
        kind = _OPTIONS.get(name) or _NAMES.get(f"{name.replace('_', '')}options".lower())
        table = self._table(kind, options) if kind else None
        inputs_vector = self._ints(inputs)
        outputs_vector = self._ints([output] if isinstance(output, int) else output)
        tflite.OperatorStart(self._builder)
        tflite.OperatorAddOpcodeIndex(self._builder, self._codes.index(code))
        tflite.OperatorAddInputs(self._builder, inputs_vector)
        tflite.OperatorAddOutputs(self._builder, outputs_vector)
        if kind and table is not None:
            number = getattr(BuiltinOptions, options_table or kind)
            tflite.OperatorAddBuiltinOptionsType(self._builder, number)
            tflite.OperatorAddBuiltinOptions(self._builder, table)
        self._ops.append(tflite.OperatorEnd(self._builder))

    def handle(self, name: str) -> int:
        """A tensor that stands for a variable."""
        handle = self.activation((), None, dtype="resource")
        self.op("VAR_HANDLE", [], handle, shared_name=name)
        return handle

    def next_subgraph(self) -> None:
        """What follows belongs to another subgraph, with tensors of its own from 0 on."""
        self._graphs.append((self._tensors, self._ops))
        self._tensors, self._ops = [], []

    def finish(self, inputs: Sequence[int], outputs: Sequence[int], custom_code: str = "") -> bytes:
        """The file; the builder is used up. `custom_code` is the name of custom ops."""
        builder = self._builder
        self.next_subgraph()
        ends = [(inputs, outputs), *([((), ())] * (len(self._graphs) - 1))]
        graphs = self._offsets(
            [self._subgraph(*parts, *e) for parts, e in zip(self._graphs, ends, strict=True)]
        )
        codes = self._offsets([self._code(code, custom_code) for code in self._codes])
        buffers = self._offsets([self._buffer(data) for data in self._buffers])
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, 3)
        tflite.ModelAddOperatorCodes(builder, codes)
        tflite.ModelAddSubgraphs(builder, graphs)
        tflite.ModelAddBuffers(builder, buffers)
        builder.Finish(tflite.ModelEnd(builder), b"TFL3")
        return bytes(builder.Output())

    def _subgraph(
        self,
        tensors: Sequence[int],
        ops: Sequence[int],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> int:
        builder = self._builder
        vectors = [
            *(self._offsets(tensors), self._ints(inputs)),
            *(self._ints(outputs), self._offsets(ops)),
        ]
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, vectors[0])
        tflite.SubGraphAddInputs(builder, vectors[1])
        tflite.SubGraphAddOutputs(builder, vectors[2])
        tflite.SubGraphAddOperators(builder, vectors[3])
        return int(tflite.SubGraphEnd(builder))

    def _tensor(
        self,
        shape: tuple[int, ...],
        kind: str,
        buffer: int,
        scales: list[float],
        zero_points: list[int],
        axis: int,
        is_variable: bool,
        name: str,
        signature: Sequence[int] = (),
    ) -> int:
        builder = self._builder
        name_offset = builder.CreateString(name or f"t{len(self._tensors)}")
        dimensions = self._ints(shape)
        known = self._ints(signature) if signature else None
        quantization = self._quantization(scales, zero_points, axis) if scales else None
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, dimensions)
        tflite.TensorAddType(builder, _TYPES[kind])
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name_offset)
        tflite.TensorAddIsVariable(builder, is_variable)
        if known is not None:
            tflite.TensorAddShapeSignature(builder, known)
        if quantization is not None:
            tflite.TensorAddQuantization(builder, quantization)
        self._tensors.append(tflite.TensorEnd(builder))
        self.shapes.append(shape)
        return len(self._tensors) - 1

    def _quantization(self, scales: list[float], zero_points: list[int], axis: int) -> int:
        builder = self._builder
        scale = builder.CreateNumpyVector(np.array(scales, np.float32))
        zero_point = builder.CreateNumpyVector(np.array(zero_points, np.int64))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(builder, axis)
        return int(tflite.QuantizationParametersEnd(builder))

    def _table(self, kind: str, options: dict[str, Any]) -> int:
        module = importlib.import_module(f"tflite.{kind}")
        options = {
            name: self._builder.CreateString(value) if isinstance(value, str) else value
            for name, value in options.items()
        }
        getattr(module, f"{kind}Start")(self._builder)
        for name, value in options.items():
            camel = "".join(word.capitalize() for word in name.split("_"))
            getattr(module, f"{kind}Add{camel}")(self._builder, value)
        return int(getattr(module, f"{kind}End")(self._builder))

    def _code(self, code: int, custom_code: str) -> int:
        custom = self._builder.CreateString(custom_code) if custom_code else None
        tflite.OperatorCodeStart(self._builder)
        if custom is not None:
            tflite.OperatorCodeAddCustomCode(self._builder, custom)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self._builder, min(code, 127))
        tflite.OperatorCodeAddVersion(self._builder, 1)
        tflite.OperatorCodeAddBuiltinCode(self._builder, code)
        return int(tflite.OperatorCodeEnd(self._builder))

    def _buffer(self, data: bytes) -> int:
        # TFLite Micro reads weights where they lie in the file; they must be aligned there.
        vector = None
        if data:
            self._builder.StartVector(1, len(data), 16)
            self._builder.head -= len(data)
            self._builder.Bytes[self._builder.head : self._builder.head + len(data)] = data
            vector = self._builder.EndVector()
        tflite.BufferStart(self._builder)
        if vector is not None:
            tflite.BufferAddData(self._builder, vector)
        return int(tflite.BufferEnd(self._builder))

    def _ints(self, values: Sequence[int]) -> int:
        return int(self._builder.CreateNumpyVector(np.array(values, np.int32)))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())
