"""Any rearrangement that strides describe; modules that read such ops from files make it."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Call, Lowered, Place
from firmware_export.standalone.ops.shared import copies
from firmware_export.standalone.ops.shared.file_op import OpRule
from firmware_export.standalone.target import KernelSet

OPS: tuple[OpRule, ...] = ()


@dataclasses.dataclass(frozen=True)
class Part:
    """Items that are copied: their number along any axes, and how far apart they are.

    Attributes:
      extents: number of items.
      in_steps, out_steps: items from one to the next; 0 repeats, a negative one reverses.
      begin, to: the first item read, and the first one written.
    """

    extents: tuple[int, ...]
    in_steps: tuple[int, ...]
    out_steps: tuple[int, ...]
    begin: int = 0
    to: int = 0


@dataclasses.dataclass(eq=False)
class Move(ir.Op):
    """inputs: x. The output consists of the parts, and of `fill` outside of them.

    Attributes:
      parts: they do not overlap.
      fill: None if the parts leave nothing.
    """

    parts: tuple[Part, ...] = ()
    fill: int | None = None

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        x, output, item = self.inputs[0], self.output, self.output.item_bytes
        calls: list[Call] = []
        if self.fill is not None:
            calls.append(copies.fill(self, self.fill))
        for part in self.parts:
            source, to = Place(x, part.begin * item), Place(output, part.to * item)
            in_bytes = [step * item for step in part.in_steps]
            out_bytes = [step * item for step in part.out_steps]
            calls.extend(copies.copy(self, source, to, part.extents, in_bytes, out_bytes))
        return Lowered(tuple(calls))

    def is_same_bytes(self) -> bool:
        """Whether nothing moves."""
        if self.fill is not None or len(self.parts) != 1 or self.parts[0].begin:
            return False
        (part,) = self.parts
        used = [axis for axis, size in enumerate(part.extents) if size > 1]
        return self.inputs[0].size == self.output.size and all(
            part.in_steps[axis] == part.out_steps[axis] for axis in used
        )
