"""Pushes a frame onto the past frames of a stream."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered, Place
from firmware_export.standalone.ops.shared.file_op import OpRule
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()


@dataclasses.dataclass(eq=False)
class Push(ir.Op):
    """inputs: x, one frame. The output, [1, frames, ...], is one of Graph.states.

    Its frames move towards the start by one, and x becomes the last.
    """

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, state = self.inputs[0], self.output
        fields: dict[str, Field] = {"kept": state.byte_size - x.byte_size, "pushed": x.byte_size}
        return Lowered((self.call("push", fields, Place(x), Place(state)),))
