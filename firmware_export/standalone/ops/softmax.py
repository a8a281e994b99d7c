"""SOFTMAX."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.shared import wide
from firmware_export.standalone.ops.shared.exponentials import Differences
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import (
    INT16_MAX,
    INT16_MIN,
    quantize_multiplier,
    single,
)
from firmware_export.standalone.target import KernelSet

# Scale and zero point of the output, by the types of input and output.
_ENDS = {
    ("int8", "int8"): (2.0**-8, -128),
    ("int8", "int16"): (2.0**-16, -(1 << 15)),
    ("int16", "int16"): (2.0**-15, 0),
}
_RANGE = "calibrate on more varied data"


@dataclasses.dataclass(eq=False)
class Softmax(ir.Op):
    """inputs: x, int8, over the last axis. The output is int8 or int16."""

    beta: float = 1.0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = x.shape[-1]
        try:
            exps = Differences(x.scale, self.beta).exps()
        except ValueError as error:
            raise ExportError(f"{self.source}: '{x.name}': {error}") from None
        # 4096 equal inputs make the reference's sum overflow.
        self.check(depth < 4096, x, f"has {depth} items in its last axis", "the maximum is 4095")
        fields: dict[str, Field] = {
            "exps": Array("exps", exps),
            "rows": x.size // depth,
            "depth": depth,
            "exps_size": len(exps),
        }
        places = (Place(x), Place(self.output))
        if wide.is_wide(self.output):
            kernel, struct = "softmax_to_wide", "edge_softmax_t"
            return Lowered((self.call(kernel, fields, *places, struct=struct, header=wide.HEADER),))
        return Lowered((self.call("softmax", fields, *places),), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True


@dataclasses.dataclass(eq=False)
class WideSoftmax(ir.Op):
    """inputs: x, int16, over the last axis. The output is int16 with scale 2^-15."""

    beta: float = 1.0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x = self.inputs[0]
        depth = x.shape[-1]
        # -65535 stands for -10.
        real = single(x.scale) * single(self.beta) / (10.0 / 65535.0)
        multiplier, shift = quantize_multiplier(real)
        self.check(shift <= 14, x, f"has a scale of {x.scale:g}, too large for 32 bits", _RANGE)
        self.check(depth <= 0xFFFF, x, f"has {depth} items in its last axis", "at most 65535 work")
        exps = _lookup(lambda x: np.exp(x.astype(np.float64)).astype(np.float32), -10, 0)
        fields: dict[str, Field] = {
            "exps": Array("exps", exps),
            "reciprocals": Array("reciprocals", _lookup(lambda x: 1 / (1 + x), 0, 1)),
            "multiplier": multiplier,
            "rows": x.size // depth,
            "depth": depth,
            "shift": -shift,
        }
        return Lowered((wide.call(self, "wide_softmax", fields),), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True


def _lookup(function: Callable[[np.ndarray], np.ndarray], low: int, high: int) -> np.ndarray:
    """513 values of a function of low to high, with 15 fractional bits, in float32 as in TFLite.

    Half of what a line between two entries misses in the middle is taken off the first.
    """
    f = np.float32
    span = f(65535)
    scale, zero = f(high - low) / span, INT16_MAX if high == 0 else INT16_MIN
    least, most = scale * f(INT16_MIN - zero), scale * f(INT16_MAX - zero)
    step = (most - least) / f(512)
    out = f(2) / span
    by = f(65536) / (out * f(INT16_MAX) - out * f(INT16_MIN))
    i = np.arange(512, dtype=f)
    at, after = function(least + i * step), function(least + (i + f(1)) * step)
    middle = function(least + i * step + step / f(2))
    line = _nearest((after * by + _nearest(at * by)) / f(2))
    bias = _nearest((line - _nearest(middle * by)) / f(2))
    values = np.append(_nearest(at * by) - bias, _nearest(function(np.array([most], f)) * by))
    return np.clip(values, INT16_MIN, INT16_MAX).astype(np.int16)


def _nearest(values: np.ndarray) -> np.ndarray:
    """Ties away from zero."""
    wide_values = np.floor(np.abs(values.astype(np.float64)) + 0.5)
    return np.copysign(wide_values, values).astype(np.float32)


def _read(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x = op.activation(0, WEIGHTED)
    output = op.output(types=WEIGHTED if x.dtype == "int8" else (x.dtype,))
    op.require(x.shape == output.shape and x.shape, f"makes {output.shape} of {x.shape}")
    scale, zero_point = _ENDS[x.dtype, output.dtype]
    near = 0.001 * scale if output.dtype == "int16" else 0
    if abs(output.scale - scale) > near or output.zero_point != zero_point:
        op.fail(
            f"has the output scale {output.scale:g} and zero point {output.zero_point}",
            f"TFLite Micro requires 1/{1 / scale:.0f} and {zero_point}: convert the model again",
        )
    beta = op.option("beta", 0.0)
    op.require(math.isfinite(beta) and beta > 0, f"has the factor {beta}")
    if x.dtype == "int16":
        op.check_symmetric(x)
        return WideSoftmax([x], output, op.source, beta=beta)
    return Softmax([x], output, op.source, beta=beta)


OPS = (
    OpRule(
        "SOFTMAX", 3, _read, "SoftmaxOptions", limits="fewer than 4,096 values in the last axis"
    ),
)
