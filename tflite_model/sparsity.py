"""The number of zero weights in a .tflite file, counted in the file itself.

Zeros do not make a file smaller: weights are stored densely. What zeros save shows only after
compression, so the gzipped size is reported too, and the size by DCASE's rule.

DCASE 2021 Task 1A limits a model to 128 KB of non-zero parameters, each at its stored width
(README.md and model_size_calculation.py of the organizers' baseline,
github.com/marmoi/dcase2021_task1a_baseline). Weights and biases count, as do norms that are still
parameters; activations and the description of the graph do not. The organizers' tool prints
93,004 bytes as 90.82 KB, so its KB is 1,024 bytes, which also yields the winner's 61.0 KB
(300,320 weights of 8 bits, of which 11 % are left, and 14,640 of 16 bits). Its README computes the
limit with 1,000. Both are reported; KB alone means 1,024 bytes here.
"""

import dataclasses
import gzip
from collections.abc import Iterable

import numpy as np

from tflite_model.info import ITEM_BITS, ModelInfo, TensorInfo

# Ops with their weights as second input.
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


# Bytes per KB.
KB = 1024


@dataclasses.dataclass(frozen=True)
class ParameterSize:
    """Size of a file by DCASE's rule; the module docstring says what counts.

    Attributes:
      elements: number of parameters in the file, including copies and zeros written by conversion.
      nonzero: those whose real value is not zero.
      nonzero_bytes: bytes of those, at the width of their type.
    """

    elements: int
    nonzero: int
    nonzero_bytes: int

    @property
    def nonzero_kb(self) -> float:
        """KB of 1,024 bytes."""
        return self.nonzero_bytes / KB


@dataclasses.dataclass(frozen=True)
class WeightsSparsity:
    """The weights of one op.

    Attributes:
      tensor: index in the file.
      op: the op that reads them, "CONV_2D".
      output: index of the tensor that this op writes.
      shape: shape of the weights.
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
    """Zeros and sizes of a whole file.

    Attributes:
      file_bytes: its size.
      gzip_bytes: its size after gzip -9.
      constant_bytes: bytes of all constants: weights, biases, shapes.
      nonzero_bytes: the same without zero elements.
      parameters: size by DCASE's rule.
      weights: each weights tensor once, in the order of the ops that read them.
    """

    file_bytes: int
    gzip_bytes: int
    constant_bytes: int
    nonzero_bytes: int
    parameters: ParameterSize
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
        parameters=parameter_size(info),
        weights=tuple(_weights(info)),
    )


def parameter_size(info: ModelInfo) -> ParameterSize:
    """Size of a file by DCASE's rule: its non-zero parameters, at their width.

    What is in the file counts: weights that conversion copies per sub-band count once per copy,
    scales and zero points not at all.
    """
    masks = [(nonzero(tensor), tensor) for tensor in info.tensors if is_parameter(tensor)]
    counts = [(int(np.count_nonzero(mask)), ITEM_BITS[tensor.type]) for mask, tensor in masks]
    return ParameterSize(
        elements=sum(mask.size for mask, _ in masks),
        nonzero=sum(number for number, _ in counts),
        nonzero_bytes=sum((number * bits + 7) // 8 for number, bits in counts),
    )


def is_parameter(tensor: TensorInfo) -> bool:
    """Whether a tensor is a constant that the model computes with.

    An integer constant is one if it has a scale; shapes, axes and paddings have none.
    """
    if not tensor.is_constant or tensor.type not in ITEM_BITS or tensor.type == "BOOL":
        return False
    return tensor.is_float or bool(tensor.scales)


def nonzero(tensor: TensorInfo) -> np.ndarray:
    """Where the real values of a constant are not zero: a mask of its shape."""
    points = np.array(tensor.zero_points or (0,), np.int64)
    if len(points) > 1:
        shape = [1] * len(tensor.shape)
        shape[tensor.quantized_dimension] = -1
        points = points.reshape(shape)
    return np.asarray(_values(tensor).reshape(tensor.shape) != points)


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
    """Bytes of the non-zero elements, rounded up."""
    bits = ITEM_BITS.get(tensor.type, 8)
    return (int(np.count_nonzero(_values(tensor))) * bits + 7) // 8


def _values(tensor: TensorInfo) -> np.ndarray:
    """The elements, flat; zero where they are zero. Types that NumPy lacks are returned as bits."""
    if tensor.type == "BFLOAT16":
        return np.frombuffer(tensor.data, "<u2")
    try:
        return tensor.array().reshape(-1)
    except ValueError:  # text and the like: bytes
        return np.frombuffer(tensor.data, np.uint8)
