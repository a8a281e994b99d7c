"""LOGISTIC and TANH: of int8 as tables, of int16 by looking up between entries of one table."""

import dataclasses
import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops import table
from firmware_export.standalone.ops.shared import wide
from firmware_export.standalone.ops.shared.exponentials import exp_of_negative, over_one_plus
from firmware_export.standalone.ops.shared.file_op import FileOp
from firmware_export.standalone.ops.shared.fixed_point import (
    INT16_MAX,
    INT32_MAX,
    divide_by_power,
    quantize_multiplier,
    rescale,
    single,
)
from firmware_export.standalone.ops.table import Quantization
from firmware_export.standalone.target import KernelSet

# Entries that TFLite has one higher than the nearest to 2^16 * logistic(i / 24).
_RAISED = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41),
    *(43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255),
)
_TABLE = np.rint(65536 / (1 + np.exp(-np.arange(256) / 24))).astype(np.uint16)
_TABLE[list(_RAISED)] += 1


def logistic(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    if result.zero_point != -128:
        raise ValueError(
            f"LOGISTIC has an output zero point of {result.zero_point}, TFLite Micro requires "
            "-128; convert the model again"
        )
    scaled, low, high = _sixteenths(q, given)
    positive = over_one_plus(exp_of_negative(-np.abs(scaled), integer_bits=4), minus=False)
    value = np.where(scaled > 0, positive, INT32_MAX - positive)
    value = np.where(scaled == 0, 1 << 30, value)
    return _saturate(divide_by_power(value, 23) - 128, low, high)


def tanh(q: np.ndarray, given: Quantization, result: Quantization) -> np.ndarray:
    scaled, low, high = _sixteenths(q, given)
    # One more integer bit doubles the value without changing its bits.
    size = over_one_plus(exp_of_negative(-np.abs(scaled), integer_bits=5), minus=True)
    value = np.where(scaled == 0, 0, np.where(scaled < 0, -size, size))
    return _saturate(divide_by_power(value, 24), low, high)


def _sixteenths(q: np.ndarray, given: Quantization) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values as fractions of 16 in 31 bits, masks of those beyond -16 and 16)."""
    scale, zero_point = given
    multiplier, shift = quantize_multiplier(single(scale) * (1 << 27))
    if shift < 0:
        raise ValueError(
            f"an input scale of {scale:g} is too small for this op in TFLite Micro; "
            "calibrate on more varied data"
        )
    reach = math.floor(15.0 * (1 << 27) / 2.0**shift)
    x = q - zero_point
    low, high = x <= -reach, x >= reach
    inside = np.where(low | high, 0, x)
    return rescale(inside, multiplier, min(shift, 31)), low, high & ~low


def _saturate(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(low, -128, np.where(high, 127, values))


@dataclasses.dataclass(eq=False)
class WideLogistic(ir.Op):
    """inputs: x, int16. The output, int16 with scale 2^-15, is its LOGISTIC, or its TANH."""

    is_tanh: bool = False

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        multiplier, shift = self._multiplier()
        self.check(
            0 < multiplier <= INT16_MAX,
            self.inputs[0],
            f"has a scale of {self.inputs[0].scale:g}, outside of what TFLite Micro can look up",
            "calibrate on data like that the model is for",
        )
        fields: dict[str, Field] = {
            "table": Array("logistic", _TABLE),
            "multiplier": multiplier,
            "size": self.output.size,
            "shift": shift,
        }
        kernel = "wide_tanh" if self.is_tanh else "wide_logistic"
        places = (Place(self.inputs[0]), Place(self.output))
        call = self.call(
            kernel,
            fields,
            *places,
            struct="edge_wide_logistic_t",
            sources=("wide_logistic",),
            header=wide.HEADER,
        )
        return Lowered((call,), in_place=(0,))

    def runs_by_rows(self) -> bool:
        return True

    def _multiplier(self) -> tuple[int, int]:
        """Of the input's steps to thirds of 2^-12; with 15 bits, rounded down."""
        scale = single(self.inputs[0].scale)
        exact = range(2) if self.is_tanh else range(1)
        for left in exact:
            if scale == 2.0 ** (left - 12):
                return 3 << left, 0
        real, shift = scale * 4096 * 3, 0
        while real <= INT16_MAX / 2 and shift <= 30:
            real, shift = real * 2, shift + 1
        return int(real), shift


def _read_wide(op: FileOp) -> ir.Op:
    op.check_counts(1, 1)
    x, output = op.activation(0, ("int16",)), op.output(types=("int16",))
    op.require(x.shape == output.shape, f"makes {output.shape} of {x.shape}")
    op.check_symmetric(x, output)
    if output.scale != 2.0**-15:
        op.fail(
            f"has the output scale {output.scale:g}",
            "TFLite Micro requires 1/32768: convert the model again",
        )
    return WideLogistic([x], output, op.source, is_tanh=op.info.name == "TANH")


OPS = (
    table.rule("LOGISTIC", 3, logistic, _read_wide),
    table.rule("TANH", 3, tanh, _read_wide),
)
