"""An op of the file for the functions that read it: tensors and options, checked on access.

    OPS = (OpRule("RESHAPE", 2, read),)

says that read() makes the graph's op, or ops, from a RESHAPE of the file, up to version 2.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

import numpy as np
from tflite.TensorType import TensorType

from firmware_export.errors import FIX_SHAPE, ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.ops.shared import fixed_point
from firmware_export.standalone.ops.shared.variables import Variable
from tflite_model.info import OpInfo, SubgraphInfo, TensorInfo
from tflite_model.names import printable

MAX_RANK = 6
MAX_BYTES = 16 << 20
# Element types, as the IR names them: what most kernels compute with, and what can be moved.
INT8 = ("int8",)
WEIGHTED = ("int8", "int16")
MOVED = ("bool", "int8", "uint8", "int16", "int32", "float32")
# Those whose values stand for (value - zero point) * scale.
_QUANTIZED = ("int8", "uint8", "int16")
_MOST_TOLD = 400
# Quotients of scales stay within the range of float32.
_MIN_SCALE, _MAX_SCALE = 1e-15, 1e15

NO_ACTIVATION, RELU, RELU_N1_TO_1, RELU6 = range(4)


class Tensors:
    """The IR's tensors by the file's index; tracks which of them have been written so far.

    Attributes:
      subgraphs: those that ops of this graph may call.
      variables: of the whole file, by container and name.
      handles: variables by the tensor that stands for them.
      kept: tensors that keep their content from one run to the next.

    Args:
      infos: the graph's tensors.
    """

    def __init__(
        self,
        infos: Sequence[TensorInfo],
        subgraphs: Sequence[SubgraphInfo] = (),
        variables: dict[tuple[str, str], Variable] | None = None,
    ) -> None:
        self._infos = list(infos)
        self.subgraphs = subgraphs
        self.variables = {} if variables is None else variables
        self.handles: dict[int, Variable] = {}
        self.kept: dict[int, ir.Tensor] = {}
        self._evaluated = 0
        self._made: dict[int, ir.Tensor] = {}
        self._written: set[int] = set()
        self._names: set[str] = set()

    @property
    def infos(self) -> Sequence[TensorInfo]:
        """The file's tensors by index, those known by now with their data."""
        return self._infos

    def info(self, index: int) -> TensorInfo:
        return self._infos[index]

    def set_constant(self, index: int, values: np.ndarray) -> None:
        """Makes an activation a constant: what its op would have written is known."""
        data = np.ascontiguousarray(values).tobytes()
        self._evaluated += len(data)
        self._infos[index] = dataclasses.replace(self._infos[index], is_constant=True, data=data)
        if index in self._made:
            self._made[index].data = self._infos[index].array()

    def has_room(self, size: int) -> bool:
        """Whether more bytes of constants may be made; the file's size does not limit them."""
        return self._evaluated + size <= MAX_BYTES

    def is_written(self, index: int) -> bool:
        return index in self._written

    def is_defined(self, index: int) -> bool:
        """Whether it can be read: it was written, or is a constant."""
        return index in self._written or self._infos[index].is_constant

    def mark_written(self, index: int) -> None:
        self._written.add(index)

    def variable(self, container: str, name: str) -> Variable:
        """The variable of this name, which all handles with it share."""
        key = (container, name)
        if key not in self.variables:
            self.variables[key] = Variable(self._unique(name, f"variable {len(self.variables)}"))
        return self.variables[key]

    def get(self, index: int) -> ir.Tensor:
        """The tensor of the IR, created on first access; `FileOp` checks what it may be."""
        if index not in self._made:
            info = self._infos[index]
            self._made[index] = ir.Tensor(
                name=self._unique(info.name, f"#{info.index}"),
                shape=info.shape,
                dtype="int8" if info.type == "INT4" else info.type.lower(),
                scales=info.scales,
                zero_points=info.zero_points,
                channel_axis=info.quantized_dimension,
                data=info.array() if info.is_constant else None,
            )
        return self._made[index]

    def _unique(self, given: str, ending: str) -> str:
        plain = "".join(c if c.isprintable() and c.isascii() else "_" for c in given)[-60:]
        name = plain if plain and plain not in self._names else f"{plain}{ending}"
        self._names.add(name)
        return name


class FileOp:
    """One op of the file.

    Attributes:
      info: as read from the file.
      source: its name in the IR.
      is_known: whether all inputs are constants. It is read to evaluate it, if it can be.

    Args:
      options_type: the schema's table of the op's options, as in `OpRule`.
    """

    def __init__(self, info: OpInfo, tensors: Tensors, options_type: str = "") -> None:
        self._options_type = options_type
        self.info = info
        self.source = f"op {info.index} {info.name}"
        self.tensors = tensors
        given = [index for index in info.inputs if index >= 0]
        self.is_known = bool(given) and all(tensors.info(i).is_constant for i in given)

    def fail(self, what: str, remedy: str) -> NoReturn:
        # Lists of numbers from the file may be long.
        short = what if len(what) <= _MOST_TOLD else f"{what[: _MOST_TOLD - 3]}..."
        raise ExportError(f"op {self.info.index} ({self.info.full_name}) {short}; {remedy}")

    def damaged(self, what: str) -> NoReturn:
        ends = [index for index in (*self.info.inputs, *self.info.outputs) if index >= 0]
        if all(self.tensors.info(index).is_static for index in ends):
            self.fail(what, "the file contradicts itself: convert the model again")
        # The converter writes 1 for unknown dimensions, which may not be what the op makes.
        self.fail(what, f"a dimension is unknown in the file: {FIX_SHAPE}")

    def require(self, condition: Any, what: str) -> None:
        """Fails as damaged, unless the condition holds."""
        if not condition:
            self.damaged(what)

    def option(self, name: str, default: Any = 0) -> Any:
        """A field of the op's options; the schema's default if the file leaves them out."""
        if not self._options_type:
            raise ValueError(f"{self.source}: its OpRule names no options, so {name} is not read")
        given = self.info.options_type
        if given not in ("", self._options_type):
            # The same field of another table may have another meaning: TFLite Micro ignores such
            # options, others take them.
            self.damaged(f"has {given} where {self._options_type} belong")
        value = self.info.options.get(name, default)
        if isinstance(value, float) and not math.isfinite(value):
            self.damaged(f"has a {name} of {value}")
        return value

    @property
    def input_count(self) -> int:
        return len(self.info.inputs)

    def has_input(self, position: int) -> bool:
        return position < len(self.info.inputs) and self.info.inputs[position] >= 0

    def is_constant(self, position: int) -> bool:
        """Whether an input is a constant of the file, or known by now."""
        return self.tensors.info(self._input_index(position)).is_constant

    def input_type(self, position: int) -> str:
        """The schema's name of an input's type."""
        return self.tensors.info(self._input_index(position)).type

    def check_counts(self, least: int, most: int, outputs: int = 1) -> None:
        """Checks the number of inputs and outputs, and that no required input is omitted."""
        self.require(
            least <= self.input_count <= most, f"has {self.input_count} inputs, not {least}"
        )
        for position in range(least):
            self.require(self.has_input(position), f"omits input {position}")
        made = len(set(self.info.outputs))
        self.require(made == outputs, f"has {made} outputs, not {outputs}")

    def _input_index(self, position: int) -> int:
        self.require(self.has_input(position), f"omits input {position}")
        return self.info.inputs[position]

    def activation(self, position: int, types: Collection[str] = INT8) -> ir.Tensor:
        """An input that something has written; see `value`."""
        index = self._input_index(position)
        info = self.tensors.info(index)
        if info.is_constant and not self.is_known:
            self.fail(
                f"reads the constant '{_label(info)}' where an activation is expected",
                "fold constants before the conversion",
            )
        return self.value(position, types)

    def value(self, position: int, types: Collection[str] = INT8) -> ir.Tensor:
        """An input: an activation that was written, or a constant.

        Args:
          position: of the input.
          types: those allowed. Tensors of int8, uint8 and int16 have one scale.
        """
        index = self._input_index(position)
        info = self.tensors.info(index)
        self._check_type(info, types)
        if not info.is_constant and not self.tensors.is_written(index):
            self.damaged(f"reads '{_label(info)}', which no earlier op writes")
        return self.tensors.get(index)

    def output(self, position: int = 0, types: Collection[str] = INT8) -> ir.Tensor:
        """An output, which nothing has written before; see `value`."""
        index = self.info.outputs[position]
        info = self.tensors.info(index)
        self._check_type(info, types)
        if info.is_constant:
            self.damaged(f"writes the constant '{_label(info)}'")
        if self.tensors.is_written(index):
            self.damaged(f"writes '{_label(info)}', which was written before")
        return self.tensors.get(index)

    def state(self, position: int, types: Collection[str]) -> ir.Tensor:
        """A tensor that keeps its content from one run to the next, and that only this op uses.

        As in TFLite Micro it begins as the zero point if it is int8, else as zeros.
        """
        index = self._input_index(position)
        info = self.tensors.info(index)
        if not info.is_variable:
            self.damaged(f"has a state '{_label(info)}' that is no variable")
        if index in self.tensors.kept or self.tensors.is_written(index):
            self.damaged(f"shares its state '{_label(info)}' with another op")
        problem = type_problem(dataclasses.replace(info, is_variable=False), types)
        if problem:
            self.fail(*problem)
        tensor = self.tensors.get(index)
        if tensor.dtype != "int8":
            tensor.initial = np.zeros(tensor.shape, tensor.dtype)
        self.tensors.kept[index] = tensor
        return tensor

    def weights(
        self, position: int, rank: int, types: Collection[str] = ("INT8", "INT4")
    ) -> ir.Tensor:
        """Constant weights with zero points of 0, as the kernels assume; int8 by default."""
        info = self._constant(position, types, "int8 weights")
        self.require(len(info.shape) == rank, f"has weights '{_label(info)}' of shape {info.shape}")
        self.require(info.scales, f"has weights '{_label(info)}' without a scale")
        if any(info.zero_points):
            self.fail(
                f"has weights '{_label(info)}' with a zero point other than 0",
                "convert with symmetric int8 weights, as TensorFlow does",
            )
        return self.tensors.get(info.index)

    def bias(
        self, position: int, channels: int, types: Collection[str] = ("INT32",)
    ) -> ir.Tensor | None:
        """Constant bias of one of these types, or None if omitted."""
        if not self.has_input(position):
            return None
        info = self._constant(position, types, f"an {' or '.join(types).lower()} bias")
        self.require(
            info.shape == (channels,),
            f"has {channels} output channels but a bias '{_label(info)}' of shape {info.shape}",
        )
        return self.tensors.get(info.index)

    def bias_types(self, x: ir.Tensor) -> tuple[str, ...]:
        """Types of biases that TFLite Micro adds to sums over x."""
        if x.dtype == "int8":
            return ("INT32",)
        return {
            "DEPTHWISE_CONV_2D": ("INT64",),
            "UNIDIRECTIONAL_SEQUENCE_LSTM": ("INT64",),
            "TRANSPOSE_CONV": ("INT64", "INT16"),
        }.get(self.info.name, ("INT64", "INT32"))

    def sums_are_narrow(self) -> bool:
        """Whether sums of int16 have 32 bits if there is no bias."""
        return bool(self.option("quantized_bias_type") == TensorType.INT32)

    def check_symmetric(self, *tensors: ir.Tensor) -> None:
        """Refuses int16 tensors whose zero point is not 0."""
        for tensor in tensors:
            if tensor.dtype == "int16" and tensor.zero_point:
                self.fail(
                    f"has the int16 tensor '{tensor.name}' with zero point {tensor.zero_point}",
                    "convert with TensorFlow's 16x8 quantization, whose zero points are 0",
                )

    def numbers(self, position: int, count: int | None = None) -> list[int]:
        """A constant int32 input (an axis, a shape, paddings), flattened."""
        values: list[int] = self.number_array(position).reshape(-1).tolist()
        if count is not None and len(values) != count:
            info = self.tensors.info(self._input_index(position))
            self.damaged(f"has {len(values)} values in '{_label(info)}', not {count}")
        return values

    def number_array(self, position: int) -> np.ndarray:
        """A constant int32 input, int64 in its shape."""
        return self._constant(position, ("INT32",), "an int32 constant").array().astype(np.int64)

    def axes(self, position: int, rank: int, count: int | None = None) -> tuple[int, ...]:
        """A constant list of one or more axes of a tensor, as positive numbers in order."""
        given = self.numbers(position, count)
        self.require(given and all(-rank <= a < rank for a in given), f"has the axes {given}")
        return tuple(sorted({axis % rank for axis in given}))

    def between(self, like: ir.Tensor, shape: tuple[int, ...], what: str) -> ir.Tensor:
        """A new activation quantized as `like`, between two ops that this op becomes."""
        return dataclasses.replace(like, name=f"{like.name}/{what}", shape=shape, data=None)

    def bounds(self, output: ir.Tensor) -> tuple[int, int]:
        """The fused activation as bounds of the output."""
        kind = self.option("fused_activation_function")
        if kind not in (NO_ACTIVATION, RELU, RELU_N1_TO_1, RELU6):
            self.fail(
                f"has the fused activation number {kind}",
                "NONE, RELU, RELU_N1_TO_1 and RELU6 can be exported",
            )
        low = {RELU: 0.0, RELU6: 0.0, RELU_N1_TO_1: -1.0}.get(kind)
        high = {RELU6: 6.0, RELU_N1_TO_1: 1.0}.get(kind)
        smallest, largest = output.limits
        least = smallest if low is None else max(smallest, _quantize(low, output))
        most = largest if high is None else min(largest, _quantize(high, output))
        self.require(least <= most, "has a fused activation that no output value satisfies")
        return least, most

    def same_quantization(self, tensor: ir.Tensor, output: ir.Tensor) -> None:
        if (tensor.scale, tensor.zero_point) != (output.scale, output.zero_point):
            self.fail(
                f"has different scales or zero points in '{tensor.name}' and '{output.name}'",
                "convert the model again; TFLite Micro rejects it too",
            )

    def _constant(self, position: int, types: Collection[str], what: str) -> TensorInfo:
        info = self.tensors.info(self._input_index(position))
        if info.type not in types or not info.is_constant:
            self.fail(
                f"has the {'constant' if info.is_constant else 'activation'} '{_label(info)}' of "
                f"type {info.type} instead of {what}",
                "convert the model to int8 with constant weights and shapes",
            )
        self._check_size(info)
        return info

    def _check_type(self, info: TensorInfo, types: Collection[str]) -> None:
        problem = type_problem(info, types)
        if problem:
            self.fail(*problem)

    def _check_size(self, info: TensorInfo) -> None:
        problem = size_problem(info)
        if problem:
            self.fail(*problem)


@dataclasses.dataclass(frozen=True)
class OpRule:
    """How an op of the file becomes ops of the graph.

    Attributes:
      name: schema name.
      version: highest version that `read` supports in int8.
      read: checks the op and makes the op, or ops, of the graph.
      options: the schema's table of its options ("AddOptions"); "" if `read` reads none.
      limits: for docs/ops.md: what of it cannot be exported.
    """

    name: str
    version: int
    read: Callable[[FileOp], ir.Op | list[ir.Op]]
    options: str = ""
    limits: str = ""


def type_problem(info: TensorInfo, types: Collection[str] = MOVED) -> tuple[str, str] | None:
    """Why a tensor has none of these types, with one scale if it needs one; None if it has.

    Returns:
      (what is wrong, how to fix it)
    """
    what = f"has the tensor '{_label(info)}' "
    kind = info.type.lower()
    if kind not in types:
        return f"{what}of type {info.type}", "convert to int8 with a representative dataset"
    if info.is_variable:
        return f"{what}that keeps state", "convert without variable tensors"
    if kind not in _QUANTIZED:
        return size_problem(info)
    if len(info.scales) != 1 or not _MIN_SCALE <= info.scales[0] <= _MAX_SCALE:
        scales = f"{info.scales[0]:g}" if len(info.scales) == 1 else f"{len(info.scales)} of them"
        return (
            f"{what}with a scale of {scales}, one above 0 is needed",
            "convert to int8 with a representative dataset",
        )
    limits = np.iinfo(kind)
    if not limits.min <= info.zero_points[0] <= limits.max:
        return f"{what}with zero point {info.zero_points[0]}", "convert the model again"
    return size_problem(info)


def size_problem(info: TensorInfo) -> tuple[str, str] | None:
    """Why a tensor does not fit a device, and how to fix it; None if it fits."""
    what = f"has the tensor '{_label(info)}' of shape {info.shape}"
    if len(info.shape) > MAX_RANK or info.byte_size > MAX_BYTES:
        return what, f"at most {MAX_RANK} dimensions and {MAX_BYTES:,} bytes can be exported"
    if not all(size >= 1 for size in info.shape):
        return what, "dimensions of 1 and more can be exported"
    return None


def _quantize(value: float, tensor: ir.Tensor) -> int:
    """A real value as TFLite quantizes it."""
    return tensor.zero_point + fixed_point.steps(value, tensor.scale)


def _label(info: TensorInfo) -> str:
    name = info.name if len(info.name) <= 60 else f"...{info.name[-57:]}"  # the end tells more
    return printable(name)
