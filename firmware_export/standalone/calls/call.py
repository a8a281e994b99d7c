"""What one call of a C kernel needs: which function, its constants, its arguments.

    void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

is called, for a Call of kernel "add", with the address of a constant struct made of `fields`, then
with `arguments` in order.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.standalone import ir


@dataclasses.dataclass(frozen=True, eq=False)
class Array:
    """A constant array in flash, or a table; equal ones can be shared.

    Attributes:
      name: what it is for, to make a C name of: "weights", "bias", "multiplier".
      values: one-dimensional, int8, uint16 or int32; the C type is values.dtype with "_t".
    """

    name: str
    values: np.ndarray

    @property
    def c_type(self) -> str:
        return f"{self.values.dtype}_t"

    @property
    def key(self) -> tuple[str, bytes]:
        """Equal for arrays that can share one place."""
        return self.c_type, self.values.tobytes()


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """An activation as an argument: its first byte, or one further in.

    Attributes:
      tensor: whose place it is; the planner knows where.
      offset: bytes to add.
    """

    tensor: ir.Tensor
    offset: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """The argument `rows`: a constant array of pointers into activations."""

    places: tuple[Place, ...]


@dataclasses.dataclass(frozen=True)
class Scratch:
    """The argument `scratch`: memory for this call alone, or NULL when the call needs none."""


# A struct's content in the order of its members: a number, an array's name, a list of numbers for
# an array member, None for NULL, or the members of a nested struct.
Field: TypeAlias = "int | Array | Sequence[int] | Mapping[str, Field] | None"
Argument: TypeAlias = Place | Places | Array | Scratch


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a kernel.

    Attributes:
      kernel: "pointwise" for edge_pointwise() with an edge_pointwise_t.
      struct: the parameter type, where it is not the kernel's: "edge_convolution_t".
      sources: stems of the files in kernels/portable (and dsp, mve) that it needs: "pointwise".
      fields: of the struct, in its order.
      arguments: after the struct's address, in order. An Array is a constant operand.
      scratch: bytes that `Scratch` must have, aligned to 8; 0 is NULL.
      op: what it comes from.
    """

    kernel: str
    struct: str
    sources: tuple[str, ...]
    fields: Mapping[str, Field]
    arguments: tuple[Argument, ...]
    op: ir.Op
    scratch: int = 0

    @property
    def function(self) -> str:
        return f"edge_{self.kernel}"

    def arrays(self) -> list[Array]:
        """The constants of the struct and the arguments, in that order."""
        found = [a for a in self.arguments if isinstance(a, Array)]
        return [*_arrays(self.fields), *found]


def _arrays(fields: Mapping[str, Field]) -> list[Array]:
    found: list[Array] = []
    for value in fields.values():
        if isinstance(value, Array):
            found.append(value)
        elif isinstance(value, Mapping):
            found.extend(_arrays(value))
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """The calls of one op, in order, and what the planner may do with its tensors.

    Attributes:
      calls: usually one.
      scratch: bytes the calls need beside inputs and output, one after the other: their maximum.
      in_place: positions in op.inputs of tensors at whose address the output may begin. When
        nothing else reads that input later, the two may share their place.
    """

    calls: tuple[Call, ...]
    in_place: tuple[int, ...] = ()

    @property
    def scratch(self) -> int:
        return max((call.scratch for call in self.calls), default=0)


def check(
    op: ir.Op,
    condition: bool,
    tensor: ir.Tensor,
    what: str,
    remedy: str = "make the layer smaller, or export with --flavor=tflm",
) -> None:
    """Refuses an op: "op 12 MEAN: 'name' has ...; remedy"."""
    if not condition:
        raise ExportError(f"{op.source}: '{tensor.name}' {what}; {remedy}")
