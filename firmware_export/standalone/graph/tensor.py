"""A tensor of the graph: an activation or a constant."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(eq=False)
class Tensor:
    """An activation or a constant; compared by identity.

    Attributes:
      name: unique in its graph; from the file, or made by a pass.
      shape: static dimensions.
      dtype: "int8" or "int32".
      scales: real = scale * (value - zero_point); one, or one per channel (weights, biases).
      zero_points: as many as scales.
      channel_axis: the axis of several scales.
      data: the content of a constant; None for an activation.
      base, offset: an activation without separate memory is part of `base`, from byte `offset` on;
        set by passes that share memory.
      pitch: bytes from one row (item of axis 1) to the next if there are gaps between them; then
        the batch is 1, and all ops that use it accept gaps. None: no gaps.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    channel_axis: int = 0
    data: np.ndarray | None = None
    base: "Tensor | None" = None
    offset: int = 0
    pitch: int | None = None

    @property
    def is_constant(self) -> bool:
        return self.data is not None

    @property
    def size(self) -> int:
        """Number of items, which is bytes for int8."""
        return math.prod(self.shape)

    @property
    def extent(self) -> int:
        """Bytes from the first to the last one, including gaps."""
        if self.pitch is None:
            return self.size
        rows = self.shape[1]
        return (rows - 1) * self.pitch + self.size // rows

    @property
    def constant(self) -> np.ndarray:
        """The content of a constant; ValueError for an activation."""
        if self.data is None:
            raise ValueError(f"'{self.name}' is not a constant")
        return self.data

    def storage(self) -> tuple["Tensor", int]:
        """The tensor that owns the memory, itself if it has its own; and the offset in it."""
        tensor, offset = self, 0
        while tensor.base is not None:
            tensor, offset = tensor.base, offset + tensor.offset
        return tensor, offset

    @property
    def scale(self) -> float:
        """The only scale; ValueError if there are several or none."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The only zero point; ValueError if there are several or none."""
        (zero_point,) = self.zero_points
        return zero_point
