"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER and GREATER_EQUAL."""

import dataclasses

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs
from firmware_export.standalone.ops.shared.file_op import FileOp, OpRule
from firmware_export.standalone.ops.shared.fixed_point import quantize_multiplier, single
from firmware_export.standalone.target import KernelSet

_LESS, _EQUAL, _GREATER = 1, 2, 4
_ACCEPTED = {
    "EQUAL": _EQUAL,
    "NOT_EQUAL": _LESS | _GREATER,
    "LESS": _LESS,
    "LESS_EQUAL": _LESS | _EQUAL,
    "GREATER": _GREATER,
    "GREATER_EQUAL": _GREATER | _EQUAL,
}


@dataclasses.dataclass(eq=False)
class Compare(ir.Op):
    """inputs: two tensors that broadcast, int8 or bool. The output is bool.

    Attributes:
      accepted: which orders of the first and the second value are true: sum of 1 for less, 2 for
        equal, 4 for greater.
    """

    accepted: int = 0

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        by = [self._multiplier(tensor) for tensor in self.inputs]
        points = [tensor.zero_point if tensor.scales else 0 for tensor in self.inputs]
        fields: dict[str, Field] = {
            "a_multiplier": by[0][0],
            "b_multiplier": by[1][0],
            "shape": pairs.shape(self, self.inputs),
            "a_shift": -by[0][1],
            "b_shift": -by[1][1],
            "a_zero_point": points[0],
            "b_zero_point": points[1],
            "accepted": self.accepted,
        }
        return pairs.repeated(self, "compare", fields)

    def _multiplier(self, tensor: ir.Tensor) -> tuple[int, int]:
        """Of the scale itself; bools compare as they are."""
        if not tensor.scales:
            return 1 << 30, 0
        self.check(
            tensor.scale < 1,
            tensor,
            f"has a scale of {tensor.scale:g}; TFLite Micro aborts from 1 on",
            "divide both sides by a constant before they are compared",
        )
        return quantize_multiplier(single(tensor.scale))


def _read(op: FileOp) -> ir.Op:
    name = op.info.name
    types = ("int8", "bool") if name in ("EQUAL", "NOT_EQUAL") else ("int8",)
    a, b, output = pairs.read(op, types, "bool")
    return Compare([a, b], output, op.source, accepted=_ACCEPTED[name])


OPS = tuple(OpRule(name, 3, _read) for name in _ACCEPTED)
