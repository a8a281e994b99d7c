"""Resource variables of a file: memory that lasts from one run to the next."""

import dataclasses

import numpy as np

from firmware_export.standalone.graph import ir


@dataclasses.dataclass(eq=False)
class Variable:
    """A variable.

    Attributes:
      name: as in the file, made printable.
      state: its memory; None as long as no op reads or assigns it.
      initial: what a subgraph that is called once assigns; None: nothing.
      default: the byte that fills it before.
      is_assigned: whether some op assigns it.
      is_used: whether an op of the main graph has read or assigned it so far.
    """

    name: str
    state: ir.Tensor | None = None
    initial: np.ndarray | None = None
    default: int = 0
    is_assigned: bool = False
    is_used: bool = False

    def fits(self, like: ir.Tensor) -> bool:
        """Whether it holds such tensors; the first one decides."""
        if self.state is None:
            self.state = dataclasses.replace(like, name=self.name, data=None)
        return (self.state.dtype, self.state.size) == (like.dtype, like.size)

    def begin(self) -> ir.Tensor:
        """Its memory, which some op has used, with what it contains before the first run."""
        assert self.state is not None
        if self.initial is None:
            content = np.full(self.state.byte_size, self.default, np.int8)
            self.initial = content.view(self.state.dtype)
        self.state.initial = self.initial.reshape(self.state.shape)
        return self.state
