"""Content of a .tflite file as plain values; made by the reader."""

import collections
import dataclasses
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from tflite_model.names import printable

# Bits per item of a tensor; types without a fixed size (STRING, RESOURCE, VARIANT) are not listed.
ITEM_BITS = {
    "INT4": 4,
    "BOOL": 8,
    "INT8": 8,
    "UINT8": 8,
    "BFLOAT16": 16,
    "FLOAT16": 16,
    "INT16": 16,
    "UINT16": 16,
    "FLOAT32": 32,
    "INT32": 32,
    "UINT32": 32,
    "COMPLEX64": 64,
    "FLOAT64": 64,
    "INT64": 64,
    "UINT64": 64,
    "COMPLEX128": 128,
}

# Little-endian, as the file format requires. INT4 and BFLOAT16 have no NumPy type.
_NUMPY_TYPES = {
    "BOOL": "?",
    "INT8": "i1",
    "UINT8": "u1",
    "FLOAT16": "<f2",
    "INT16": "<i2",
    "UINT16": "<u2",
    "FLOAT32": "<f4",
    "INT32": "<i4",
    "UINT32": "<u4",
    "COMPLEX64": "<c8",
    "FLOAT64": "<f8",
    "INT64": "<i8",
    "UINT64": "<u8",
    "COMPLEX128": "<c16",
}


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One tensor of the graph.

    Attributes:
      index: its index in `ModelInfo.tensors`, which ops refer to.
      name: as in the file; need not be unique, printable or short.
      shape: dimensions; a dynamic one has the file's placeholder (usually 1).
      shape_signature: the same with -1 for dynamic dimensions.
      type: the schema's name: "INT8", "INT32", "FLOAT32", ...
      scales: () when not quantized, one per tensor, or one per channel.
      zero_points: as many as scales.
      quantized_dimension: the channel dimension; meaningful only with several scales.
      is_constant: the file contains its data (weights, biases, shapes).
      is_variable: it keeps its content from one inference to the next.
      byte_size: bytes it occupies at run time with `shape`.
      data: content of a constant, little-endian; b"" otherwise.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    type: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantized_dimension: int
    is_constant: bool
    is_variable: bool
    byte_size: int
    data: bytes = dataclasses.field(repr=False)

    @property
    def is_float(self) -> bool:
        return "FLOAT" in self.type or "COMPLEX" in self.type

    @property
    def is_static(self) -> bool:
        return -1 not in self.shape_signature

    @property
    def has_known_shape(self) -> bool:
        """Whether `shape` is what the tensor has at run time.

        Keras leaves the batch open; TFLite Micro runs such a model with the batch of `shape`, 1.
        """
        return -1 not in self.shape_signature[1:] and (self.is_static or self.shape[:1] == (1,))

    def array(self) -> np.ndarray:
        """The content of a constant, read-only, with `shape`.

        Raises:
          ValueError: not a constant, or a type that NumPy does not have.
        """
        if not self.is_constant or self.type not in _NUMPY_TYPES:
            raise ValueError(f"tensor {self.index} of type {self.type} has no array")
        return np.frombuffer(self.data, dtype=_NUMPY_TYPES[self.type]).reshape(self.shape)


@dataclasses.dataclass(frozen=True)
class OpInfo:
    """One op of the graph; ops are stored in an order in which they can run.

    Attributes:
      index: its index in `ModelInfo.ops`.
      name: the schema's builtin name ("CONV_2D"); "CUSTOM" for a custom op.
      version: the op's version, as the converter wrote it.
      inputs: tensor indices; -1 is an omitted optional input.
      outputs: tensor indices.
      custom_name: name of a custom op; "" for builtins.
      options_type: the schema's options table ("Conv2DOptions"), "" if there is none.
      options: its fields by schema name ("stride_w": 2); enumerations as numbers.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    custom_name: str = ""
    options_type: str = ""
    options: Mapping[str, Any] = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({})
    )

    @property
    def is_custom(self) -> bool:
        return self.name == "CUSTOM"

    @property
    def full_name(self) -> str:
        """Its name for people; a custom op's is escaped."""
        return f"CUSTOM:{printable(self.custom_name)}" if self.is_custom else self.name


@dataclasses.dataclass(frozen=True)
class SubgraphInfo:
    """A subgraph that an op of the main graph calls.

    Attributes:
      tensors, ops: as in `ModelInfo`.
    """

    tensors: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...]


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """A model.

    Attributes:
      tensors: all tensors of the main graph, in the file's order.
      ops: all its ops, in the order of execution.
      inputs: its input tensors, in the order of the signature.
      outputs: its output tensors.
      description: the file's free text.
      byte_size: size of the whole file.
      subgraphs: the others, by their index minus 1.
    """

    tensors: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    description: str
    byte_size: int
    subgraphs: tuple[SubgraphInfo, ...] = ()

    def named(self, names: Mapping[bytes, str]) -> "ModelInfo":
        """The same model with other names for constants, found by their content."""
        tensors = tuple(
            dataclasses.replace(tensor, name=names[tensor.data])
            if tensor.is_constant and tensor.data in names
            else tensor
            for tensor in self.tensors
        )
        return dataclasses.replace(self, tensors=tensors)

    def op_counts(self) -> dict[str, int]:
        """Number of occurrences of each op, by name; a custom op as "CUSTOM:its name"."""
        return dict(sorted(collections.Counter(op.full_name for op in self.ops).items()))

    def op_versions(self) -> list[dict[str, Any]]:
        """As `op_counts`, but per version: [{"name", "version", "count"}, ...] by name."""
        counts = collections.Counter((op.full_name, op.version) for op in self.ops)
        return [
            {"name": name, "version": version, "count": count}
            for (name, version), count in sorted(counts.items())
        ]

    def constant_bytes(self) -> int:
        """Bytes of all constants (weights, biases, shapes), shared buffers once per tensor."""
        return sum(tensor.byte_size for tensor in self.tensors if tensor.is_constant)
