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
    "STRIDED_SLICE": {},
}


def make(name: str, table: str | None = None, variable: int = -1) -> bytes:
    """A legal model of one op, but for the name of its options or a flag on one constant."""
    builder = Builder()
    shape = (1, 2) if name == "FULLY_CONNECTED" else (1, 2, 2, 2)
    scale, zero_point = (1 / 256, -128) if name == "SOFTMAX" else (0.1, 0)
    x, y = builder.activation(shape, 0.1), builder.activation(shape, scale, zero_point)
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
    elif name == "MEAN":
        y = builder.activation((1, 1, 1, 2), 0.1)
        constant(np.array([1, 2], np.int32))
    elif name == "RESIZE_NEAREST_NEIGHBOR":
        constant(np.array([2, 2], np.int32))
    elif name == "STRIDED_SLICE":
        for value in (0, 2, 1):
            constant(np.full(4, value, np.int32))
        y = builder.activation((1, 2, 2, 2), 0.1)
    builder.op(name, inputs, y, options_table=table, **OPTIONS[name])
    return builder.finish([x], [y])
