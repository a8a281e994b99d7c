"""Unpacks a .tflite file into editable objects, and packs it again."""

from collections.abc import Sequence

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema


def unpack(data: bytes) -> schema.ModelT:
    """A converter's file as objects of the schema."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))


def pack(model: schema.ModelT, alignment: int = 4) -> bytes:
    """A model as the bytes of a .tflite file.

    Args:
      model: from `unpack`; its constants are NumPy arrays.
      alignment: of constants in the file, in bytes. Microcontrollers need 4 and have no flash to
        spare; the schema requires 16, and a phone that maps the file into memory may rely on it.
    """
    if alignment > 4:
        for buffer in model.buffers:
            buffer.__class__ = _Aligned
    size = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = flatbuffers.Builder(2 * size + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operator(
    model: schema.ModelT,
    kind: str,
    inputs: Sequence[int],
    outputs: Sequence[int],
    options: object | None = None,
    version: int = 1,
) -> schema.OperatorT:
    """A new op.

    Args:
      model: its op table gets the kind if missing.
      kind: name in the schema, such as "CONCATENATION".
      inputs, outputs: indices of tensors.
      options: an object of the schema, such as ConcatenationOptionsT.
      version: of the op, if its kind is new.
    """
    op = schema.OperatorT()
    op.opcodeIndex = _op_code(model, getattr(schema.BuiltinOperator, kind), version)
    op.inputs, op.outputs = list(inputs), list(outputs)
    if options is not None:
        name = type(options).__name__.removesuffix("T")
        op.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        op.builtinOptions = options
    return op


def _op_code(model: schema.ModelT, kind: int, version: int) -> int:
    """The index of a kind of op; added if missing."""
    for number, code in enumerate(model.operatorCodes):
        if builtin_of(code) == kind:
            return number
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = kind, version
    code.deprecatedBuiltinCode = min(kind, 127)  # old files have 8 bits
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def builtin_of(code: schema.OperatorCodeT) -> int:
    """The builtin op of an entry in the op table."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


class _Aligned(schema.BufferT):
    """A buffer with its data aligned to 16 bytes."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self.data is not None:
            builder.Prep(16, len(self.data))
        return int(super().Pack(builder))
