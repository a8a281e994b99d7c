"""SVDF: features of the input, weighted over the last steps."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Array, Field, Lowered, Place, operand
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Svdf(ir.Op):
    """inputs: x [n, inputs], weights [filters, inputs], weights [filters, memory], bias [units].

    Attributes:
      state: one of Graph.states, int8 or int16 like the weights over time: [n, filters * memory].
      rank: filters per unit.
    """

    state: ir.Tensor
    rank: int

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, weights, time, bias = self.inputs
        state, output = self.state, self.output
        product = single(x.scale) * single(weights.scale)
        feature = quantize_multiplier(product / single(state.scale))
        product = single(state.scale) * single(time.scale)
        result = quantize_multiplier(product / single(output.scale))
        self.check(
            max(feature[1], result[1]) <= 30 and max(weights.shape + time.shape) <= 0xFFFF,
            output,
            f"has a scale of {output.scale:g}, too small for 32 bits",
            "calibrate on more varied data",
        )
        fields: dict[str, Field] = {
            "weights": Array("weights", weights.constant.reshape(-1), weights.shape, weights),
            "bias": Array("bias", bias.constant.astype(np.int32)),
            "feature_multiplier": feature[0],
            "multiplier": result[0],
            "batches": x.shape[0],
            "inputs": x.shape[1],
            "units": output.shape[1],
            "rank": self.rank,
            "memory": time.shape[1],
            "feature_shift": -feature[1],
            "shift": -result[1],
            "in_zero_point": x.zero_point,
            "state_zero_point": state.zero_point,
            "zero_point": output.zero_point,
        }
        call = self.call(
            f"svdf_{8 * state.item_bytes}",
            fields,
            *(Place(x), operand(time), Place(state), Place(output)),
            struct="edge_svdf_t",
            header="edge_recurrent.h",
        )
        return Lowered((call,))


def _read(op: FileOp) -> ir.Op:
    op.check_counts(3, 5)
    x, output = op.activation(0), op.output()
    weights = op.weights(1, 2)
    time = op.weights(2, 2, ("INT8", "INT16"))
    filters, rank = weights.shape[0], op.option("rank")
    state = op.state(4, (time.dtype,))
    op.require(
        len(x.shape) == len(output.shape) == 2
        and rank >= 1
        and filters % rank == 0
        and weights.shape[1] == x.shape[1]
        and time.shape[0] == filters
        and output.shape == (x.shape[0], filters // rank)
        and state.size == x.shape[0] * filters * time.shape[1],
        f"makes {output.shape} of {x.shape}, weights of {weights.shape} and {time.shape} and a "
        f"state of {state.shape}",
    )
    op.require(len(weights.scales) == len(time.scales) == 1, "has weights with several scales")
    bias = op.bias(3, output.shape[1])
    if bias is None:
        op.fail("has no bias", "TFLite Micro needs one: convert the model again with a bias")
    if state.dtype == "int16":
        op.check_symmetric(state)
    return Svdf([x, weights, time, bias], output, op.source, state=state, rank=rank)


OPS = (OpRule("SVDF", 4, _read, "SVDFOptions"),)
