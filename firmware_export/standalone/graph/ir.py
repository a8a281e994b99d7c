"""The graph between a .tflite file and C: a list of ops on tensors, in the order they run.

The reader makes it, passes rewrite it, the planner places each activation, emission writes it. Ops
are named and parametrized by what the kernels need, not by the file's encoding: padding is counted
in rows, fused activations are int8 bounds, axes are positive.

This module has the kinds of ops that passes distinguish; the ops themselves are in ops/.
"""

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone.graph.calls import KERNELS_HEADER, Argument, Call, Field, Lowered
from firmware_export.standalone.graph.tensor import Tensor
from firmware_export.standalone.target import KernelSet

__all__ = ["Bounded", "Conversion", "Graph", "Op", "Pairwise", "Tensor", "Windowed", "WithTable"]


@dataclasses.dataclass(eq=False)
class Op(abc.ABC):
    """One step; subclasses say which. `inputs` has both activations and constants.

    Attributes:
      inputs: tensors read, in the order the subclass documents.
      output: the tensor written.
      source: its origin, for messages and comments: "op 12 CONV_2D".
      takes_gaps: whether its kernels can read and write rows with gaps between them.
    """

    inputs: list[Tensor]
    output: Tensor
    source: str
    takes_gaps: ClassVar[bool] = False

    @abc.abstractmethod
    def lower(self, kernels: KernelSet = "portable") -> Lowered:
        """Selects the kernels for the op and computes all they need.

        Everything that needs floating point, a division or a decision happens here, at compile
        time.

        Args:
          kernels: the kernel set: "portable", "dsp" or "mve".

        Raises:
          ExportError: no kernel computes this op as TensorFlow Lite Micro does.
        """

    def is_same_bytes(self) -> bool:
        """Whether the output has the bytes of the first input, in the same order."""
        return False

    def runs_by_rows(self) -> bool:
        """Whether it can run for a single row (axis 1) of its 4-dimensional output."""
        return False

    def vertical(self) -> tuple[int, int, int]:
        """(rows of its input that a row of the output needs, stride, padding above)."""
        return 1, 1, 0

    def multiply_adds(self) -> int:
        """Products of a value and a weight, including those with padding; 0 for other ops."""
        return 0

    def follows_rows_of(self, tensor: Tensor) -> bool:
        """Whether it needs the rows of an input one by one, not one row for all output rows."""
        return True

    def call(
        self,
        kernel: str,
        fields: Mapping[str, Field],
        *arguments: Argument,
        struct: str = "",
        sources: tuple[str, ...] = (),
        scratch: int = 0,
        header: str = KERNELS_HEADER,
    ) -> Call:
        """A call of edge_<kernel>(), from edge_<kernel>.c with an edge_<kernel>_t by default."""
        struct, sources = struct or f"edge_{kernel}_t", sources or (kernel,)
        return Call(kernel, struct, sources, fields, arguments, self.source, scratch, header)

    def check(
        self,
        condition: bool,
        tensor: Tensor,
        what: str,
        remedy: str = "make the layer smaller, or export with --flavor=tflm",
    ) -> None:
        """Rejects the op unless `condition`: "op 12 MEAN: 'name' has ...; remedy"."""
        if not condition:
            raise ExportError(f"{self.source}: '{tensor.name}' {what}; {remedy}")


@dataclasses.dataclass(eq=False)
class Conversion(Op):
    """inputs: x. The same numbers in another type; at the ends of a graph, see ends.py."""


@dataclasses.dataclass(eq=False)
class Bounded(Op):
    """An op with kernels that clamp each value they write.

    Attributes:
      low, high: bounds of the output, int8.
    """

    low: int = -128
    high: int = 127


@dataclasses.dataclass(eq=False)
class WithTable(Bounded):
    """An op with kernels that can map what they write through a table.

    Attributes:
      table: 256 int8 values applied to the bounded output, index value + 128; None: no table.
      before_table: has the scale and zero point of the values that go into `table`; the output
        has those of the results. None without a table.
    """

    table: np.ndarray | None = None
    before_table: Tensor | None = None


@dataclasses.dataclass(eq=False)
class Pairwise(Op):
    """inputs: two tensors that broadcast, either may be constant. Computed elementwise."""

    @abc.abstractmethod
    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """TensorFlow Lite Micro's result for int8 values of the first and the second input.

        Raises:
          ValueError: it rejects these scales.
        """

    def runs_by_rows(self) -> bool:
        rows = self.output.shape[1]
        for tensor in self.inputs:
            padded = (1,) * (4 - len(tensor.shape)) + tensor.shape
            if padded[1] > 1 and (tensor.is_constant or padded[1] != rows):
                return False
            if not tensor.is_constant and len(tensor.shape) != 4:
                return False
        return True

    def follows_rows_of(self, tensor: Tensor) -> bool:
        return tensor.shape[1] == self.output.shape[1]


@dataclasses.dataclass(eq=False)
class Windowed(Op):
    """inputs: x [n, h, w, c], over which a window slides, and constants.

    Attributes:
      stride: (vertical, horizontal).
      padding: (top, left), neutral values; bottom and right follow from the shapes.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    @abc.abstractmethod
    def vertical(self) -> tuple[int, int, int]:
        """(rows of its input that a row of the output needs, stride, padding above)."""


@dataclasses.dataclass(eq=False)
class Graph:
    """A model.

    Attributes:
      ops: in the order they run.
      inputs, outputs: the model's.
      states: activations that keep their place and content from one run to the next.
    """

    ops: list[Op]
    inputs: list[Tensor]
    outputs: list[Tensor]
    states: list[Tensor] = dataclasses.field(default_factory=list)

    def lasting(self) -> list[Tensor]:
        """The outputs and states: nothing may overwrite them until all ops have run."""
        return [*self.outputs, *self.states]

    def activations(self) -> Iterator[Tensor]:
        """Every activation once, in the order it first appears."""
        seen: set[int] = set()
        written = [op.output for op in self.ops]
        for tensor in [*self.inputs, *(t for op in self.ops for t in op.inputs), *written]:
            if not tensor.is_constant and id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor

    def producer(self, tensor: Tensor) -> Op | None:
        """The op that writes a tensor; None for inputs and constants."""
        return next((op for op in self.ops if op.output is tensor), None)

    def readers(self, tensor: Tensor) -> list[Op]:
        """The ops that read a tensor, in order."""
        return [op for op in self.ops if any(t is tensor for t in op.inputs)]
