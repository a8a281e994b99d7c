"""MINIMUM and MAXIMUM of two tensors."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir
from firmware_export.standalone.graph.calls import Field, Lowered
from firmware_export.standalone.ops.shared import pairs, wide
from firmware_export.standalone.ops.shared.file_op import WEIGHTED, FileOp, OpRule
from firmware_export.standalone.target import KernelSet


@dataclasses.dataclass(eq=False)
class Extremum(ir.Pairwise):
    """The smaller, or the larger, number; scales and zero points play no part."""

    is_larger: bool = False

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b) if self.is_larger else np.minimum(a, b)

    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        shape = pairs.shape(self, self.inputs)
        fields: dict[str, Field] = {"shape": shape, "is_larger": int(self.is_larger)}
        if wide.is_wide(self.output):
            return wide.pair(self, "wide_extremum", fields)
        return pairs.repeated(self, "extremum", fields)


def _read(op: FileOp) -> ir.Op:
    a, b, output = pairs.read(op, WEIGHTED)
    return Extremum([a, b], output, op.source, is_larger=op.info.name == "MAXIMUM")


OPS = (OpRule("MINIMUM", 4, _read), OpRule("MAXIMUM", 4, _read))
