"""Legal models of one op, the smallest there are of each kind, for mutation."""

from typing import Any

import numpy as np

from tests.firmware_export.standalone.model_builder import SAME, Builder

WINDOW: dict[str, Any] = {"padding": SAME, "stride_h": 1, "stride_w": 1}
_POOL: dict[str, Any] = {**WINDOW, "filter_height": 1, "filter_width": 1}
OPTIONS: dict[str, dict[str, Any]] = {
    "ADD": {},
    "SUB": {},
    "MUL": {},
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "CONV_2D": WINDOW,
    "DEPTHWISE_CONV_2D": {**WINDOW, "depth_multiplier": 1},
    "FULLY_CONNECTED": {},
    "CONCATENATION": {"axis": 3},
    "LEAKY_RELU": {"alpha": 0.5},
    "SOFTMAX": {"beta": 1.0},
    "MEAN": {"keep_dims": True},
    "RESIZE_NEAREST_NEIGHBOR": {},
    "RESIZE_BILINEAR": {},
    "STRIDED_SLICE": {},
    "SUM": {"keep_dims": True},
    "REDUCE_MAX": {"keep_dims": True},
    "REDUCE_MIN": {"keep_dims": True},
    "DEPTH_TO_SPACE": {"block_size": 1},
    "SPACE_TO_DEPTH": {"block_size": 2},
    "GATHER": {"axis": 3},
    "MIRROR_PAD": {"mode": 1},
    "PACK": {"axis": 1, "values_count": 1},
    "UNPACK": {"axis": 0, "num": 1},
    "L2_NORMALIZATION": {},
    "TRANSPOSE_CONV": WINDOW,
    "BATCH_MATMUL": {"adj_y": True},
    "CUMSUM": {},
    "SVDF": {"rank": 1},
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {"fused_activation_function": 4},
}
# Shapes of outputs that differ from the input's.
_SHAPES = {
    "MEAN": (1, 1, 1, 2),
    "SUM": (1, 1, 1, 2),
    "REDUCE_MAX": (1, 1, 1, 2),
    "REDUCE_MIN": (1, 1, 1, 2),
    "SPACE_TO_DEPTH": (1, 1, 1, 8),
    "MIRROR_PAD": (1, 3, 2, 2),
    "PACK": (1, 1, 2, 2, 2),
    "UNPACK": (2, 2, 2),
}
# Constants of numbers.
_NUMBERS: dict[str, list[Any]] = {
    **{name: [[1, 2]] for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")},
    **{name: [[2, 2]] for name in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR")},
    "STRIDED_SLICE": [[0] * 4, [2] * 4, [1] * 4],
    "GATHER": [[1, 0]],
    "CUMSUM": [1],
    "MIRROR_PAD": [[[0, 0], [0, 1], [0, 0], [0, 0]]],
}


def make(name: str, table: str | None = None, variable: int = -1) -> bytes:
    """A legal model of one op, but for the name of its options or a flag on one constant."""
    builder = Builder()
    if name in ("SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        return _recurrent(builder, name, table)
    shape = (1, 2) if name == "FULLY_CONNECTED" else (1, 2, 2, 2)
    scale, zero_point = (1 / 256, -128) if name == "SOFTMAX" else (0.1, 0)
    x = builder.activation(shape, 0.1)
    y = builder.activation(_SHAPES.get(name, shape), scale, zero_point)
    inputs = [x]

    def constant(values: np.ndarray, *scales: float) -> None:
        flag = variable == len(inputs)
        inputs.append(builder.constant(values, list(scales), is_variable=flag))

    weights = {
        "CONV_2D": (2, 1, 1, 2),
        "DEPTHWISE_CONV_2D": (1, 1, 1, 2),
        "FULLY_CONNECTED": (2, 2),
    }
    if name in weights:
        constant(np.full(weights[name], 3, np.int8), 0.01)
        constant(np.full(2, 50, np.int32))
    elif name in ("ADD", "SUB", "MUL"):
        constant(np.full(shape, 3, np.int8), 0.1)
    for numbers in _NUMBERS.get(name, []):
        constant(np.array(numbers, np.int32))
    if name == "BATCH_MATMUL":
        inputs.append(x)
    if name == "TRANSPOSE_CONV":
        filters = builder.constant(np.full((2, 1, 1, 2), 3, np.int8), [0.01])
        inputs = [builder.numbers(*shape), filters, x]
    builder.op(name, inputs, y, options_table=table, **OPTIONS[name])
    return builder.finish([x], [y])


def _recurrent(builder: Builder, name: str, table: str | None) -> bytes:
    def constant(shape: tuple[int, ...], dtype: str = "int8") -> int:
        return builder.constant(np.full(shape, 3, dtype), [0.01])

    def state(shape: tuple[int, ...], scale: float, dtype: str = "int8") -> int:
        return builder.activation(shape, scale, is_variable=True, dtype=dtype)

    if name == "SVDF":
        x, y = builder.activation((1, 2), 0.1), builder.activation((1, 2), 0.1)
        bias = builder.constant(np.full(2, 50, np.int32), [0.001])
        inputs = [x, constant((2, 2)), constant((2, 3)), bias, state((1, 6), 0.1)]
    else:
        x, y = builder.activation((1, 2, 2), 0.1), builder.activation((1, 2, 2), 0.01)
        states = [state((1, 2), 0.01), state((1, 2), 2.0**-12, "int16")]
        weights = [constant((2, 2)) for _ in range(8)]
        biases = [constant((2,), "int32") for _ in range(4)]
        inputs = [x, *weights, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1]
    builder.op(name, inputs, y, options_table=table, **OPTIONS[name])
    return builder.finish([x], [y])
