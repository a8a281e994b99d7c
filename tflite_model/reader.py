"""Reads a .tflite file without TensorFlow: its ops, tensors, quantization and constants.

    info = tflite_model.read("model_int8.tflite")
    info.op_counts()            -> {"ADD": 4, "CONV_2D": 19, ...}
    info.inputs[0].scales       -> (0.0567,)
    info.tensors[7].array()     -> the constant as a NumPy array

The file may come from anywhere. Every offset and length is checked before use, and the work is
bounded by the file's size: a malformed file raises TFLiteError, it never crashes or hangs the
process.
"""

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flatbuffers import number_types
from tflite.BuiltinOperator import BuiltinOperator
from tflite.Model import Model
from tflite.TensorType import TensorType

from tflite_model.errors import TFLiteError
from tflite_model.info import ITEM_BITS, ModelInfo, OpInfo, SubgraphInfo, TensorInfo
from tflite_model.names import printable
from tflite_model.options import read_options

__all__ = ["ModelInfo", "OpInfo", "TensorInfo", "parse", "read"]

SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_REMEDY = "convert the model again, or restore the file"

# As many as LiteRT's kernels know.
_MAX_RANK = 8

# What the generated accessors raise when an offset or a length points outside the file.
_OUT_OF_BOUNDS = (struct.error, TypeError, ValueError, IndexError, OverflowError, MemoryError)


def _builtin_code(code: Any) -> int:
    """The 32-bit field of an op code; 0 if absent, as in old files, which have only one of 8 bits.

    Interpreters take the larger of both; the generated accessor prefers that of 8 bits.
    """
    start = code._tab.Offset(10)  # the field's place in the schema's table OperatorCode
    return int(code._tab.Get(number_types.Int32Flags, start + code._tab.Pos)) if start else 0


def _names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if not name.startswith("_")}


_OP_NAMES = _names(BuiltinOperator)
_TYPE_NAMES = _names(TensorType)


def read(source: str | os.PathLike[str]) -> ModelInfo:
    """Reads and checks a .tflite file; see `parse`.

    Raises:
      TFLiteError: the file cannot be read or is malformed; the message names it.
    """
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise TFLiteError(
            f"{source} cannot be read ({error.strerror}); name a .tflite file"
        ) from None
    return parse(data, name=os.fspath(source))


def parse(data: bytes, name: str = "the model") -> ModelInfo:
    """Checks and reads a .tflite model in memory.

    Args:
      data: the whole file.
      name: what error messages call it, usually its path.

    Returns:
      The model, copied from `data`.

    Raises:
      TFLiteError: empty, not a .tflite file, damaged, or with content that no int8 model for a
        microcontroller has (sparse tensors).
    """
    data = bytes(data)
    if not data:
        raise TFLiteError(f"{name} is empty; {_REMEDY}")
    if data.startswith(_LFS_POINTER):
        raise TFLiteError(
            f"{name} is a Git LFS pointer, not the file itself; fetch that with 'git lfs pull'"
        )
    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        raise TFLiteError(
            f"{name} is not a .tflite file (no TFL3 identifier at byte 4); name a TFLite model"
        )
    try:
        return _Parser(data, name).model()
    except _OUT_OF_BOUNDS:
        raise TFLiteError(
            f"{name} is damaged: an offset in it points outside the {len(data)} bytes; {_REMEDY}"
        ) from None


class _Parser:
    """Reads one file. The generated accessors check single reads; this class checks the rest."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        # Vectors and tables may share bytes, so a small file can describe unlimited content.
        # A real file is read about once; four times leaves room for sharing.
        self._budget = 4 * len(data) + 4096

    def model(self) -> ModelInfo:
        model = Model.GetRootAs(self._data, 0)
        if model.Version() != SCHEMA_VERSION:
            raise self._error(
                f"has schema version {model.Version()}, only {SCHEMA_VERSION} is supported"
            )
        if model.SubgraphsLength() < 1 or model.Subgraphs(0) is None:
            raise self._error("has no subgraph")
        buffers = self._buffers(model)
        codes = self._op_codes(model)
        main, *others = (
            self._subgraph(model.Subgraphs(index), buffers, codes)
            for index in self._each(model.SubgraphsLength())
        )
        graph, tensors = model.Subgraphs(0), main.tensors
        inputs = self._tensor_indices(graph.InputsAsNumpy(), len(tensors), "the graph's inputs")
        outputs = self._tensor_indices(graph.OutputsAsNumpy(), len(tensors), "the graph's outputs")
        if not inputs or not outputs or not main.ops:
            raise self._error("has no input, no output or no op")
        return ModelInfo(
            tensors=tensors,
            ops=main.ops,
            inputs=tuple(tensors[index] for index in inputs),
            outputs=tuple(tensors[index] for index in outputs),
            description=self._text(model.Description()),
            byte_size=len(self._data),
            subgraphs=tuple(others),
        )

    def _subgraph(
        self, graph: Any, buffers: list[bytes], codes: list[tuple[str, int, str]]
    ) -> SubgraphInfo:
        tensors = tuple(
            self._tensor(graph.Tensors(index), index, buffers)
            for index in self._each(graph.TensorsLength())
        )
        ops = tuple(
            self._op(graph.Operators(index), index, codes, len(tensors))
            for index in self._each(graph.OperatorsLength())
        )
        return SubgraphInfo(tensors, ops)

    def _error(self, what: str) -> TFLiteError:
        return TFLiteError(f"{self._name} is damaged: it {what}; {_REMEDY}")

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise self._error("describes more content than it has bytes")

    def _each(self, count: int) -> Iterator[int]:
        """Indices of a vector of tables; a table takes about 24 bytes of a file."""
        for index in range(count):
            self._spend(24)
            yield index

    def _text(self, value: bytes | None) -> str:
        self._spend(len(value or b""))
        return (value or b"").decode("utf-8", errors="replace")

    def _numbers(self, vector: Any) -> tuple[Any, ...]:
        """A vector as the accessors return it: a NumPy view, or 0 if absent."""
        if isinstance(vector, int):
            return ()
        self._spend(vector.nbytes)
        return tuple(vector.tolist())

    def _tensor_indices(self, vector: Any, tensors: int, where: str) -> tuple[int, ...]:
        indices = self._numbers(vector)
        for index in indices:
            if not 0 <= index < tensors:
                raise self._error(f"refers to tensor {index} of {tensors} in {where}")
        return indices

    def _buffers(self, model: Model) -> list[bytes]:
        """Contents of the buffers; b"" for empty ones."""
        found = []
        for index in self._each(model.BuffersLength()):
            buffer = model.Buffers(index)
            if buffer.Offset() > 1:  # 0 and 1 mean none
                # TFLite Micro reads only what is inside, LiteRT what is there.
                raise TFLiteError(
                    f"{self._name} keeps buffer {index} after the FlatBuffer, as files over 2 GB "
                    "do; convert a smaller model"
                )
            view = buffer.DataAsNumpy()
            content = b"" if isinstance(view, int) else view.tobytes()
            self._spend(len(content))
            found.append(content)
        return found

    def _tensor(self, tensor: Any, index: int, buffers: list[bytes]) -> TensorInfo:
        name = self._text(tensor.Name())
        label = f"tensor {index} ('{printable(name)}')"
        if tensor.Type() not in _TYPE_NAMES:
            raise self._error(f"gives {label} the unknown type {tensor.Type()}")
        kind = _TYPE_NAMES[tensor.Type()]
        shape = self._numbers(tensor.ShapeAsNumpy())
        signature = self._numbers(tensor.ShapeSignatureAsNumpy()) or shape
        if max(len(shape), len(signature)) > _MAX_RANK:
            raise self._error(f"gives {label} more than {_MAX_RANK} dimensions")
        if min(shape, default=1) < 0 or len(signature) != len(shape):
            raise self._error(f"gives {label} the shape {shape} and signature {signature}")
        if tensor.Sparsity() is not None:
            raise TFLiteError(
                f"{self._name}: {label} is sparse, which cannot be exported; "
                "convert without sparse encoding (zeros stay zeros)"
            )
        if tensor.Buffer() >= max(len(buffers), 1):
            raise self._error(f"refers to buffer {tensor.Buffer()} of {len(buffers)} in {label}")
        data = buffers[tensor.Buffer()] if buffers else b""
        byte_size = (math.prod(shape) * ITEM_BITS.get(kind, 0) + 7) // 8
        if data and kind in ITEM_BITS and len(data) != byte_size:
            raise self._error(f"has {len(data)} bytes for {label}, which needs {byte_size}")
        if data and tensor.IsVariable():
            # TFLite Micro would begin with zeros instead of the data; LiteRT refuses such a file.
            raise self._error(f"calls the constant {label} a variable")
        scales, zero_points, dimension = self._quantization(tensor, shape, label)
        return TensorInfo(
            index=index,
            name=name,
            shape=shape,
            shape_signature=signature,
            type=kind,
            scales=scales,
            zero_points=zero_points,
            quantized_dimension=dimension,
            is_constant=bool(data),
            is_variable=bool(tensor.IsVariable()),
            byte_size=byte_size if kind in ITEM_BITS else len(data),
            data=data,
        )

    def _quantization(
        self, tensor: Any, shape: tuple[int, ...], label: str
    ) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        parameters = tensor.Quantization()
        if parameters is None:
            return (), (), 0
        scales = self._numbers(parameters.ScaleAsNumpy())
        zero_points = self._numbers(parameters.ZeroPointAsNumpy())
        dimension = parameters.QuantizedDimension()
        if not scales:
            return (), (), 0
        if not all(math.isfinite(scale) and scale >= 0 for scale in scales):
            raise self._error(f"gives {label} a scale that is not a positive number")
        if len(zero_points) != len(scales):
            raise self._error(
                f"gives {label} {len(scales)} scales but {len(zero_points)} zero points"
            )
        if len(scales) > 1 and shape == (len(scales),):
            dimension = 0  # Old converters give a bias the dimension of its filter.
        if len(scales) > 1 and (not 0 <= dimension < len(shape) or shape[dimension] != len(scales)):
            raise self._error(
                f"gives {label} {len(scales)} scales along dimension {dimension} of {shape}"
            )
        return scales, zero_points, dimension

    def _op_codes(self, model: Model) -> list[tuple[str, int, str]]:
        """(name, version, custom name) of every entry in the file's op table."""
        codes = []
        for index in self._each(model.OperatorCodesLength()):
            code = model.OperatorCodes(index)
            number = max(_builtin_code(code), code.DeprecatedBuiltinCode())
            if number not in _OP_NAMES:
                raise TFLiteError(
                    f"{self._name} uses builtin op number {number}, which this version does not "
                    "know; convert with an older TensorFlow, or update the package 'tflite'"
                )
            codes.append((_OP_NAMES[number], code.Version(), self._text(code.CustomCode())))
        return codes

    def _op(self, op: Any, index: int, codes: list[tuple[str, int, str]], tensors: int) -> OpInfo:
        if op.OpcodeIndex() >= len(codes):
            raise self._error(f"refers to op code {op.OpcodeIndex()} of {len(codes)} in op {index}")
        name, version, custom_name = codes[op.OpcodeIndex()]
        inputs = self._numbers(op.InputsAsNumpy())
        for tensor in inputs:
            if not -1 <= tensor < tensors:
                raise self._error(f"refers to tensor {tensor} of {tensors} in op {index} ({name})")
        options_type, options = read_options(op, self._numbers)
        return OpInfo(
            index=index,
            name=name,
            version=version,
            inputs=inputs,
            outputs=self._tensor_indices(op.OutputsAsNumpy(), tensors, f"op {index} ({name})"),
            custom_name=custom_name,
            options_type=options_type,
            options=options,
        )
