"""UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or int16, with 16-bit cells."""

import dataclasses
import math

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place
from firmware_export.standalone.ops.logistic import TABLE
from firmware_export.standalone.ops.shared import wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet

_TANH = 4
_GATES = ("input", "forget", "cell", "output")
# Positions of inputs: weights of the gates, recurrent ones, biases, states; and those of variants
# that TFLite Micro does not have: peepholes, projection, normalization.
_WEIGHTS, _RECURRENT, _BIAS, _HIDDEN, _CELLS = 1, 5, 12, 18, 19
_VARIANTS = (9, 10, 11, 16, 17, 20, 21, 22, 23)
# Fractional bits of gates before and after their function.
_BEFORE, _AFTER = 2.0**-12, 2.0**-15


@dataclasses.dataclass(frozen=True)
class Gate:
    """Constants of a gate: [units, inputs], [units, units] and [units]."""

    weights: ir.Tensor
    recurrent: ir.Tensor
    bias: ir.Tensor


@dataclasses.dataclass(eq=False)
class Lstm(ir.Op):
    """inputs: x [n, steps, inputs], or [steps, n, inputs] if `is_time_major`; the output likewise.

    Attributes:
      gates: by name: input, forget, cell, output.
      hidden: of the type of x, one of Graph.states: [n, units].
      cells: int16, one of Graph.states: [n, units].
      clip: bound of cells; 0: none.
      is_time_major: steps come before the batch.
    """

    gates: dict[str, Gate]
    hidden: ir.Tensor
    cells: ir.Tensor
    clip: float
    is_time_major: bool

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, cell_scale = self.inputs[0], single(self.cells.scale)
        batches, steps = x.shape[:2][:: -1 if self.is_time_major else 1]
        inputs, units = x.shape[2], self.output.shape[2]
        self.check(max(batches, steps, inputs, units) <= 0xFFFF, x, f"has the shape {x.shape}")
        products = {
            "forget": quantize_multiplier(_AFTER * cell_scale / cell_scale),
            "input": quantize_multiplier(_AFTER * _AFTER / cell_scale),
            "output": quantize_multiplier(_AFTER * _AFTER / single(self.hidden.scale)),
        }
        self.check(
            max(shift for _, shift in products.values()) <= 0,
            self.cells,
            f"has a scale of {cell_scale:g}, too small for 32 bits",
            "calibrate on more varied data",
        )
        factor, shift = self._tanh_scaling()
        major = (inputs, units), (batches * inputs, batches * units)
        minor = (steps * inputs, steps * units), (inputs, units)
        (in_batch, out_batch), (in_step, out_step) = major if self.is_time_major else minor
        cells: dict[str, Field] = {
            "table": Array("logistic", TABLE),
            **{f"{name}_multiplier": multiplier for name, (multiplier, _) in products.items()},
            "clip": int(min(self.clip / cell_scale, 32767)) if self.clip > 0 else -1,
            **{f"{name}_shift": -left for name, (_, left) in products.items()},
            "cell_factor": factor,
            "cell_shift": shift,
        }
        order = ("forget", "input", "cell", "output")
        fields: dict[str, Field] = {
            **{name: self._gate(self.gates[name]) for name in order},
            "cells": cells,
            "in_step": in_step,
            "in_batch": in_batch,
            "out_step": out_step,
            "out_batch": out_batch,
            "batches": batches,
            "steps": steps,
            "inputs": inputs,
            "units": units,
        }
        if not wide.is_wide(x):
            fields["zero_point"] = self.hidden.zero_point
        kernel = "wide_lstm" if wide.is_wide(x) else "lstm"
        places = (Place(x), Place(self.hidden), Place(self.cells), Place(self.output))
        return Lowered((self.call(kernel, fields, *places, header="edge_recurrent.h"),))

    def _gate(self, gate: Gate) -> dict[str, Field]:
        x, hidden = self.inputs[0], self.hidden
        scaled = []
        for given, weights in ((x, gate.weights), (hidden, gate.recurrent)):
            real = single(given.scale) * single(weights.scale) / _BEFORE
            scaled.append(quantize_multiplier(real))
        most = max(left for _, left in scaled)
        self.check(
            most <= (7 if wide.is_wide(x) else 30),
            gate.weights,
            f"has a scale of {gate.weights.scale:g}, too large for 32 bits",
            "calibrate on more varied data",
        )
        bias = gate.bias.constant.astype(np.int64)
        constants: dict[str, Field] = {
            "weights": _array("weights", gate.weights),
            "bias": Array("bias", bias),
            "recurrent": _array("recurrent", gate.recurrent),
        }
        if wide.is_wide(x):
            self.check(
                int(np.abs(bias).max()) < 1 << 46,
                gate.bias,
                "is too large for sums of 64 bits in TFLite Micro",
                "calibrate on more varied data",
            )
        else:
            constants["bias"] = _folded("bias", bias, gate.weights, x)
            past = _folded("recurrent_bias", 0 * bias, gate.recurrent, hidden)
            constants["recurrent_bias"] = past
        return {
            **constants,
            "multiplier": scaled[0][0],
            "recurrent_multiplier": scaled[1][0],
            "shift": -scaled[0][1],
            "recurrent_shift": -scaled[1][1],
        }

    def _tanh_scaling(self) -> tuple[int, int]:
        """Factor and right shift of cells to thirds of 2^-12; their scale is taken for 2^n."""
        left = round(math.log2(single(self.cells.scale))) + 12
        self.check(
            -12 <= left <= 5,
            self.cells,
            f"has a scale of {self.cells.scale:g}",
            "calibrate on data like that the model is for",
        )
        return (3 << left, 0) if left >= 0 else (3, -left)


def _array(name: str, tensor: ir.Tensor) -> Array:
    return Array(name, tensor.constant.reshape(-1), tensor.shape, tensor)


def _folded(name: str, bias: np.ndarray, weights: ir.Tensor, given: ir.Tensor) -> Array:
    """A bias with the zero point of what is weighted; it may wrap, as sums do."""
    sums = bias - given.zero_point * weights.constant.astype(np.int64).sum(axis=1)
    return Array(name, sums.astype(np.int32))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(9, 24)
    if any(op.has_input(position) for position in _VARIANTS):
        op.fail(
            "has peepholes, a projection or normalization",
            "TFLite Micro has none of them: use Keras' LSTM",
        )
    x = op.activation(0, WEIGHTED)
    output = op.output(types=(x.dtype,))
    hidden, cells = op.state(_HIDDEN, (x.dtype,)), op.state(_CELLS, ("int16",))
    is_time_major = bool(op.option("time_major", False))
    op.require(len(x.shape) == len(output.shape) == 3, f"reads a tensor of shape {x.shape}")
    batches, units = x.shape[1 if is_time_major else 0], output.shape[2]
    op.require(
        output.shape[:2] == x.shape[:2] and hidden.size == cells.size == batches * units,
        f"makes {output.shape} of {x.shape} with states of {hidden.shape} and {cells.shape}",
    )
    op.check_symmetric(x, output, hidden, cells)
    if op.option("fused_activation_function") != _TANH:
        op.fail("has another activation than TANH", "use TANH, as TFLite Micro does")
    gates = {}
    for index, name in enumerate(_GATES):
        weights = op.weights(_WEIGHTS + index, 2)
        recurrent = op.weights(_RECURRENT + index, 2)
        bias = op.bias(_BIAS + index, units, op.bias_types(x))
        op.require(
            bias is not None
            and weights.shape == (units, x.shape[2])
            and recurrent.shape == (units, units)
            and len(weights.scales) == len(recurrent.scales) == 1,
            f"has weights of {weights.shape} and {recurrent.shape} for {units} units",
        )
        if bias is not None:
            gates[name] = Gate(weights, recurrent, bias)
    return Lstm(
        [x],
        output,
        op.source,
        gates=gates,
        hidden=hidden,
        cells=cells,
        clip=op.option("cell_clip", 0.0),
        is_time_major=is_time_major,
    )


OPS = (
    OpRule(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        4,
        _read,
        "UnidirectionalSequenceLSTMOptions",
        limits="no peepholes, projection or normalization",
    ),
)
