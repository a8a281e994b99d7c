"""A mean over the last frames of a stream that keeps its sums."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.depthwise_conv_2d import Depthwise
from firmware_export.standalone.ops.shared.file_op import OpRule
from firmware_export.standalone.ops.shared.scaling import scaling_of
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()


@dataclasses.dataclass(eq=False)
class SlidingMean(ir.Op):
    """inputs: x [1, 1, 1, c], weights [1, 1, frames, c], equal in all frames, int32 bias [c].

    `mean` over the last frames, of which x is the newest.

    Attributes:
      ring: int8 [1, frames, 1, c], one of Graph.states: the frames.
      counts: one of Graph.states: which frame is the oldest, and the sum per channel without
        zero points; 32 bits each.
      mean: the op it replaces; its constants say how sums become outputs.
    """

    ring: ir.Tensor
    counts: ir.Tensor
    mean: Depthwise

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        mean, ring = self.mean, self.ring
        weights = mean.weights[0, 0]
        scaling = scaling_of(mean, weights.T)
        too_large = "has sums that are too large for a mean of a stream"
        self.check(scaling.is_plain, self.output, too_large)
        _, frames, _, channels = ring.shape
        self.check(max(frames, channels) <= 0xFFFF, self.output, f"is over {frames} frames")
        fields: dict[str, Field] = {
            **dataclasses.replace(scaling, folded=scaling.bias).fields(weights[0], mean.table),
            "frames": frames,
            "channels": channels,
            "zero_point": mean.scaled.zero_point,
            "low": mean.low,
            "high": mean.high,
        }
        places = (Place(self.inputs[0]), Place(self.output), Place(ring), Place(self.counts))
        return Lowered((self.call("sliding_mean", fields, *places),))
