"""Evaluates ops of a file whose results are known at export.

Keras' Flatten, for instance, is four ops, of which three compute a shape: SHAPE, STRIDED_SLICE,
PACK. Integers wrap and floats are float32, as in TFLite Micro's kernels.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from firmware_export.standalone.ops.shared import fixed_point
from firmware_export.standalone.ops.shared.file_op import MAX_BYTES, NO_ACTIVATION
from tflite_model.info import OpInfo, TensorInfo

_Arrays: TypeAlias = "np.ndarray | Sequence[np.ndarray]"

# Shapes, axes, indices; and floats.
_INTEGERS = ("INT32", "INT64")
_NUMBERS = (*_INTEGERS, "FLOAT32")
_QUANTIZED = ("INT8", "UINT8", "INT16")
_ALL = (*_NUMBERS, *_QUANTIZED, "BOOL")


# Ops whose results follow from the shape of their input.
_NEED_NO_VALUES = ("SHAPE", "ZEROS_LIKE")


class _NotEvaluatedError(Exception):
    """The op has other types or options, or contradicts itself: its reader says which."""


def evaluate(info: OpInfo, tensors: Sequence[TensorInfo]) -> list[np.ndarray] | None:
    """The outputs of an op as constants.

    Args:
      info: the op.
      tensors: the file's tensors by index, those known by now with their data.

    Returns:
      Arrays with the shapes and types of the outputs; None if the op cannot be evaluated, or its
      inputs are not all known.
    """
    rule = _RULES.get(info.name)
    if rule is None:
        return None
    op = _Op(info, tensors)
    if info.name not in _NEED_NO_VALUES and not op.is_known():
        return None
    try:
        with np.errstate(all="ignore"):
            found = rule(op)
            results = [found] if isinstance(found, np.ndarray) else list(found)
            op.check(results)
    except (_NotEvaluatedError, ValueError, IndexError, TypeError, OverflowError):
        return None
    return results


class _Op:
    """An op of the file, for the rules below."""

    def __init__(self, info: OpInfo, tensors: Sequence[TensorInfo]) -> None:
        self.info = info
        self.given = [tensors[index] for index in info.inputs if index >= 0]
        self.outputs = [tensors[index] for index in info.outputs]

    def is_known(self) -> bool:
        return all(info.is_constant and info.type in _ALL for info in self.given)

    def option(self, name: str, default: Any = 0) -> Any:
        return self.info.options.get(name, default)

    @property
    def output(self) -> TensorInfo:
        return self.outputs[0]

    @property
    def dtype(self) -> Any:
        """Of the output."""
        self.require(self.output.type in _ALL)
        return np.dtype(self.output.type.lower())

    def array(self, position: int, types: Sequence[str] = _ALL) -> np.ndarray:
        self.require(self.given[position].type in types)
        return self.given[position].array()

    def arrays(self, types: Sequence[str] = _ALL) -> list[np.ndarray]:
        """All inputs, of the same type."""
        self.require(len({info.type for info in self.given}) == 1)
        return [self.array(position, types) for position in range(len(self.given))]

    def numbers(self, position: int) -> list[int]:
        return [int(value) for value in self.array(position, _INTEGERS).reshape(-1)]

    def require(self, condition: Any) -> None:
        if not condition:
            raise _NotEvaluatedError

    def expect(self, *shape: int) -> None:
        """Requires that the output has a shape, and is small: before it is computed."""
        self.require(shape == self.output.shape and math.prod(shape) <= MAX_BYTES)

    def check(self, results: Sequence[np.ndarray]) -> None:
        """Requires that the results are what the file says of the outputs."""
        self.require(len(results) == len(self.outputs))
        for result, info in zip(results, self.outputs, strict=True):
            self.require(result.shape == info.shape and not info.is_variable)
            self.require(info.type in _ALL and result.dtype == np.dtype(info.type.lower()))


def _shape(op: _Op) -> np.ndarray:
    return np.array(op.given[0].shape, op.dtype)


def _zeros_like(op: _Op) -> np.ndarray:
    op.require(op.output.type in (*_NUMBERS, "INT8"))
    op.expect(*op.given[0].shape)
    return np.zeros(op.output.shape, op.dtype)


def _reshape(op: _Op) -> np.ndarray:
    return op.array(0).reshape(op.output.shape)


def _pack(op: _Op) -> np.ndarray:
    parts = op.arrays()
    _check_parts(op, parts)
    return np.stack(parts, op.option("axis"))


def _check_parts(op: _Op, parts: Sequence[np.ndarray]) -> None:
    op.require(sum(part.size for part in parts) == math.prod(op.output.shape))
    op.expect(*op.output.shape)


def _unpack(op: _Op) -> list[np.ndarray]:
    x, axis = op.array(0), op.option("axis")
    op.require(x.shape[axis] == len(op.outputs))
    return [np.take(x, index, axis) for index in range(x.shape[axis])]


def _concatenation(op: _Op) -> np.ndarray:
    op.require(op.option("fused_activation_function") == NO_ACTIVATION)
    scales = {(info.scales, info.zero_points) for info in (*op.given, op.output)}
    op.require(op.output.type in _NUMBERS or len(scales) == 1)
    parts = op.arrays()
    _check_parts(op, parts)
    return np.concatenate(parts, op.option("axis"))


def _slice(op: _Op) -> np.ndarray:
    x, begin, sizes = op.array(0), op.numbers(1), op.numbers(2)
    op.require(min(begin, default=0) >= 0)
    where = [slice(b, None if s == -1 else b + s) for b, s in zip(begin, sizes, strict=True)]
    return x[tuple(where)]


def _strided_slice(op: _Op) -> np.ndarray:
    x = op.array(0)
    given = (op.numbers(position) for position in (1, 2, 3))
    for name in ("ellipsis_mask", "new_axis_mask", "offset"):
        op.require(not op.option(name))
    where: list[int | slice] = []
    for axis, (begin, end, step) in enumerate(zip(*given, strict=True)):
        if op.option("shrink_axis_mask") >> axis & 1:
            where.append(begin)
            continue
        start = None if op.option("begin_mask") >> axis & 1 else begin
        stop = None if op.option("end_mask") >> axis & 1 else end
        where.append(slice(start, stop, step))
    return np.array(x[tuple(where)])


def _gather(op: _Op) -> np.ndarray:
    x, axis = op.array(0), op.option("axis")
    where = op.array(1, _INTEGERS)
    op.require(not op.option("batch_dims") and where.min(initial=0) >= 0)
    op.require(-x.ndim <= axis < x.ndim)
    op.expect(*x.shape[: axis % x.ndim], *where.shape, *x.shape[axis % x.ndim + 1 :])
    return np.take(x, where, axis)


def _transpose(op: _Op) -> np.ndarray:
    return op.array(0).transpose(op.numbers(1))


def _pad(op: _Op) -> np.ndarray:
    x, amounts = op.array(0, _NUMBERS), np.reshape(op.numbers(1), (-1, 2)).tolist()
    op.expect(*(size + sum(pair) for size, pair in zip(x.shape, amounts, strict=True)))
    return np.pad(x, amounts)


def _tile(op: _Op) -> np.ndarray:
    x, times = op.array(0), op.numbers(1)
    op.expect(*(size * count for size, count in zip(x.shape, times, strict=True)))
    return np.tile(x, times)


def _fill(op: _Op) -> np.ndarray:
    op.expect(*op.numbers(0))
    return np.full(op.output.shape, op.array(1).reshape(())[()], op.dtype)


def _broadcast_to(op: _Op) -> np.ndarray:
    op.expect(*op.numbers(1))
    return np.broadcast_to(op.array(0), op.output.shape)


def _range(op: _Op) -> np.ndarray:
    (start,), (limit,), (step,) = (op.numbers(position) for position in range(3))
    op.expect(len(range(start, limit, step)))
    return np.arange(start, limit, step, op.dtype)


def _cast(op: _Op) -> np.ndarray:
    x = op.array(0)
    if x.dtype.kind == "f" and op.dtype.kind in "iu":
        limits = np.iinfo(op.dtype)
        # Beyond them, the result differs from core to core.
        op.require(((x > limits.min - 1.0) & (x < limits.max)).all())
    return x.astype(op.dtype)


def _broadcast(op: _Op, arrays: list[np.ndarray]) -> list[np.ndarray]:
    op.expect(*np.broadcast_shapes(*(array.shape for array in arrays)))
    return arrays


def _div(op: _Op) -> np.ndarray:
    a, b = _broadcast(op, op.arrays(_NUMBERS))
    if a.dtype.kind == "f":
        return a / b
    op.require((b != 0).all())
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


def _floor_div(op: _Op) -> np.ndarray:
    a, b = _broadcast(op, op.arrays(_INTEGERS))
    op.require((b != 0).all())
    return a // b


def _floor_mod(op: _Op) -> np.ndarray:
    a, b = _broadcast(op, op.arrays(_INTEGERS))
    op.require((b != 0).all())
    return a % b


def _elementwise(
    function: Callable[..., np.ndarray], types: Sequence[str] = _NUMBERS
) -> Callable[[_Op], np.ndarray]:
    def rule(op: _Op) -> np.ndarray:
        op.require(op.option("fused_activation_function") == NO_ACTIVATION)
        return np.asarray(function(*_broadcast(op, op.arrays(types))))

    return rule


def _reduction(function: Callable[..., np.ndarray]) -> Callable[[_Op], np.ndarray]:
    def rule(op: _Op) -> np.ndarray:
        x, axes = op.array(0, _INTEGERS), tuple(op.numbers(1))
        keep = bool(op.option("keep_dims", False))
        return np.asarray(function(x, axis=axes, keepdims=keep), x.dtype)

    return rule


def _select(op: _Op) -> np.ndarray:
    chosen, a, b = _broadcast(op, [op.array(0, ("BOOL",)), op.array(1), op.array(2)])
    return np.where(chosen, a, b)


def _quantize(op: _Op) -> np.ndarray:
    given, result = op.given[0], op.output
    op.require(result.type in _QUANTIZED and len(result.scales) == 1)
    scale, limits = np.float32(result.scales[0]), np.iinfo(op.dtype)
    if given.type == "FLOAT32":
        steps = (given.array() / scale).astype(np.float64)
        op.require((np.abs(steps) < 1 << 30).all())
        values = (np.sign(steps) * np.floor(np.abs(steps) + 0.5)).astype(np.int64)
    else:
        op.require(given.type in _QUANTIZED and len(given.scales) == 1)
        factor = fixed_point.quantize_multiplier(
            fixed_point.single(given.scales[0]) / fixed_point.single(result.scales[0])
        )
        op.require(factor[1] <= 14)  # Larger ones overflow.
        values = fixed_point.rescale(given.array().astype(np.int64) - given.zero_points[0], *factor)
    return np.clip(values + result.zero_points[0], limits.min, limits.max).astype(op.dtype)


def _dequantize(op: _Op) -> np.ndarray:
    given = op.given[0]
    x = op.array(0, _QUANTIZED)
    op.require(len(given.scales) == 1)
    # Exact in double, so it is rounded once.
    real = np.float64(np.float32(given.scales[0])) * (x.astype(np.int64) - given.zero_points[0])
    return np.asarray(real, np.float32)


_RULES: dict[str, Callable[[_Op], _Arrays]] = {
    "SHAPE": _shape,
    "ZEROS_LIKE": _zeros_like,
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _reshape),
    "PACK": _pack,
    "UNPACK": _unpack,
    "CONCATENATION": _concatenation,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "GATHER": _gather,
    "TRANSPOSE": _transpose,
    "PAD": _pad,
    "TILE": _tile,
    "FILL": _fill,
    "BROADCAST_TO": _broadcast_to,
    "RANGE": _range,
    "CAST": _cast,
    "ADD": _elementwise(np.add),
    "SUB": _elementwise(np.subtract),
    "MUL": _elementwise(np.multiply),
    "DIV": _div,
    "FLOOR_DIV": _floor_div,
    "FLOOR_MOD": _floor_mod,
    "MAXIMUM": _elementwise(np.maximum, _INTEGERS),
    "MINIMUM": _elementwise(np.minimum, _INTEGERS),
    "NEG": _elementwise(np.negative),
    "ABS": _elementwise(np.abs),
    "EQUAL": _elementwise(np.equal, (*_NUMBERS, "BOOL")),
    "NOT_EQUAL": _elementwise(np.not_equal, (*_NUMBERS, "BOOL")),
    "LESS": _elementwise(np.less),
    "LESS_EQUAL": _elementwise(np.less_equal),
    "GREATER": _elementwise(np.greater),
    "GREATER_EQUAL": _elementwise(np.greater_equal),
    "SELECT_V2": _select,
    "REDUCE_PROD": _reduction(np.prod),
    "REDUCE_MAX": _reduction(np.max),
    "REDUCE_MIN": _reduction(np.min),
    "SUM": _reduction(np.sum),
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
}

# Schema names of the ops that can be evaluated.
NAMES = tuple(_RULES)
