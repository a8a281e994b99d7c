"""A call of a C kernel: its function, its constants, its arguments.

    void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

is called, for a Call of kernel "add", with the address of a constant struct made of `fields`, then
with `arguments` in order.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from firmware_export.standalone.graph.tensor import Tensor

# Declares the kernels without a separate header.
KERNELS_HEADER = "edge_kernels.h"


@dataclasses.dataclass(frozen=True, eq=False)
class Array:
    """A constant array in flash, or a table; equal ones can be shared.

    Attributes:
      name: what it is for, used for its C name: "weights", "bias", "multiplier".
      values: one-dimensional, of any integer type or float32.
      shape: of the values as the kernel reads them; () for a plain list.
      origin: the file's constant that they come from, if there is one.
      values_for_dsp: in an export of several kernel sets, as many that DSP kernels read instead.
    """

    name: str
    values: np.ndarray
    shape: tuple[int, ...] = ()
    origin: Tensor | None = None
    values_for_dsp: np.ndarray | None = None

    @property
    def c_type(self) -> str:
        return "float" if self.values.dtype == np.float32 else f"{self.values.dtype}_t"

    @property
    def key(self) -> tuple[str, bytes]:
        """Equal for arrays that can share memory."""
        others = b"" if self.values_for_dsp is None else self.values_for_dsp.tobytes()
        return self.c_type, self.values.tobytes() + others


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """An activation as an argument: its first byte, or one further in.

    Attributes:
      tensor: the activation; the planner knows its address.
      offset: bytes to add.
    """

    tensor: Tensor
    offset: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """The argument `rows`: a constant array of pointers into activations."""

    places: tuple[Place, ...]


@dataclasses.dataclass(frozen=True)
class Scratch:
    """The argument `scratch`: memory for this call alone, or NULL if the call needs none."""


# A struct's content in the order of its members: a number, an array's name, a list of numbers for
# an array member, None for NULL, or the members of a nested struct.
Field: TypeAlias = "int | float | Array | Sequence[int] | Mapping[str, Field] | None"
Argument: TypeAlias = Place | Places | Array | Scratch


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a kernel.

    Attributes:
      kernel: "pointwise" for edge_pointwise().
      struct: the parameter type: "edge_pointwise_t".
      sources: stems of the files in kernels/portable (and dsp, mve) that it needs: "pointwise".
      fields: the struct's members, in its order.
      arguments: after the struct's address, in order. An Array is a constant operand.
      source: the op it comes from.
      scratch: bytes that `Scratch` must have, aligned to 8; 0 is NULL.
      header: the file in kernels/ that declares function and struct.
    """

    kernel: str
    struct: str
    sources: tuple[str, ...]
    fields: Mapping[str, Field]
    arguments: tuple[Argument, ...]
    source: str
    scratch: int = 0
    header: str = KERNELS_HEADER

    @property
    def function(self) -> str:
        return f"edge_{self.kernel}"


def operand(tensor: Tensor) -> Argument:
    """A tensor as an argument: the place of an activation, or the constant itself."""
    if tensor.data is None:
        return Place(tensor)
    values = tensor.data.reshape(-1)
    if values.dtype == np.bool_:
        values = values.view(np.int8)
    return Array("constant", values, tensor.shape, tensor)


@dataclasses.dataclass(frozen=True)
class Step:
    """A part of an op's work that ends with a write.

    Attributes:
      reads: by position in op.inputs: the first byte that is read, from the tensor's start.
      written: end of the bytes that are written, from the output's start.
    """

    reads: Mapping[int, int]
    written: int


class Progress(Protocol):
    """The order in which an op reads its inputs and writes its output."""

    def steps(self) -> Iterator[Step]:
        """All steps, in order."""


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """The calls of one op, in order, and what the planner may do with its tensors.

    Attributes:
      calls: usually one.
      in_place: positions in op.inputs of tensors that the output may overwrite from their first
        byte on. If nothing else reads that input later, the two may share memory.
      progress: for an op that reads and writes in order, so that its output may follow an input
        that it consumes; None: it may read anything until it ends.
      smaller: the same with less scratch and more instructions, if there is such a choice.
      shared: the same in fewer instructions by a kernel that is not worth its flash for this op
        alone; taken if another op needs the kernel anyway.
    """

    calls: tuple[Call, ...]
    in_place: tuple[int, ...] = ()
    progress: Progress | None = None
    smaller: "Lowered | None" = None
    shared: "Lowered | None" = None

    @property
    def scratch(self) -> int:
        """Bytes needed besides inputs and output; calls run one after the other."""
        return max((call.scratch for call in self.calls), default=0)
