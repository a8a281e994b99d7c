"""How many weights of a .tflite file are zero, counted in the file itself.

A file is not smaller for its zeros: weights are stored densely. What zeros save shows after
compression, so the size under gzip stands beside.
"""

import dataclasses
import gzip
from collections.abc import Iterable

import numpy as np

from firmware_export.tflite_info import ITEM_BITS, ModelInfo, TensorInfo

# Ops whose second input is their weights.
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


@dataclasses.dataclass(frozen=True)
class WeightsSparsity:
    """The weights of one op.

    Attributes:
      tensor: index in the file.
      op: that reads them, "CONV_2D".
      output: index of the tensor that this op writes.
      shape: of the weights.
      elements: number of weights.
      zeros: those that are zero.
      nonzero_bytes: bytes of the others.
    """

    tensor: int
    op: str
    output: int
    shape: tuple[int, ...]
    elements: int
    zeros: int
    nonzero_bytes: int


@dataclasses.dataclass(frozen=True)
class Sparsity:
    """A whole file.

    Attributes:
      file_bytes: its size.
      gzip_bytes: its size under gzip -9.
      constant_bytes: of all constants: weights, biases, shapes.
      nonzero_bytes: the same less the elements that are zero.
      weights: each weights tensor once, in the order of the ops that read them.
    """

    file_bytes: int
    gzip_bytes: int
    constant_bytes: int
    nonzero_bytes: int
    weights: tuple[WeightsSparsity, ...]

    def share(self, *ops: str) -> float | None:
        """Share of zeros, 0 to 1, in the weights of these ops; None if there are none."""
        chosen = [one for one in self.weights if one.op in ops]
        elements = sum(one.elements for one in chosen)
        return sum(one.zeros for one in chosen) / elements if elements else None


def count(model: bytes, info: ModelInfo) -> Sparsity:
    """Counts zeros.

    Args:
      model: a .tflite file.
      info: the same, parsed.
    """
    constants = [tensor for tensor in info.tensors if tensor.is_constant]
    return Sparsity(
        file_bytes=len(model),
        gzip_bytes=len(gzip.compress(model, compresslevel=9, mtime=0)),
        constant_bytes=info.constant_bytes(),
        nonzero_bytes=sum(_nonzero_bytes(tensor) for tensor in constants),
        weights=tuple(_weights(info)),
    )


def _weights(info: ModelInfo) -> Iterable[WeightsSparsity]:
    seen = set()
    for op in info.ops:
        if op.name not in _WEIGHTED or len(op.inputs) < 2 or op.inputs[1] < 0:
            continue
        tensor = info.tensors[op.inputs[1]]
        if not tensor.is_constant or tensor.index in seen:
            continue
        seen.add(tensor.index)
        values = _values(tensor)
        yield WeightsSparsity(
            tensor=tensor.index,
            op=op.name,
            output=op.outputs[0],
            shape=tensor.shape,
            elements=values.size,
            zeros=int(np.count_nonzero(values == 0)),
            nonzero_bytes=_nonzero_bytes(tensor),
        )


def _nonzero_bytes(tensor: TensorInfo) -> int:
    """Bytes of the elements that are not zero, rounded up."""
    bits = ITEM_BITS.get(tensor.type, 8)
    return (int(np.count_nonzero(_values(tensor))) * bits + 7) // 8


def _values(tensor: TensorInfo) -> np.ndarray:
    """The elements, flat; zero where they are zero. Types that NumPy lacks come as their bits."""
    if tensor.type == "INT4":
        pairs = np.frombuffer(tensor.data, np.uint8)
        halves = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(-1)
        return halves[: int(np.prod(tensor.shape))]
    if tensor.type == "BFLOAT16":
        return np.frombuffer(tensor.data, "<u2")
    try:
        return tensor.array().reshape(-1)
    except ValueError:  # text and the like: bytes
        return np.frombuffer(tensor.data, np.uint8)
